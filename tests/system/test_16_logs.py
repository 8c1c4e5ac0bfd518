"""Where log lines go, which are worth one; and an older kernel."""

import errno
import os
import pwd
import signal
import socket
import time

import pytest

import calls
import proxy as proxy_module
import rude

is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may")
TO_FILE = 'file=$1; shift; exec "$@" >"$file"'
OTHER_DEV = 'directory=$1; shift; mount --bind "$directory" /dev && exec "$@"'


def echo_once(port):
    with rude.connect(port) as client:
        client.send(b"x")
        assert client.receive_exactly(1) == b"x"
        client.goodbye()
        client.receive_until_end()


def wait_until(predicate):
    until = time.monotonic() + proxy_module.PATIENCE_S
    while not predicate():
        assert time.monotonic() < until
        time.sleep(0.02)


def contains(path, text):
    return path.exists() and text in path.read_text()


def site(driver, certs, port, **settings):
    return proxy_module.configuration(
        io=driver, workers=2, allow_root=True,
        frontends=[{"name": "web", "listen": [f"127.0.0.1:{port}"], "backend": "app",
                    "pem-file": certs.get().pem_path}],
        backends=[{"name": "app", "servers": [{"address": "builtin:echo"}]}], **settings)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@is_root
def test_log_files_belong_to_the_user_the_daemon_becomes(start, driver, certs, directory):
    directory.chmod(0o711)
    log, access, port = directory / "daemon.log", directory / "access.log", free_port()
    proxy = start(site(driver, certs, port, user="nobody", log={"target": "file", "file": log},
                       access_log={"target": "file", "file": access}))
    wait_until(lambda: contains(log, "ready"))
    echo_once(port)
    wait_until(lambda: contains(access, "conn "))
    for path in (log, access):
        assert path.stat().st_uid == pwd.getpwnam("nobody").pw_uid
        assert path.stat().st_mode & 0o777 == 0o640
    assert proxy.stop() == 0
    assert contains(log, "stopped")


@pytest.mark.parametrize("name", ["log", "access-log"])
def test_a_log_file_that_cannot_be_had_ends_the_start_and_is_named(driver, certs, directory, name):
    path = directory / "x.conf"
    path.write_text(site(driver, certs, 0, **{
        name: {"target": "file", "file": directory / "missing" / "x.log"}}))
    ended = proxy_module.run("-c", path)
    assert ended.returncode == 1
    assert "missing/x.log" in ended.stderr and "No such file" in ended.stderr


def test_lines_for_standard_output_are_not_among_the_errors(serve, directory):
    path = directory / "output"
    proxy = serve("builtin:echo", access_log={"target": "stdout"},
                  wrapper=["sh", "-c", TO_FILE, "sh", path])
    echo_once(proxy.port())
    wait_until(lambda: contains(path, "conn "))
    assert not proxy.connections()


@is_root
def test_the_system_log_gets_lines_with_their_level(start, driver, certs, directory):
    """In a mount namespace whose /dev has nothing but a /dev/log of our own."""
    (directory / "dev").mkdir()
    port = free_port()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as system_log:
        system_log.bind(str(directory / "dev" / "log"))
        system_log.settimeout(proxy_module.PATIENCE_S)
        proxy = start(site(driver, certs, port, log={"target": "syslog"},
                           access_log={"target": "syslog"}),
                      wrapper=["unshare", "--mount", "sh", "-c", OTHER_DEV, "sh",
                               directory / "dev"])
        heard = hear(system_log, "ready version=")
        echo_once(port)
        heard += hear(system_log, ": conn ")
        assert proxy.stop() == 0
    assert all(line.startswith("<30>") for line in heard)  # daemon.info
    assert all(f"sallyport[{proxy.pid}]: " in line for line in heard)


def hear(system_log, what):
    heard = [system_log.recv(4096).decode()]
    while what not in heard[-1]:
        heard.append(system_log.recv(4096).decode())
    return heard


def test_the_level_says_which_lines_are_written_and_follows_a_reload(start, driver, certs):
    def tell(level, form):
        proxy.config_path.write_text(site(driver, certs, port, log={"level": level},
                                          access_log={"format": form}))
        proxy.send(signal.SIGHUP)

    def serves_in_json():
        echo_once(port)
        return [line for line in proxy.said() if line.startswith("{")]

    port = free_port()
    proxy = start(site(driver, certs, port)).wait_until_ready()
    for level in ("error", "warn"):
        tell(level, "json")
        wait_until(serves_in_json)
    assert not [line for line in proxy.said() if "reloaded" in line]
    tell("debug", "text")
    proxy.wait_for_line(r"reloaded count=\d")


@pytest.mark.skipif("epoll" not in os.environ.get("SALLYPORT_DRIVERS", "epoll"),
                    reason="built without epoll")
def test_a_kernel_without_epoll_pwait2_serves_and_does_not_spin(serve):
    proxy = serve("builtin:echo", io="epoll",
                  wrapper=calls.refused(calls.EPOLL_PWAIT2, errno.ENOSYS))
    echo_once(proxy.port())
    before = proxy.cpu_seconds()
    time.sleep(1)
    assert proxy.cpu_seconds() - before < 0.3
    echo_once(proxy.port())
