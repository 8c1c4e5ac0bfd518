"""What an operator sees: signals, logs, privileges, the service manager, ports, fallbacks."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest

import backends
import calls
import proxy as proxy_module
import rude

pytestmark = pytest.mark.threads

FIELDS = ("id client fe be srv sni alpn tls cipher group resumed verify hs_ms wait_ms conn_ms "
          "dur_ms in out ktls end ts").split()
is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may change user")


def echo_once(port):
    with rude.connect(port) as client:
        client.send(b"x")
        assert client.receive_exactly(1) == b"x"
        client.goodbye()
        client.receive_until_end()


# --- signals -------------------------------------------------------------------------------------

def test_a_drain_waits_for_connections_and_takes_no_new_ones(serve, backend):
    proxy = serve(backend(backends.echo))
    client = rude.connect(proxy.port())
    proxy.send(signal.SIGTERM)
    proxy.wait_for_line("draining")
    time.sleep(0.5)
    with pytest.raises(ConnectionRefusedError):
        rude.Client(proxy.port())
    client.send(b"still here")
    assert client.receive_exactly(10) == b"still here"
    client.goodbye()
    client.receive_until_end()
    client.close()
    assert proxy.wait() == 0


def test_a_second_term_does_not_wait(serve, backend):
    proxy = serve(backend(backends.echo))
    client = rude.connect(proxy.port())
    proxy.send(signal.SIGTERM)
    proxy.wait_for_line("draining")
    assert proxy.stop(signal.SIGTERM, timeout=5) == 4
    assert client.receive_until_end() == (b"", "reset")
    assert proxy.wait_for_end()["end"] == "killed"


def test_int_does_not_wait(serve, backend):
    proxy = serve(backend(backends.echo))
    client = rude.connect(proxy.port())
    client.send(b"x")
    client.receive_exactly(1)
    assert proxy.stop(signal.SIGINT, timeout=5) == 0
    assert client.receive_until_end() == (b"", "reset")
    assert proxy.wait_for_end()["end"] == "killed"


def test_quit_drains_without_a_deadline(serve, backend):
    proxy = serve(backend(backends.echo), timeouts={"shutdown": "200ms"})
    client = rude.connect(proxy.port())
    proxy.send(signal.SIGQUIT)
    time.sleep(1)
    client.send(b"x")
    assert client.receive_exactly(1) == b"x"
    client.goodbye()
    client.receive_until_end()
    client.close()
    assert proxy.wait() == 0


def test_signals_that_mean_nothing_yet_change_nothing(serve):
    proxy = serve("builtin:echo")
    for number in (signal.SIGUSR2, signal.SIGPIPE):
        proxy.send(number)
    proxy.wait_for_line("signal=USR2")
    echo_once(proxy.port())


def test_connections_in_the_queue_are_served_when_a_drain_begins(serve, backend):
    proxy = serve(backend(backends.echo))
    clients = [rude.Client(proxy.port()) for _ in range(50)]
    proxy.send(signal.SIGTERM)
    for client in clients:
        client.handshake()
        client.send(b"x")
        assert client.receive_exactly(1) == b"x"
        client.goodbye()
        client.receive_until_end()
        client.close()
    assert proxy.wait() == 0


# --- logs ----------------------------------------------------------------------------------------

def test_every_field_stands_in_every_line(serve):
    proxy = serve("builtin:echo", {"alpn": ["http/1.1"]})
    with rude.connect(proxy.port(), tls=rude.context(alpn=["http/1.1"])) as client:
        client.goodbye()
        client.receive_until_end()
    end = proxy.wait_for_end()
    assert list(end) == FIELDS
    assert (end["alpn"], end["resumed"], end["ts"]) == ("http/1.1", "0", "--")
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{26}", end["id"])
    assert re.fullmatch(r"127\.0\.0\.1:\d+", end["client"])


def test_json_lines_say_the_same(serve):
    proxy = serve("builtin:echo", **{"access-log": {"format": "json"}})
    echo_once(proxy.port())
    line = proxy.wait_for_line(r"^\{").string
    event = json.loads(line)
    assert set(FIELDS) < set(event)
    assert (event["in"], event["out"], event["end"]) == (1, 1, "client_close")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", event["time"])


def test_no_access_log_is_no_line(serve):
    proxy = serve("builtin:echo", **{"access-log": {"format": "off"}})
    echo_once(proxy.port())
    assert proxy.stop(signal.SIGTERM) == 0
    assert not [line for line in proxy.said() if line.startswith("conn")]


def test_log_files_are_opened_anew_after_a_rotation(serve, directory):
    path = directory / "access.log"
    proxy = serve("builtin:echo", **{"access-log": {"target": "file", "file": path}})
    echo_once(proxy.port())
    wait_for_text(path, "conn ", 1)
    path.rename(directory / "access.log.1")
    proxy.send(signal.SIGUSR1)
    proxy.wait_for_line("signal=USR1")
    wait_until(path.exists)
    echo_once(proxy.port())
    wait_for_text(path, "conn ", 1)
    assert (directory / "access.log.1").read_text().count("conn ") == 1
    assert path.stat().st_mode & 0o777 == 0o640


def wait_for_text(path, text, count):
    wait_until(lambda: path.exists() and path.read_text().count(text) >= count)


def wait_until(predicate, timeout=proxy_module.PATIENCE_S):
    until = time.monotonic() + timeout
    while not predicate():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_log_nobody_reads_holds_nobody_up(start, driver, certs):
    """The proxy's standard error is a pipe that is full."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    config = pathlib.Path(certs.directory) / f"deaf-{os.getpid()}-{driver}.conf"
    config.write_text(proxy_module.configuration(
        io=driver, allow_root=True, workers=1,
        frontends=[{"listen": f"127.0.0.1:{port}", "pem-file": certs.get().pem_path,
                    "backend": "app"}],
        backends=[{"name": "app", "servers": [{"address": "builtin:echo"}]}]))
    with subprocess.Popen([proxy_module.BINARY, "-q", "-c", config], stderr=writing) as process:
        try:
            os.close(writing)
            wait_until(lambda: connects(port))
            for _ in range(50):
                echo_once(port)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(proxy_module.PATIENCE_S)
            os.close(reading)
    assert process.returncode == 0


def connects(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


# --- privileges ----------------------------------------------------------------------------------

@is_root
def test_every_thread_gives_up_what_it_does_not_need(serve):
    proxy = serve("builtin:echo", user="nobody")
    echo_once(proxy.port())
    for task in pathlib.Path(f"/proc/{proxy.pid}/task").iterdir():
        status = dict(line.split(":\t", 1)
                      for line in (task / "status").read_text().splitlines() if ":\t" in line)
        assert status["CapEff"] == status["CapPrm"] == f"{1 << 10:016x}"  # NET_BIND_SERVICE
        assert status["CapInh"] == status["CapAmb"] == "0" * 16
        assert status["NoNewPrivs"] == "1"
        assert "0" not in status["Uid"].split() and "0" not in status["Gid"].split()
        assert "0" not in status["Groups"].split()
    limits = pathlib.Path(f"/proc/{proxy.pid}/limits").read_text()
    assert re.search(r"Max core file size\s+0\s+0", limits)
    assert pathlib.Path(f"/proc/{proxy.pid}/mem").stat().st_uid == 0  # not dumpable


@is_root
def test_root_without_a_user_to_become_is_refused(certs, directory):
    path = directory / "x.conf"
    path.write_text(proxy_module.configuration(
        frontends=[{"listen": "127.0.0.1:0", "pem-file": certs.get().pem_path, "backend": "a"}],
        backends=[{"name": "a", "servers": [{"address": "builtin:echo"}]}]))
    ended = proxy_module.run("-c", path)
    assert ended.returncode == 3
    assert "allow-root" in ended.stderr
    assert proxy_module.run("-c", path, "-u", "no-such-user").returncode == 3


# --- service manager -----------------------------------------------------------------------------

def test_the_service_manager_hears_of_it(serve, directory):
    path = directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        path.chmod(0o777)
        manager.settimeout(20)
        proxy = serve("builtin:echo", environment={"NOTIFY_SOCKET": str(path),
                                                   "WATCHDOG_USEC": "4000000"})
        heard = ""
        for expected in ("READY=1", "STATUS=", "WATCHDOG=1"):
            while expected not in heard:
                heard += manager.recv(4096).decode() + "\n"
        proxy.send(signal.SIGTERM)
        while "STOPPING=1" not in heard:
            heard += manager.recv(4096).decode() + "\n"
    assert proxy.wait() == 0


# --- starting ------------------------------------------------------------------------------------

def test_a_port_in_use_is_named_and_nothing_starts(serve, start, certs):
    first = serve("builtin:echo")
    second = start(proxy_module.configuration(
        allow_root=True,
        frontends=[{"listen": f"127.0.0.1:{first.port()}", "pem-file": certs.get().pem_path,
                    "backend": "a"}],
        backends=[{"name": "a", "servers": [{"address": "builtin:echo"}]}]))
    assert second.wait() == 1
    assert any("cannot listen" in line and str(first.port()) in line for line in second.said())
    echo_once(first.port())


def test_a_star_is_both_families(serve):
    if not os.path.exists("/proc/net/if_inet6") or not ipv6_works():
        pytest.skip("no IPv6 here")
    proxy = serve("builtin:echo", {"listen": ["*:0"]})
    with rude.connect(proxy.port("web", "[::]"), host="::1") as client:
        client.send(b"6")
        assert client.receive_exactly(1) == b"6"
    with rude.connect(proxy.port("web", "0.0.0.0")) as client:
        client.send(b"4")
        assert client.receive_exactly(1) == b"4"


def ipv6_works():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def test_clients_may_come_over_a_unix_socket(serve, directory):
    path = directory / "clients.sock"
    proxy = serve("builtin:echo", {"listen": [f"unix:{path}"]})
    with socket.socket(socket.AF_UNIX) as plain:
        plain.settimeout(10)
        plain.connect(str(path))
        with rude.context().wrap_socket(plain, server_hostname="x") as client:
            client.sendall(b"local")
            assert client.recv(5) == b"local"
    assert proxy.stop(signal.SIGINT) == 0
    assert not path.exists()


def test_workers_may_be_set_on_the_command_line(serve):
    proxy = serve("builtin:echo", arguments=["-n", "3"])
    assert proxy.wait_for_line(r"ready .*workers=(\d+)").group(1) == "3"


def test_a_pid_file_is_written_and_removed(serve, directory):
    path = directory / "sallyport.pid"
    proxy = serve("builtin:echo", arguments=["-p", path])
    assert path.read_text() == f"{proxy.pid}\n"
    assert proxy.stop(signal.SIGTERM) == 0
    assert not path.exists()


def test_version_help_and_nonsense_have_their_exit_codes():
    assert re.match(r"sallyport \d+\.\d+\.\d+\n", proxy_module.run("-V").stdout)
    probed = proxy_module.run("-VV").stdout
    assert "OpenSSL" in probed and 'io = "epoll": epoll, tested\n' in probed
    assert re.search(r"^OpenSSL, groups: X25519 prime256v1 .*", probed, re.MULTILINE)
    assert re.search(r"^OpenSSL, groups (of post-quantum key exchange|it lacks): X25519MLKEM768",
                     probed, re.MULTILINE)
    assert re.search(r"^kernel TLS: no", probed, re.MULTILINE)
    if "tested" in probed.split('io = "io_uring": ', 1)[1].splitlines()[0]:
        assert re.search(r'io = "io_uring": io_uring, tested: .*entries=\d+ registered=', probed)
    assert "usage:" in proxy_module.run("--help").stdout
    for arguments in (["-x"], ["stray"], ["-n", "0"], ["-c"]):
        ended = proxy_module.run(*arguments)
        assert ended.returncode == 2 and ended.stderr


@pytest.mark.skipif("io_uring" not in os.environ.get("SALLYPORT_DRIVERS", "io_uring"),
                    reason="built without io_uring")
def test_where_io_uring_is_denied_epoll_serves_with_one_line(serve):
    proxy = serve("builtin:echo", wrapper=calls.refused(calls.IO_URING_SETUP), io="auto")
    echo_once(proxy.port())
    told = [line for line in proxy.said() if "falls back" in line]
    assert len(told) == 1 and "driver=epoll" in told[0]
