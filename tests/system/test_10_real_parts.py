"""Real clients and real servers: curl, h2load, nginx, nghttpd; and bulk both ways."""

import hashlib
import os
import pathlib
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

MIB = 1 << 20
BULK = 64 * MIB


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process):
    until = time.monotonic() + proxy_module.PATIENCE_S
    while time.monotonic() < until:
        assert process.poll() is None, "the server ended"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the server does not listen")


@pytest.fixture
def nginx(directory):
    port = free_port()
    root = directory / "nginx"
    root.mkdir()
    root.chmod(0o755)
    directory.chmod(0o755)
    (root / "page").write_bytes(os.urandom(300_000))
    (root / "nginx.conf").write_text(f"""
daemon off; master_process off; pid {root}/nginx.pid; error_log {root}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {root}/body; proxy_temp_path {root}/p;
  fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;
  server {{ listen 127.0.0.1:{port} backlog=4096; root {root}; keepalive_requests 100000; }}
}}
""")
    process = subprocess.Popen(["/usr/sbin/nginx", "-p", str(root), "-c", str(root / "nginx.conf")],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for_port(port, process)
    yield f"127.0.0.1:{port}", root / "page"
    process.terminate()
    process.wait()


@pytest.fixture
def nghttpd(directory):
    port = free_port()
    (directory / "www").mkdir()
    (directory / "www" / "page").write_bytes(os.urandom(300_000))
    process = subprocess.Popen(["nghttpd", "--no-tls", "--address=127.0.0.1",
                                "--htdocs", str(directory / "www"), str(port)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for_port(port, process)
    yield f"127.0.0.1:{port}", directory / "www" / "page"
    process.terminate()
    process.wait()


def curl(port, certificate, *arguments):
    return subprocess.run(["curl", "-sS", "--max-time", "30", "--cacert", certificate.path,
                           *arguments, f"https://localhost:{port}/page"], check=True,
                          capture_output=True)


def test_curl_over_http_1_1_through_nginx(serve, certs, nginx):
    address, page = nginx
    proxy = serve(address, {"alpn": ["http/1.1"]})
    assert curl(proxy.port(), certs.get(), "--http1.1").stdout == page.read_bytes()
    assert proxy.wait_for_end()["alpn"] == "http/1.1"


def test_curl_over_http_2_through_nghttpd(serve, certs, nghttpd):
    address, page = nghttpd
    proxy = serve(address, {"alpn": ["h2"]}, timeouts={"half-closed": "1s"})
    got = curl(proxy.port(), certs.get(), "--http2", "-w", "%{stderr}%{http_version}")
    assert got.stdout == page.read_bytes()
    assert got.stderr == b"2"
    # curl leaves without a word, and nghttpd waits for it: that is what half-closed is for.
    assert proxy.wait_for_end()["alpn"] == "h2"


def test_h2load_with_a_thousand_connections(serve, nghttpd):
    # A thousand handshakes at once take a sanitized build on a busy machine their time.
    proxy = serve(nghttpd[0], {"alpn": ["h2"]}, timeouts={"handshake": "60s", "hello": "60s"})
    said = subprocess.run(["h2load", "-n", "4000", "-c", "1000", "-m", "4",
                           f"https://127.0.0.1:{proxy.port()}/nothing"],
                          capture_output=True, text=True, timeout=120, check=True).stdout
    counts = re.search(r"requests: (\d+) total, \d+ started, (\d+) done, .* (\d+) errored, "
                       r"(\d+) timeout", said)
    assert counts and counts.groups() == ("4000", "4000", "0", "0"), said
    assert "status codes: 0 2xx, 0 3xx, 4000 4xx, 0 5xx" in said


def test_many_requests_over_http_1_1_with_nginx(serve, nginx):
    proxy = serve(nginx[0], {"alpn": ["http/1.1"]})
    said = subprocess.run(["h2load", "--h1", "-n", "2000", "-c", "100",
                           f"https://127.0.0.1:{proxy.port()}/nothing"],
                          capture_output=True, text=True, timeout=120, check=True).stdout
    assert "2000 done" in said and "4000 4xx" not in said and "2000 4xx" in said


class Digest:
    """Of a stream of known content, made and checked in pieces."""

    def __init__(self, seed):
        self.block = hashlib.shake_256(seed).digest(MIB)

    def write_to(self, send):
        for _ in range(BULK // MIB):
            send(self.block)

    @property
    def expected(self):
        whole = hashlib.sha256()
        self.write_to(whole.update)
        return whole.hexdigest()


@pytest.mark.parametrize("is_slow", [False, True], ids=["fast", "slow"])
def test_64_mib_down(serve, backend, is_slow):
    content = Digest(b"down")

    def script(conversation):
        content.write_to(conversation.send)

    proxy = serve(backend(script))
    seen, count = hashlib.sha256(), 0
    with rude.connect(proxy.port(), buffer_bytes=16384 if is_slow else None) as client:
        while part := client.receive():
            seen.update(part)
            count += len(part)
            if is_slow and count % (4 * MIB) < 16384:
                time.sleep(0.02)
        assert client.said_goodbye
    assert seen.hexdigest() == content.expected
    assert proxy.wait_for_end()["out"] == str(BULK)


@pytest.mark.parametrize("is_slow", [False, True], ids=["fast", "slow"])
def test_64_mib_up(serve, backend, is_slow):
    content = Digest(b"up")

    def script(conversation):
        seen, count = hashlib.sha256(), 0
        while part := conversation.socket.recv(65536):
            seen.update(part)
            count += len(part)
            if is_slow and count % (4 * MIB) < 65536:
                time.sleep(0.02)
        conversation.note(seen.hexdigest())

    server = backend(script)
    proxy = serve(server)
    with rude.connect(proxy.port()) as client:
        content.write_to(client.send)
        client.goodbye()
        assert client.receive_until_end() == (b"", "goodbye")
    assert server.wait_for(timeout=60)[0] == (content.expected,)
    assert proxy.wait_for_end()["in"] == str(BULK)


def test_both_directions_at_once(serve, backend):
    up, down = os.urandom(MIB), os.urandom(MIB)

    def script(conversation):
        sender = threading.Thread(target=conversation.send, args=(down * 8,))
        sender.start()
        got = conversation.receive_exactly(8 * MIB)
        sender.join()
        conversation.note(backends.digest(got))

    server = backend(script)
    proxy = serve(server)
    process = subprocess.Popen(
        ["openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{proxy.port()}"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        writer = threading.Thread(target=process.stdin.write, args=(up * 8,))
        writer.start()
        got = process.stdout.read(8 * MIB)
        writer.join()
        process.stdin.flush()
        assert server.wait_for()[0] == (backends.digest(up * 8),)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        process.stdin.close()
        process.stdout.close()
    assert backends.digest(got) == backends.digest(down * 8)


def test_descriptors_are_back_when_all_clients_have_gone(serve, nginx):
    proxy = serve(nginx[0], {"alpn": ["http/1.1"]})
    before = proxy.descriptors()
    subprocess.run(["h2load", "--h1", "-n", "500", "-c", "50",
                    f"https://127.0.0.1:{proxy.port()}/nothing"], capture_output=True, timeout=60,
                   check=True)
    proxy.wait_for_ends(50)
    until = time.monotonic() + proxy_module.PATIENCE_S
    while proxy.descriptors() > before and time.monotonic() < until:
        time.sleep(0.05)
    assert proxy.descriptors() == before
    assert pathlib.Path(f"/proc/{proxy.pid}").exists()
