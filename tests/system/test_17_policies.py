"""TLS by name: routes with a policy, versions, ciphers, groups and protocols of their own."""

import os
import re
import signal
import ssl

import pytest

import proxy as proxy_module
import rude
from test_02_tls import s_client
from test_16_tickets import VERSIONS, session_of

NAMES = ["localhost", "*.example.org"]


def route(name, **options):
    return {"sni": name, "backend": "app",
            **{key.replace("_", "-"): value for key, value in options.items()}}


@pytest.fixture
def serve_names(serve, certs):
    def serve_routes(*routes, frontend=None, **options):
        pems = [certs.get(f"names-{kind}", kind, NAMES).pem_path for kind in ("ec", "rsa")]
        given = {"routes": list(routes)} if routes else {}
        return serve("builtin:echo", {"pem-file": pems, **given, **(frontend or {})}, **options)
    return serve_routes


def ask(port, name, *arguments):
    """What openssl s_client says: the version, or the alert it got."""
    said = s_client(port, *(["-servername", name] if name else ["-noservername"]), *arguments)
    alert = re.search(r"SSL alert number (\d+)", said.stderr)
    if alert:
        return int(alert.group(1))
    return re.search(r"^New, (\S+), Cipher is (\S+)", said.stdout, re.MULTILINE).groups()


def version(port, name, *arguments):
    """Of TLS 1.2 s_client names only the age of the cipher, so the session is looked at."""
    said = s_client(port, "-servername", name, *arguments)
    alert = re.search(r"SSL alert number (\d+)", said.stderr)
    return int(alert.group(1)) if alert else re.search(r"Protocol *: (\S+)", said.stdout).group(1)


LEGACY = ("-cipher", "ALL:@SECLEVEL=0")
PROTOCOL_VERSION, HANDSHAKE_FAILURE, NO_APPLICATION_PROTOCOL = 70, 40, 120


@pytest.mark.basic
def test_each_name_has_the_versions_of_its_policy(serve_names):
    port = serve_names(route("modern.example.org", tls_policy="modern"),
                       route("old.example.org", tls_policy="old")).port()
    for name, accepted in (("modern.example.org", {"-tls1_3"}),
                           ("old.example.org", {"-tls1_3", "-tls1_2", "-tls1_1", "-tls1"}),
                           ("x.example.org", {"-tls1_3", "-tls1_2"}),
                           ("stranger.test", {"-tls1_3", "-tls1_2"}),
                           (None, {"-tls1_3", "-tls1_2"})):
        for flag in ("-tls1_3", "-tls1_2", "-tls1_1", "-tls1"):
            got = ask(port, name, flag, *(LEGACY if flag in ("-tls1_1", "-tls1") else ()))
            assert (got != PROTOCOL_VERSION) == (flag in accepted), (name, flag, got)


def test_the_reverse_holds_where_the_frontend_is_the_stricter_one(serve_names):
    port = serve_names(route("wide.example.org", tls_policy="intermediate"),
                       route("pinned.example.org", min_version="TLSv1.2", max_version="TLSv1.2"),
                       frontend={"tls-policy": "modern"}).port()
    assert ask(port, "localhost", "-tls1_2") == PROTOCOL_VERSION
    assert ask(port, "localhost")[0] == "TLSv1.3"
    assert version(port, "wide.example.org", "-tls1_2") == "TLSv1.2"
    assert ask(port, "wide.example.org")[0] == "TLSv1.3"
    assert version(port, "pinned.example.org") == "TLSv1.2"
    assert ask(port, "pinned.example.org", "-tls1_3") == PROTOCOL_VERSION


def test_exact_names_win_over_wildcards_and_those_over_the_frontend(serve_names):
    port = serve_names(route("*.example.org", tls_policy="modern"),
                       route("wide.example.org")).port()
    assert ask(port, "a.example.org", "-tls1_2") == PROTOCOL_VERSION
    assert ask(port, "A.EXAMPLE.ORG", "-tls1_2") == PROTOCOL_VERSION
    for name in ("wide.example.org", "example.org", "a.b.example.org", None):
        assert ask(port, name, "-tls1_2") != PROTOCOL_VERSION, name


def test_each_name_has_ciphers_suites_and_an_order_of_its_own(serve_names):
    port = serve_names(
        route("cipher.example.org", ciphers="ECDHE-RSA-AES256-GCM-SHA384",
              ciphersuites="TLS_CHACHA20_POLY1305_SHA256"),
        route("client.example.org", prefer_server_ciphers=False)).port()
    assert ask(port, "cipher.example.org")[1] == "TLS_CHACHA20_POLY1305_SHA256"
    assert ask(port, "cipher.example.org", "-tls1_2")[1] == "ECDHE-RSA-AES256-GCM-SHA384"
    assert ask(port, "cipher.example.org", "-tls1_2", "-cipher",
               "ECDHE-ECDSA-AES128-GCM-SHA256") == HANDSHAKE_FAILURE
    assert ask(port, "x.example.org", "-tls1_2", "-cipher",
               "ECDHE-ECDSA-AES128-GCM-SHA256")[1] == "ECDHE-ECDSA-AES128-GCM-SHA256"
    theirs = ("-ciphersuites", "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256")
    assert ask(port, "client.example.org", *theirs)[1] == "TLS_AES_256_GCM_SHA384"
    assert ask(port, "x.example.org", *theirs)[1] == "TLS_AES_128_GCM_SHA256"


def group(port, name, *arguments):
    said = s_client(port, "-servername", name, *arguments).stdout
    return re.search(r"Server Temp Key: ([^,]+(?:, \w+)?)", said).group(1)


def test_each_name_has_groups_and_commands_of_its_own(serve_names):
    port = serve_names(route("group.example.org", groups="P-384"),
                       route("conf.example.org", ssl_conf={"Groups": "P-521:P-256",
                                                           "SignatureAlgorithms":
                                                           "RSA-PSS+SHA384"})).port()
    for flag in ("-tls1_2", "-tls1_3"):  # in TLS 1.3 by a second hello
        assert group(port, "group.example.org", flag) == "ECDH, secp384r1"
        assert group(port, "conf.example.org", flag) == "ECDH, secp521r1"
        assert group(port, "x.example.org", flag).startswith("X25519")
    assert ask(port, "group.example.org", "-groups", "X25519") == HANDSHAKE_FAILURE
    assert "RSA-PSS" in s_client(port, "-servername", "conf.example.org").stdout
    assert "RSA-PSS" not in s_client(port, "-servername", "x.example.org").stdout


def test_each_name_has_protocols_of_its_own(serve_names):
    proxy = serve_names(route("h2.example.org", alpn=["h2", "http/1.1"]),
                        route("lax.example.org", alpn_mismatch="ignore"),
                        frontend={"alpn": ["http/1.1"]})

    def agreed(name, *offered):
        with rude.connect(proxy.port(), tls=rude.context(alpn=offered), name=name) as client:
            return client.tls.selected_alpn_protocol()

    assert agreed("h2.example.org", "http/1.1", "h2") == "h2"
    assert agreed("x.example.org", "h2", "http/1.1") == "http/1.1"
    assert agreed("lax.example.org", "h2") is None
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        agreed("x.example.org", "h2")


def test_a_security_level_holds_for_its_name_alone(serve_names, certs):
    weak = "ECDHE-ECDSA-AES128-SHA"
    port = serve_names(route("old.example.org", ciphers=weak + ":@SECLEVEL=0", security_level=0,
                             min_version="TLSv1.0")).port()
    assert version(port, "old.example.org", "-tls1_1", *LEGACY) == "TLSv1.1"
    assert ask(port, "x.example.org", "-tls1_1", *LEGACY) == PROTOCOL_VERSION


def test_bytes_that_come_slowly_and_all_data_behind_them_arrive(serve_names):
    proxy = serve_names(route("modern.example.org", tls_policy="modern", groups="P-384"))
    for piece in (1, 100, None):
        with rude.connect(proxy.port(), name="modern.example.org", piece=piece) as client:
            client.send(b"x" * 5000)
            assert client.receive_exactly(5000) == b"x" * 5000
            client.goodbye()
            assert client.receive_until_end() == (b"", "goodbye")


def test_a_refusal_is_logged_with_the_name_and_why(serve_names):
    proxy = serve_names(route("modern.example.org", tls_policy="modern"))
    assert ask(proxy.port(), "modern.example.org", "-tls1_2") == PROTOCOL_VERSION
    line = proxy.wait_for_line("^hs_fail .*sni=modern.example.org").string
    assert "alert=sent:protocol_version(70)" in line and "versions_offered=TLSv1.2" in line


@pytest.mark.parametrize("client", VERSIONS, indirect=True)
def test_no_ticket_of_one_name_resumes_under_the_policy_of_another(serve_names, client):
    policies = {"plain.example.org": {}, "old.example.org": {"tls_policy": "old"},
                "same.example.org": {"tls_policy": "old"},
                "group.example.org": {"groups": "P-256"},
                "alpn.example.org": {"alpn": ["h2"]}}
    proxy = serve_names(*(route(name, **own) for name, own in policies.items()), workers=2)
    for made in [*policies, "localhost"]:
        _, session = session_of(proxy.port(), client, name=made)
        for asked in [*policies, "localhost"]:
            reused, _ = session_of(proxy.port(), client, session, asked)
            assert reused == (made == asked), (made, asked)


@pytest.fixture
def client(request):
    return rude.context(maximum=request.param)


@pytest.mark.parametrize("client", VERSIONS, indirect=True)
def test_a_ticket_ends_when_a_reload_gives_its_name_another_policy(serve_names, client):
    name = "www.example.org"
    proxy = serve_names(route(name, tls_policy="old"))
    _, session = session_of(proxy.port(), client, name=name)
    assert session_of(proxy.port(), client, session, name)[0]
    text = proxy.config_path.read_text()
    proxy.config_path.write_text(text.replace('tls-policy = "old"', 'groups = "P-256"'))
    proxy.send(signal.SIGHUP)
    proxy.wait_for_line("reloaded count=1")
    reused, session = session_of(proxy.port(), client, session, name)
    assert not reused
    assert session_of(proxy.port(), client, session, name)[0]


@pytest.mark.parametrize("client", VERSIONS, indirect=True)
def test_tickets_pass_between_daemons_where_a_name_has_the_same_policy(serve_names, client,
                                                                     directory):
    secret = directory / "secret"
    secret.write_bytes(os.urandom(48))
    secret.chmod(0o600)
    shared = {"ticket_secret": str(secret)}
    by_route = serve_names(route("old.example.org", tls_policy="old"), **shared)
    by_frontend = serve_names(frontend={"tls-policy": "old"}, **shared)
    plain = serve_names(**shared)
    _, session = session_of(by_route.port(), client, name="old.example.org")
    assert session_of(by_frontend.port(), client, session, "old.example.org")[0]
    assert not session_of(plain.port(), client, session, "old.example.org")[0]


def text_of(certs, *routes, **frontend):
    return proxy_module.configuration(
        frontends=[{"name": "web", "listen": "127.0.0.1:1", "backend": "app",
                    "pem-file": certs.get("names-ec", "ec", NAMES).pem_path,
                    "routes": list(routes), **frontend}],
        backends=[{"name": "app", "servers": [{"address": "builtin:echo"}]}])


MISTAKES = {
    "policy": ({"tls_policy": "modren"}, 'did you mean "modern"'),
    "key": ({"tls_polcy": "modern"}, 'did you mean "tls-policy"'),
    "version": ({"min_version": "TLSv1.4"}, "min-version: one of TLSv1.0|"),
    "order": ({"tls_policy": "modern", "max_version": "TLSv1.2"}, "min-version is above"),
    "ciphers": ({"ciphers": "NONSENSE"}, "ciphers: OpenSSL does not take"),
    "groups": ({"groups": "P-17"}, "groups: OpenSSL does not take"),
    "command": ({"ssl_conf": {"NoSuch": "1"}}, "ssl-conf: NoSuch: "),
    "level": ({"security_level": 5}, "certificate for it is not for the route's policy"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_route_is_named_with_file_and_line(certs, directory, mistake):
    options, says = MISTAKES[mistake]
    text = text_of(certs, route("x.test", **options))
    config = directory / "wrong.conf"
    key = "sni" if mistake == "level" else next(reversed(options)).replace("_", "-")
    # Each option on a line of its own, those of the route among them.
    config.write_text(text)
    line = next(number for number, one in enumerate(text.splitlines(), 1) if f"{key} =" in one)
    ended = proxy_module.run("-t", "-c", config)
    assert ended.returncode == 3
    assert re.search(rf"wrong\.conf:{line}: error: .*{re.escape(says)}", ended.stderr), ended.stderr


def test_each_route_that_differs_is_explained(certs, directory):
    config = directory / "explained.conf"
    config.write_text(text_of(
        certs, route(["m.test", "*.m.test"], tls_policy="modern"), route("same.test"),
        route("o.test", tls_policy="old-5.8", groups="P-256", alpn=["h2"],
              ssl_conf={"MaxProtocol": "TLSv1.2"})))
    said = proxy_module.run("--explain-tls", "-c", config)
    assert said.returncode == 0
    parts = dict(re.findall(r"^frontend (web.*): tls-policy \S+.*\n((?:  .*\n)+)", said.stdout,
                            re.MULTILINE))
    assert list(parts) == ["web", "web, sni m.test, *.m.test", "web, sni o.test"]
    assert "versions: TLSv1.2 TLSv1.3\n" in parts["web"]
    assert "versions: TLSv1.3\n" in parts["web, sni m.test, *.m.test"]
    old = parts["web, sni o.test"]
    assert "versions: TLSv1.0 TLSv1.1 TLSv1.2\n" in old
    assert "groups: P-256\n" in old and "AES256-SHA" in old and "alpn: h2" in old
    assert "ssl-conf: MaxProtocol = TLSv1.2\n" in old
