"""The PROXY protocol: who a client is by the header it comes with, and what servers are told."""

import http.client
import socket
import ssl
import subprocess
import tempfile
import time

import pytest

import authorities
import backends
import proxy as proxy_module
import proxy_headers
import rude
from proxy_headers import LOCAL, SIGNATURE, block, converse, line

REQUIRED = {"accept-proxy": "required", "accept-proxy-from": ["127.0.0.0/8", "::1"]}
OPTIONAL = {**REQUIRED, "accept-proxy": "optional"}


def visit(port, header, **options):
    """A whole session through an echo, whose header the server must not see."""
    with proxy_headers.Client(port, header, **options) as client:
        converse(client.handshake())


def refused(port, header):
    """How a plain socket that says this is ended, and what it was answered."""
    try:
        with socket.create_connection(("127.0.0.1", port), rude.WAIT_S) as client:
            client.sendall(header)
            return rude.wait_for_end(client)
    except ConnectionError:
        return b"", "reset"


# --- in ------------------------------------------------------------------------------------------

@pytest.mark.basic
def test_the_client_is_whom_the_header_names(serve):
    proxy = serve("builtin:echo", REQUIRED)
    headers = {line(): "203.0.113.7:40000",
               line("2001:db8::7", "2001:db8::1"): "[2001:db8::7]:40000",
               block(): "203.0.113.7:40000",
               block("2001:db8::7", "2001:db8::1", has_sum=True): "[2001:db8::7]:40000",
               block(rest=proxy_headers.tlv(0xe0, bytes(60000))): "203.0.113.7:40000",
               block(rest=proxy_headers.tlv(4, b"") + proxy_headers.tlv(1, b"h2"), has_sum=True):
                   "203.0.113.7:40000"}
    for header in headers:
        visit(proxy.port(), header)
    ended = proxy.wait_for_ends(len(headers))
    assert sorted(one["client"] for one in ended) == sorted(headers.values())
    assert {(one["end"], one["in"]) for one in ended} == {("client_close", "5")}


def test_a_header_may_come_byte_by_byte(serve):
    proxy = serve("builtin:echo", REQUIRED)
    for header in (line(), block(rest=proxy_headers.tlv(0xe0, bytes(50)), has_sum=True)):
        visit(proxy.port(), header, pieces=1)
    assert {one["client"] for one in proxy.wait_for_ends(2)} == {"203.0.113.7:40000"}


def test_local_and_unknown_are_who_they_are(serve):
    proxy = serve("builtin:echo", REQUIRED)
    for header in (LOCAL, block(command=0x20, rest=b"whatever this is"), b"PROXY UNKNOWN\r\n",
                   SIGNATURE + b"\x21\0\0\0"):
        visit(proxy.port(), header)
    assert all(one["client"].startswith("127.0.0.1:") for one in proxy.wait_for_ends(4))


def test_the_hello_page_shows_whom_the_header_names(serve):
    proxy = serve("builtin:hello", REQUIRED)
    with proxy_headers.Client(proxy.port(), line()) as client:
        client.handshake()
        client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b"client: 203.0.113.7:40000\n" in client.receive_until_end()[0]


MALFORMED = {
    "a malformed address": [line().replace(b"203.0.113.7", b"203.0.113.07"),
                            line().replace(b"TCP4", b"TCP6")],
    "a malformed port": [line(ports=(40000, 65536)), line().replace(b" 443", b"")],
    "not TCP4, TCP6 or UNKNOWN": [line().replace(b"TCP4", b"TCP5")],
    "CR or LF alone": [line().replace(b"\r\n", b"\n")],
    "a line of more than 107 bytes": [b"PROXY UNKNOWN " + b"x" * 200],
    "not the start of a PROXY header": [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\0\x01",
                                        b"PROXX TCP4", SIGNATURE[:11] + b"\r"],
    "neither version 1 nor 2": [block(command=0x11)],
    "neither LOCAL nor PROXY": [block(command=0x22)],
    "an unknown address family": [SIGNATURE + b"\x21\x41\0\0"],
    "too short for its addresses": [SIGNATURE + b"\x21\x11\0\x0b" + bytes(11)],
    "a malformed TLV": [block(rest=b"\x04\0"), block(rest=b"\x04\0\x09123")],
    "a wrong checksum": [block(rest=proxy_headers.tlv(3, b"\1\2\3\4"))],
}


def test_a_malformed_header_of_any_kind_is_refused(serve, backend):
    server = backend(backends.echo)
    proxy = serve(server, REQUIRED)
    for header in sum(MALFORMED.values(), []):
        assert refused(proxy.port(), header) == (b"", "reset"), header
    ended = proxy.wait_for_ends(len(sum(MALFORMED.values(), [])))
    assert {(one["end"], one["ts"]) for one in ended} == {("proxy_header_invalid", "PR")}
    assert {one["proxy_reason"] for one in ended} == set(MALFORMED)
    assert server.accepted == 0


def test_a_header_cut_short_is_refused_and_an_absent_one_is_a_probe(serve):
    proxy = serve("builtin:echo", REQUIRED)
    for part in (b"", LOCAL, block()[:20]):
        with socket.create_connection(("127.0.0.1", proxy.port()), rude.WAIT_S) as client:
            client.sendall(part)
            client.shutdown(socket.SHUT_WR)
            rude.wait_for_end(client)
    end = proxy.wait_for_end()
    assert end["end"] == "proxy_header_invalid"
    assert end["proxy_reason"] == "the connection ended before the header did"
    proxy.stop()
    assert len(proxy.connections()) == 1


def test_a_header_is_due_within_hello_whatever_comes(serve):
    proxy = serve("builtin:echo", REQUIRED, timeouts={"hello": "1s"})
    with socket.create_connection(("127.0.0.1", proxy.port()), rude.WAIT_S) as client:
        client.sendall(block()[:10])
        time.sleep(0.5)
        client.sendall(block()[10:20])
        assert rude.wait_for_end(client)[1] == "reset"
    end = proxy.wait_for_end()
    assert 1000 <= int(end["dur_ms"]) < 2000
    assert end["end"] == "proxy_header_invalid"
    assert end["proxy_reason"] == "the header did not come in time"


def test_the_word_of_others_does_not_count(serve, backend):
    server = backend(backends.echo)
    proxy = serve(server, {**REQUIRED, "accept-proxy-from": "192.0.2.0/24"})
    assert refused(proxy.port(), line()) == (b"", "reset")
    end = proxy.wait_for_end()
    assert end["end"] == "acl_denied" and end["client"].startswith("127.0.0.1:")
    assert server.accepted == 0


def test_an_optional_header_may_be_absent_but_not_malformed(serve):
    proxy = serve("builtin:echo", OPTIONAL)
    visit(proxy.port(), b"")
    visit(proxy.port(), block())
    assert refused(proxy.port(), line().replace(b"TCP4", b"TCP5")) == (b"", "reset")
    ends = {(one["end"], one["client"].split(":")[0]) for one in proxy.wait_for_ends(3)}
    assert ends == {("client_close", "127.0.0.1"), ("client_close", "203.0.113.7"),
                    ("proxy_header_invalid", "127.0.0.1")}


def test_an_optional_header_of_others_is_no_tls(serve):
    proxy = serve("builtin:echo", {**OPTIONAL, "accept-proxy-from": "192.0.2.0/24"})
    visit(proxy.port(), b"")
    refused(proxy.port(), line())
    assert {one["end"] for one in proxy.wait_for_ends(2)} == {"client_close", "hello_invalid"}


def test_proxies_may_come_over_a_unix_socket(serve, directory):
    path = directory / "in.sock"
    serve("builtin:echo", {**REQUIRED, "listen": [f"unix:{path}"], "accept-proxy-from": "unix:"})
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(rude.WAIT_S)
        client.connect(str(path))
        client.sendall(line())
        with rude.context().wrap_socket(client, server_hostname="localhost") as tls:
            tls.sendall(b"hello")
            assert tls.recv(5) == b"hello"


def test_mistakes_are_named_with_their_line(directory, certs):
    frontend = {"listen": ["127.0.0.1:0"], "pem-file": certs.get().pem_path, "backend": "app"}
    wrong = [({"accept-proxy": "required"}, {}, "needs accept-proxy-from"),
             ({"accept-proxy": "optional", "accept-proxy-from": "10.0.0.0/33"}, {},
              'accept-proxy-from "10.0.0.0/33"'),
             ({"accept-proxy": "yes"}, {}, "off|optional|required"),
             ({}, {"send-proxy": "v3"}, "off|v1|v2"),
             ({}, {"send-proxy": "v2", "servers": [{"address": "builtin:hello"}]},
              "builtin:hello"),
             ({}, {"send-proxy": "v2", "proxy-v2-options": ["tls"]}, 'there is no "tls"')]
    for more, options, words in wrong:
        path = directory / "wrong.conf"
        path.write_text(proxy_module.configuration(
            allow_root=True, frontends=[{**frontend, **more}],
            backends=[{"name": "app", "servers": [{"address": "127.0.0.1:1"}], **options}]))
        said = proxy_module.run("-t", "-c", path)
        assert said.returncode == 3 and words in said.stderr, said.stderr
        assert f"{path}:" in said.stderr


# --- out -----------------------------------------------------------------------------------------

def told(server, count=1):
    """The headers that came, and what came in the same piece."""
    return server.wait_for(count)[:count]


@pytest.mark.basic
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_server_is_told_who_the_client_is_before_the_client_speaks(serve, backend, version):
    server = backend(proxy_headers.note_header)
    proxy = serve(server, options={"send-proxy": version})
    with rude.connect(proxy.port()) as client:
        header, rest = told(server)[0]
        assert header.family == {"v1": "TCP4", "v2": 0x11}[version]
        assert header.source == client.socket.getsockname()
        assert header.destination == client.socket.getpeername()
        assert rest == b""
        converse(client)
    assert proxy.wait_for_end()["in"] == "5"


def test_a_server_that_speaks_first_is_heard(serve, backend):
    server = backend(backends.answer_and(b"welcome", "fin"))
    proxy = serve(server, options={"send-proxy": "v1"})
    with rude.connect(proxy.port()) as client:
        assert client.receive_until_end() == (b"welcome", "goodbye")
        client.goodbye()
        client.fin()
        data, how = server.wait_for()[0]
    assert how == "fin" and proxy_headers.Header(data).size == len(data)


def test_ip6_and_unix_sockets_are_told_as_they_are(serve, backend, directory):
    server = backend(proxy_headers.note_header)
    path = directory / "out.sock"
    for count, version in enumerate(["v1", "v2"]):
        proxy = serve(server, {"listen": ["[::1]:0", f"unix:{path}{version}"]},
                      options={"send-proxy": version})
        with rude.connect(proxy.port(family="[::1]"), host="::1") as client:
            header, _ = told(server, 2 * count + 1)[-1]
            converse(client)
            assert header.source[0] == header.destination[0] == "::1"
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(rude.WAIT_S)
            client.connect(f"{path}{version}")
            with rude.context().wrap_socket(client, server_hostname="localhost"):
                header, _ = told(server, 2 * count + 2)[-1]
    assert header.family == 0x31
    assert (header.source, header.destination) == ("", f"{path}v2")
    assert told(server, 2)[-1][0].family == "UNKNOWN"


def test_version_2_tells_of_the_connection_what_was_asked_for(serve, backend):
    server = backend(proxy_headers.note_header)
    frontend = {"alpn": ["http/1.1"]}
    usual = serve(server, frontend, options={"send-proxy": "v2"})
    everything = serve(server, frontend, options={
        "send-proxy": "v2",
        "proxy-v2-options": ["ssl", "cert-cn", "authority", "alpn", "crc32c", "unique-id"]})
    nothing = serve(server, frontend, options={"send-proxy": "v2", "proxy-v2-options": []})
    for proxy in (usual, everything, nothing):
        with rude.connect(proxy.port(), tls=rude.context(alpn=["http/1.1"])) as client:
            converse(client)
    first, second, third = (header for header, _ in told(server, 3))
    assert set(first.facts) == {proxy_headers.ALPN, proxy_headers.AUTHORITY, proxy_headers.SSL}
    assert first.facts[proxy_headers.ALPN] == b"http/1.1"
    assert first.facts[proxy_headers.AUTHORITY] == b"localhost"
    assert (first.ssl["client"], first.ssl["verify"] != 0) == (1, True)
    assert first.ssl[proxy_headers.SSL_VERSION] == b"TLSv1.3"
    assert first.ssl[proxy_headers.SSL_CIPHER] == b"TLS_AES_128_GCM_SHA256"
    assert proxy_headers.CRC32C in second.facts
    assert second.facts[proxy_headers.UNIQUE_ID].decode() == everything.wait_for_end()["id"]
    assert third.facts == {}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_version_2_tells_of_the_clients_certificate(serve, backend, version):
    with tempfile.TemporaryDirectory(prefix="sallyport-authorities-") as directory:
        root = authorities.Authority(directory, "root")
        alice = root.issue("/O=Example/CN=alice")
        server = backend(proxy_headers.note_header)
        proxy = serve(server, {"client-verify": "required", "ca-file": root.path},
                      options={"send-proxy": "v2", "proxy-v2-options": ["ssl", "cert-cn"]})
        tls = alice.load(rude.context(maximum=version))
        with rude.connect(proxy.port(), tls=tls) as client:
            converse(client)
            session = client.tls.session
        with rude.connect(proxy.port(), tls=tls, session=session) as client:
            assert client.tls.session_reused
            converse(client)
    first, second = (header.ssl for header, _ in told(server, 2))
    assert (first["client"], first["verify"]) == (1 | 2 | 4, 0)
    assert (second["client"], second["verify"]) == (1 | 4, 0)
    assert first[proxy_headers.SSL_CN] == second[proxy_headers.SSL_CN] == b"alice"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_what_came_in_a_header_goes_out_in_one(serve, backend, version):
    server = backend(proxy_headers.note_header)
    proxy = serve(server, REQUIRED, options={"send-proxy": version})
    for header in (line(), block("2001:db8::7", "2001:db8::1"), LOCAL):
        visit(proxy.port(), header)
    first, second, third = (header for header, _ in told(server, 3))
    assert (first.source, first.destination) == (("203.0.113.7", 40000), ("198.51.100.1", 443))
    assert (second.source, second.destination) == (("2001:db8::7", 40000), ("2001:db8::1", 443))
    assert third.source[0] == "127.0.0.1" and third.destination == ("127.0.0.1", proxy.port())


def test_the_next_server_is_told_when_the_first_cannot_be_reached(serve, backend):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{taken.getsockname()[1]}"
        server = backend(proxy_headers.note_header)
        proxy = serve([nobody, server], options={"send-proxy": "v1", "balance": "first"})
        with rude.connect(proxy.port()) as client:
            assert told(server)[0][0].source == client.socket.getsockname()


# --- with others ---------------------------------------------------------------------------------

def test_nginx_takes_our_header(serve, certs, directory):
    port = free_port()
    root = directory / "nginx"
    root.mkdir()
    paths = " ".join(f"{name}_temp_path {root}/{name};"
                     for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (root / "nginx.conf").write_text(f"""
daemon off; master_process off; pid {root}/pid; error_log {root}/error.log;
events {{ }}
http {{ access_log off; {paths}
  server {{ listen 127.0.0.1:{port} proxy_protocol;
    return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_port"; }} }}
""")
    process = subprocess.Popen(["/usr/sbin/nginx", "-p", str(root), "-c", str(root / "nginx.conf")],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        for version in ("v1", "v2"):
            proxy = serve(f"127.0.0.1:{port}", {**OPTIONAL, "alpn": ["http/1.1"]},
                          options={"send-proxy": version})
            tls = ssl.create_default_context(cafile=certs.get().path)
            client = http.client.HTTPSConnection("localhost", proxy.port(), context=tls)
            client.request("GET", "/", headers={"Connection": "close"})
            host, port_of_client = client.sock.getsockname()[:2]
            assert client.getresponse().read().decode().split() == [
                host, str(port_of_client), str(proxy.port())]
            client.close()
            # curl's own header, on a connection of its own.
            said = subprocess.run(["curl", "-sS", "--max-time", "30", "--haproxy-protocol",
                                   "-H", "Connection: close",
                                   "--cacert", certs.get().path,
                                   f"https://localhost:{proxy.port()}/"],
                                  check=True, capture_output=True, text=True).stdout
            clients = {one["client"] for one in proxy.wait_for_ends(2)}
            assert ":".join(said.split()[:2]) in clients
    finally:
        process.terminate()
        process.wait()


def test_haproxy_before_and_behind_us_understands_us(serve, certs, directory):
    before, behind = free_port(), free_port()
    page = 'lf-string "%[src] %[src_port] %[dst_port] %[fc_pp_authority] %[fc_pp_unique_id]"'
    inside = serve(f"127.0.0.1:{behind}", {**REQUIRED, "alpn": ["http/1.1"]},
                   options={"send-proxy": "v2", "proxy-v2-options": [
                       "authority", "unique-id", "crc32c", "ssl", "alpn"]})
    (directory / "haproxy.cfg").write_text(f"""
global
  maxconn 100
defaults
  timeout connect 10s
  timeout client 10s
  timeout server 10s
listen before
  mode tcp
  bind 127.0.0.1:{before}
  unique-id-format whatever
  server us 127.0.0.1:{inside.port()} send-proxy-v2 proxy-v2-options crc32c,unique-id
frontend behind
  mode http
  bind 127.0.0.1:{behind} accept-proxy
  http-request return status 200 content-type text/plain {page}
""")
    process = subprocess.Popen(["/usr/sbin/haproxy", "-db", "-f", str(directory / "haproxy.cfg")],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(behind)
        tls = ssl.create_default_context(cafile=certs.get().path)
        client = http.client.HTTPSConnection("localhost", before, context=tls)
        client.request("GET", "/", headers={"Connection": "close"})
        host, port = client.sock.getsockname()[:2]
        source, source_port, own_port, name, number = client.getresponse().read().decode().split()
        client.close()
        end = inside.wait_for_end()
        assert end["client"] == f"{host}:{port}" == f"{source}:{source_port}"
        assert (int(own_port), name, number) == (before, "localhost", end["id"])
    finally:
        process.terminate()
        process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port):
    until = time.monotonic() + proxy_module.PATIENCE_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < until, "nobody listens"
            time.sleep(0.05)
