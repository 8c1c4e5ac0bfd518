"""What threads share, under as many changes at a time as an operator can bring about. Of use in any
build; in one with ThreadSanitizer a race fails the test (scripts/test, step system-tsan)."""

import random
import signal
import threading
import time

import pytest

import backends
import proxy as proxy_module
import rude

pytestmark = pytest.mark.threads

CHANGES = 60
LONGEST_PAUSE_S = 0.03


class Site:
    """A proxy with many workers whose every changeable part is changed."""

    def __init__(self, start, driver, certs, address, directory):
        self.log = directory / "access.log"
        self.certificates = [certs.get(), certs.get("renewed", names=["renewed.example"])]
        self.frontend = {"name": "web", "listen": ["127.0.0.1:0"], "backend": "app",
                         "pem-file": self.certificates[0].pem_path}
        self.settings = {
            "io": driver, "workers": 4, "allow_root": True, "timeouts": {"half-closed": "500ms"},
            "access-log": {"target": "file", "file": self.log, "format": "text"},
            "frontends": [self.frontend],
            "backends": [{"name": "app", "servers": [{"address": address}]}]}
        self.proxy = start(proxy_module.configuration(**self.settings)).wait_until_ready()
        self.port = self.proxy.port()

    def change(self, count):
        """Writes another configuration and tells of it, without waiting until it is in use."""
        frontend = {**self.frontend, "pem-file": self.certificates[count % 2].pem_path}
        other = {**frontend, "name": "other", "listen": ["127.0.0.1:0", "[::1]:0"]}
        self.settings.update({
            "workers": (4, 1, 3, 2, 4)[count % 5],
            "frontends": [frontend, other] if count % 3 else [frontend],
            "max_connections": 1000 + count})
        self.settings["access-log"]["format"] = ("text", "json", "off")[count % 3]
        self.tell()

    def tell(self):
        half_written = self.proxy.config_path.with_suffix(".new")
        half_written.write_text(proxy_module.configuration(**self.settings))
        half_written.rename(self.proxy.config_path)
        self.proxy.send(signal.SIGHUP)

    def rotate(self, count):
        if self.log.exists():
            self.log.rename(self.log.with_suffix(f".{count}"))
        self.proxy.send(signal.SIGUSR1)

    def change_everything(self, seed):
        chance = random.Random(seed)
        for count in range(CHANGES):
            self.change(count)
            if count % 4 == 0:
                self.rotate(count)
            time.sleep(chance.random() * LONGEST_PAUSE_S)
        self.proxy.wait_for_line("reloaded")


@pytest.fixture
def site(start, driver, certs, directory, backend):
    return Site(start, driver, certs, backend(backends.echo).address, directory)


class Clients:
    """Threads that connect, are answered, and leave in one of three ways, until they are stopped
    or nobody accepts any more. What an honest one missed is a failure."""

    def __init__(self, port, count=4):
        self.port = port
        self.done = 0
        self.failures = []
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.tls = rude.context()
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        while not self.over.is_set():
            try:
                self.ask(number)
                with self.lock:
                    self.done += 1
            except Exception as failure:  # whatever it is, it is counted
                with self.lock:
                    self.failures.append(repr(failure))

    def ask(self, number):
        with rude.connect(self.port, tls=self.tls) as client:
            for size in (1, 20_000):
                client.send(b"x" * size)
                assert client.receive_exactly(size) == b"x" * size
            if number % 3 == 0:
                client.reset()
                return
            if number % 3 == 1:
                client.goodbye()
                assert client.receive_until_end() == (b"", "goodbye")

    def wait_for(self, count):
        until = time.monotonic() + proxy_module.PATIENCE_S
        while self.done < count:
            assert time.monotonic() < until, self.failures[:5]
            time.sleep(0.01)

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()
        return self.done, self.failures


def test_everything_changes_at_once_under_traffic_and_a_drain_ends_it(site):
    clients = Clients(site.port)
    try:
        clients.wait_for(4)
        site.change_everything(1)
        site.proxy.send(signal.SIGUSR2)
        clients.wait_for(CHANGES)
    finally:
        done, failures = clients.stop()
    assert not failures, failures[:5]
    assert done >= CHANGES
    assert site.proxy.stop(signal.SIGTERM) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_daemon_may_be_ended_in_the_midst_of_changes_and_traffic(site, number):
    clients = Clients(site.port)
    try:
        clients.wait_for(4)
        for count in range(5):
            site.change(count)
        site.rotate(0)
        site.proxy.send(number)
        site.change(5)
        assert site.proxy.wait() == 0
    finally:
        clients.stop()


def test_connections_are_cut_on_every_worker_when_a_drain_takes_too_long(site):
    held = [rude.connect(site.port) for _ in range(24)]
    site.change(1)
    site.proxy.wait_for_line("reloaded")
    site.proxy.send(signal.SIGTERM)
    site.proxy.wait_for_line("draining")
    site.proxy.send(signal.SIGTERM)
    assert site.proxy.wait() == 4
    for client in held:
        assert client.receive_until_end() == (b"", "reset")
        client.close()


def test_what_a_change_came_to_is_read_before_the_next_is_sent(site):
    """When workers become fewer their sockets follow those that stay, in a change of their own: it
    is sent when the one before has come back, whose outcome both threads were once at work on."""
    for count in range(6):
        site.settings["workers"] = 1 if count % 2 == 0 else 4
        site.tell()
        site.proxy.wait_for_line(rf"reloaded count={count + 1}\b")
    clients = Clients(site.port, 1)
    try:
        clients.wait_for(2)
    finally:
        _, failures = clients.stop()
    assert not failures
