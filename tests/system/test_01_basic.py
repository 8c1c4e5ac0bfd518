"""It runs: bytes go through, the log says so, and it stops when told to."""

import signal
import ssl
import subprocess

import pytest

import backends
import proxy as proxy_module
import rude

pytestmark = pytest.mark.basic


def test_bytes_come_back_through_a_real_backend(serve, backend):
    proxy = serve(backend(backends.echo))
    with rude.connect(proxy.port()) as client:
        client.send(b"there and back")
        assert client.receive_exactly(14) == b"there and back"
        client.goodbye()
        assert client.receive_until_end() == (b"", "goodbye")
    end = proxy.wait_for_end()
    assert end["end"] == "client_close"
    assert (end["in"], end["out"]) == ("14", "14")
    assert (end["fe"], end["be"], end["sni"], end["tls"]) == ("web", "app", "localhost", "TLSv1.3")


def test_curl_gets_the_page_of_the_builtin_server(serve, certs):
    proxy = serve("builtin:hello")
    page = subprocess.run(["curl", "-sS", "--max-time", "10", "--cacert", certs.get().path,
                           f"https://localhost:{proxy.port()}/"],
                          check=True, capture_output=True, text=True).stdout
    assert page.startswith("Hello from sallyport.")
    assert "tls: TLSv1.3" in page


def test_the_builtin_echo_returns_every_byte(serve):
    proxy = serve("builtin:echo")
    data = bytes(range(256)) * 4000
    with rude.connect(proxy.port()) as client:
        client.send(data[:60000])
        assert client.receive_exactly(60000) == data[:60000]
        client.goodbye()
        assert client.receive_until_end() == (b"", "goodbye")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_are_spoken(serve, backend, version):
    proxy = serve(backend(backends.echo))
    with rude.connect(proxy.port(), tls=rude.context(maximum=version, minimum=version)) as client:
        client.send(b"x")
        assert client.receive_exactly(1) == b"x"
        assert client.tls.version() == version.name.replace("_", ".")


def test_a_server_may_speak_first(serve, backend):
    proxy = serve(backend(backends.answer_and(b"220 welcome\r\n", "stay")))
    with rude.connect(proxy.port()) as client:
        assert client.receive_exactly(13) == b"220 welcome\r\n"


def test_the_driver_that_was_asked_for_is_used(serve, driver):
    proxy = serve("builtin:echo")
    anchors = subprocess.run(["ls", "-l", f"/proc/{proxy.pid}/fd"], capture_output=True, text=True,
                             check=True).stdout
    assert ("io_uring" in anchors) == (driver == "io_uring")


def test_term_drains_and_is_no_failure(serve):
    proxy = serve("builtin:echo")
    assert proxy.stop(signal.SIGTERM) == 0


def test_a_configuration_is_checked_without_starting_anything(certs, directory):
    path = directory / "x.conf"
    path.write_text(proxy_module.configuration(
        allow_root=True,
        frontends=[{"listen": "127.0.0.1:1", "pem-file": certs.get().pem_path, "backend": "app"}],
        backends=[{"name": "app", "servers": [{"address": "127.0.0.1:1"}]}]))
    assert proxy_module.run("-t", "-c", path).returncode == 0
