"""Reload without loss: connections, sockets and mistakes (invariant I15)."""

import re
import signal
import socket
import subprocess
import threading
import time

import pytest

import backends
import proxy as proxy_module
import rude

pytestmark = pytest.mark.threads

RELOADS = 40
QUIET_RELOADS = 100


class Site:
    """A proxy whose configuration can be written anew."""

    def __init__(self, start, driver, certs, address):
        self.settings = {
            "io": driver, "workers": 2, "allow_root": True,
            "frontends": [{"name": "web", "listen": ["127.0.0.1:0"], "backend": "app",
                           "pem-file": certs.get().pem_path}],
            "backends": [{"name": "app", "servers": [{"address": address}]}]}
        self.proxy = start(self.text()).wait_until_ready()
        self.port = self.proxy.port()
        self.reloads = 0

    def text(self):
        return proxy_module.configuration(**self.settings)

    def hup(self):
        self.proxy.send(signal.SIGHUP)

    def reload(self, **changes):
        self.settings.update(changes)
        self.proxy.config_path.write_text(self.text())
        self.hup()
        self.reloads += 1
        self.proxy.wait_for_line(rf"reloaded count={self.reloads}\b")

    def serve_from(self, address):
        self.reload(backends=[{"name": "app", "servers": [{"address": address}]}])


@pytest.fixture
def site(start, driver, certs):
    def make(address):
        return Site(start, driver, certs, address)
    return make


def answer_of(port):
    with rude.connect(port) as client:
        return client.receive_until_end()


def test_new_connections_begin_with_the_new_configuration_and_old_ones_keep_theirs(site, backend):
    old, new = backend(backends.echo), backend(backends.answer_and(b"new", "fin"))
    here = site(old.address)
    with rude.connect(here.port) as client:
        client.send(b"before")
        assert client.receive_exactly(6) == b"before"
        here.serve_from(new.address)
        assert answer_of(here.port) == (b"new", "goodbye")
        client.send(b"after")
        assert client.receive_exactly(5) == b"after"
        client.goodbye()
        assert client.receive_until_end() == (b"", "goodbye")


def test_a_mistake_changes_nothing_and_is_named(site, backend):
    here = site(backend(backends.answer_and(b"here", "fin")).address)
    good = here.proxy.config_path.read_text()
    here.proxy.config_path.write_text(good.replace("workers", "wrokers"))
    here.hup()
    here.proxy.wait_for_line(r"sallyport\.conf:\d+: error: .*workers")
    here.proxy.wait_for_line("reload failed")
    assert answer_of(here.port) == (b"here", "goodbye")
    here.proxy.config_path.write_text(good)
    here.reload()
    assert answer_of(here.port) == (b"here", "goodbye")


def test_a_port_that_cannot_be_had_changes_nothing(site, backend):
    here = site(backend(backends.answer_and(b"here", "fin")).address)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        frontend = dict(here.settings["frontends"][0])
        frontend["listen"] = ["127.0.0.1:0", "127.0.0.1:%d" % taken.getsockname()[1]]
        here.settings["frontends"] = [frontend]
        here.proxy.config_path.write_text(here.text())
        here.hup()
        here.proxy.wait_for_line("cannot listen")
        here.proxy.wait_for_line("reload failed")
    assert answer_of(here.port) == (b"here", "goodbye")


def test_addresses_come_and_go(site, backend, certs):
    here = site(backend(backends.answer_and(b"here", "fin")).address)
    first = here.settings["frontends"][0]
    second = {**first, "name": "other", "listen": ["127.0.0.1:0", "[::1]:0"]}
    here.reload(frontends=[first, second])
    port = here.proxy.port("other")
    assert answer_of(port) == (b"here", "goodbye")
    with rude.connect(port) as client:
        here.reload(frontends=[first])
        assert client.receive_until_end() == (b"here", "goodbye")
    wait_until_refused(port)
    assert answer_of(here.port) == (b"here", "goodbye")


def wait_until_refused(port):
    until = time.monotonic() + proxy_module.PATIENCE_S
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            time.sleep(0.05)
        except OSError:
            return
    raise AssertionError("the removed address still accepts")


def test_a_new_certificate_is_served(site, backend, certs):
    here = site(backend(backends.echo).address)
    frontend = {**here.settings["frontends"][0],
                "pem-file": certs.get("renewed", names=["renewed.example"]).pem_path}
    here.reload(frontends=[frontend])
    said = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{here.port}"],
                          input="", capture_output=True, text=True, timeout=20).stdout
    assert re.search(r"subject=CN = renewed\.example", said)


class Load:
    """Clients that connect, ask and are answered, one after another, until stopped."""

    def __init__(self, port, threads):
        self.port, self.done, self.failures = port, 0, []
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.tls = rude.context()
        self.threads = [threading.Thread(target=self.run) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.over.is_set():
            try:
                with rude.connect(self.port, tls=self.tls) as client:
                    client.send(b"x")
                    assert client.receive_exactly(1) == b"x"
                    client.goodbye()
                    assert client.receive_until_end() == (b"", "goodbye")
                with self.lock:
                    self.done += 1
            except Exception as failure:  # whatever it is, it is counted
                with self.lock:
                    self.failures.append(repr(failure))

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()
        return self.done, self.failures


def test_no_connection_fails_while_reloads_and_workers_change(site, backend):
    here = site(backend(backends.echo).address)
    load = Load(here.port, 4)
    try:
        for count in range(RELOADS):
            here.reload(workers=(2, 4, 1, 3)[count % 4])
    finally:
        done, failures = load.stop()
    assert not failures, failures[:5]
    assert done > RELOADS
    assert answer_echo(here.port)


def answer_echo(port):
    with rude.connect(port) as client:
        client.send(b"y")
        answer = client.receive_exactly(1)
        client.goodbye()
        return answer == b"y" and client.receive_until_end() == (b"", "goodbye")


def test_a_worker_that_goes_keeps_its_connections(site, backend):
    here = site(backend(backends.echo).address)
    here.reload(workers=4)
    clients = [rude.connect(here.port) for _ in range(16)]
    here.reload(workers=1)
    for client in clients:
        client.send(b"still")
        assert client.receive_exactly(5) == b"still"
        client.goodbye()
        assert client.receive_until_end() == (b"", "goodbye")
        client.close()


def test_long_transfers_outlive_five_quick_reloads(site, backend):
    size = 4 << 20

    def script(conversation):
        for _ in range(size >> 16):
            conversation.send(b"l" * 65536)
            time.sleep(0.015)

    here = site(backend(script).address)
    clients = [rude.connect(here.port) for _ in range(20)]
    got = [0] * len(clients)

    def read(index):
        data, end = clients[index].receive_until_end()
        got[index] = len(data) if end == "goodbye" else -1

    readers = [threading.Thread(target=read, args=(index,)) for index in range(len(clients))]
    for reader in readers:
        reader.start()
    for _ in range(5):
        here.hup()
        time.sleep(0.2)
    for reader in readers:
        reader.join()
    assert got == [size] * len(clients)


def test_reloads_leave_nothing_behind(site, backend):
    here = site(backend(backends.echo).address)
    for _ in range(5):
        here.reload()
    before = here.proxy.descriptors()
    for _ in range(QUIET_RELOADS):
        here.reload()
    assert here.proxy.descriptors() == before
    assert answer_echo(here.port)


def test_sessions_resume_across_a_reload(site, backend):
    here = site(backend(backends.echo).address)
    tls = rude.context()
    with rude.connect(here.port, tls=tls) as client:
        client.send(b"x")
        client.receive_exactly(1)
        client.goodbye()
        client.receive_until_end()
        session = client.tls.session
    here.reload()
    with rude.connect(here.port, tls=tls, session=session) as client:
        assert client.tls.session_reused


def test_the_access_log_follows(site, backend):
    here = site(backend(backends.echo).address)
    here.reload(**{"access-log": {"format": "json"}})
    assert answer_echo(here.port)
    here.proxy.wait_for_line(r'^\{.*"event":"conn"')


def test_a_limit_may_be_raised(site, backend):
    here = site(backend(backends.echo).address)
    here.reload(max_connections=1)
    held = rude.connect(here.port)
    late = rude.Client(here.port)
    late.socket.settimeout(0.5)
    with pytest.raises(TimeoutError):
        late.handshake()
    here.reload(max_connections=10)
    late.socket.settimeout(rude.WAIT_S)
    late.handshake()
    late.close()
    held.close()


def test_a_reload_and_a_drain_may_come_together(site, backend):
    here = site(backend(backends.echo).address)
    with rude.connect(here.port) as client:
        here.hup()
        here.proxy.send(signal.SIGTERM)
        here.hup()
        here.proxy.wait_for_line("draining")
        client.send(b"x")
        assert client.receive_exactly(1) == b"x"
        client.goodbye()
        client.receive_until_end()
    assert here.proxy.wait() == 0
