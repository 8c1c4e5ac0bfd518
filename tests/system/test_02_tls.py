"""Certificates, names, protocols and resumption, as clients see them."""

import re
import ssl
import subprocess

import pytest

import backends
import proxy as proxy_module
import rude


def s_client(port, *arguments, certificate=None, text=""):
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *arguments]
    if certificate is not None:
        command += ["-CAfile", str(certificate.path), "-verify_return_error"]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("kind", ["ec", "rsa"])
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_both_kinds_of_key_in_both_versions(serve, certs, kind, version):
    certificate = certs.get(f"only-{kind}", kind)
    proxy = serve("builtin:echo", {"pem-file": certificate.pem_path})
    said = s_client(proxy.port(), version, certificate=certificate)
    assert "Verify return code: 0 (ok)" in said.stdout
    assert ("ECDSA" if kind == "ec" else "RSA") in re.search("signature type: (.*)",
                                                            said.stdout).group(1)


def test_the_key_that_the_client_can_use_is_chosen(serve, certs):
    rsa, ec = certs.get("both-rsa", "rsa"), certs.get("both-ec", "ec")
    proxy = serve("builtin:echo", {"pem-file": [ec.pem_path, rsa.pem_path]})
    for signatures, kind in (("RSA-PSS+SHA256", "RSA"), ("ECDSA+SHA256", "ECDSA")):
        said = s_client(proxy.port(), "-sigalgs", signatures).stdout
        assert kind in re.search("signature type: (.*)", said).group(1)


@pytest.mark.basic
def test_what_has_no_option_is_set_through_ssl_conf(serve, certs):
    rsa, ec = certs.get("both-rsa", "rsa"), certs.get("both-ec", "ec")
    proxy = serve("builtin:echo", {"pem-file": [ec.pem_path, rsa.pem_path],
                                   "ssl-conf": {"SignatureAlgorithms": "RSA-PSS+SHA384"}})
    said = s_client(proxy.port(), "-sigalgs", "ECDSA+SHA256:RSA-PSS+SHA384").stdout
    assert "RSA-PSS" in re.search("signature type: (.*)", said).group(1)


def test_a_security_level_refuses_keys_that_are_too_short(certs, directory):
    text = proxy_module.configuration(
        frontends=[{"listen": "127.0.0.1:0", "backend": "b", "security-level": 4,
                    "pem-file": certs.get("only-rsa", "rsa").pem_path}],
        backends=[{"name": "b", "servers": [{"address": "builtin:echo"}]}])
    config = directory / "strong.conf"
    config.write_text(text)
    ended = proxy_module.run("-t", "-c", config)
    assert ended.returncode == 3
    assert re.search(r"strong\.conf:\d+: error: .*only-rsa.*key too small", ended.stderr), ended.stderr


def test_certificate_and_key_may_be_apart(serve, certs):
    certificate = certs.get()
    proxy = serve("builtin:echo", {"pem-file": [], "cert": certificate.path,
                                   "key": certificate.key_path})
    assert s_client(proxy.port(), certificate=certificate).returncode == 0


def served_name(port, name):
    said = s_client(port, *(["-servername", name] if name else ["-noservername"])).stdout
    return re.search(r"subject=CN = (\S+)", said).group(1)


def test_names_choose_the_certificate_exact_before_wildcard_before_default(serve, certs):
    first = certs.get("default", names=["default.example"])
    star = certs.get("star", names=["*.example.org"])
    exact = certs.get("exact", names=["www.example.org"])
    proxy = serve("builtin:echo", {"pem-file": [first.pem_path, star.pem_path, exact.pem_path]})
    expected = {"www.example.org": "www.example.org", "WWW.EXAMPLE.ORG": "www.example.org",
                "api.example.org": "*.example.org", "a.b.example.org": "default.example",
                "example.org": "default.example", None: "default.example"}
    assert {name: served_name(proxy.port(), name) for name in expected} == expected


def test_an_unknown_name_is_refused_when_names_are_strict(serve, certs):
    proxy = serve("builtin:echo", {"strict-sni": True})
    with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
        rude.connect(proxy.port(), name="other.example")
    end = proxy.wait_for_end()
    assert (end["end"], end["sni"]) == ("sni_unmatched", "other.example")
    rude.connect(proxy.port()).close()


def test_routes_choose_the_backend_by_name(start, driver, certs, backend):
    servers = {name: backend(backends.answer_and(name.encode(), "fin"))
               for name in ("app", "star", "exact")}
    proxy = start(proxy_module.configuration(
        io=driver, allow_root=True,
        frontends=[{"name": "web", "listen": "127.0.0.1:0", "pem-file": certs.get().pem_path,
                    "backend": "app",
                    "routes": [{"sni": "*.example.org", "backend": "star"},
                               {"sni": ["www.example.org", "x.test"], "backend": "exact"}]}],
        backends=[{"name": name, "servers": [{"address": server.address}]}
                  for name, server in servers.items()]))
    port = proxy.wait_until_ready().port()
    for name, expected in (("www.example.org", b"exact"), ("x.test", b"exact"),
                           ("api.example.org", b"star"), ("localhost", b"app")):
        with rude.connect(port, name=name) as client:
            assert client.receive_until_end() == (expected, "goodbye")


def test_alpn_is_the_servers_choice_and_no_overlap_ends_the_handshake(serve):
    proxy = serve("builtin:echo", {"alpn": ["h2", "http/1.1"]})
    client = rude.connect(proxy.port(), tls=rude.context(alpn=["http/1.1", "h2"]))
    assert client.tls.selected_alpn_protocol() == "h2"
    client.close()
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        rude.connect(proxy.port(), tls=rude.context(alpn=["spdy/1"]))
    line = proxy.wait_for_line("hs_fail .*alpn_offered=spdy/1").string
    assert "alert=sent:no_application_protocol(120)" in line


def test_no_overlap_of_protocols_may_be_ignored(serve):
    proxy = serve("builtin:echo", {"alpn": ["h2"], "alpn-mismatch": "ignore"})
    client = rude.connect(proxy.port(), tls=rude.context(alpn=["spdy/1"]))
    assert client.tls.selected_alpn_protocol() is None
    client.close()


def test_policies_refuse_versions_they_do_not_have(serve):
    proxy = serve("builtin:echo", {"tls-policy": "modern"})
    with pytest.raises(ssl.SSLError, match="(?i)protocol.version"):
        rude.connect(proxy.port(), tls=rude.context(maximum=ssl.TLSVersion.TLSv1_2))
    end = proxy.wait_for_end()
    assert end["end"] == "hs_failed"
    assert "alert=sent:protocol_version(70)" in proxy.wait_for_line("^hs_fail").string


def test_an_alert_from_the_client_is_logged_as_received(serve):
    proxy = serve("builtin:echo")
    strict = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # does not know our certificate
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        rude.connect(proxy.port(), tls=strict)
    assert "alert=recv:" in proxy.wait_for_line("^hs_fail").string


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_resume_on_whichever_worker_comes_next(serve, version):
    proxy = serve("builtin:echo", workers=2)
    tls = rude.context(maximum=version, minimum=version)
    session = ticket(proxy.port(), tls, None)
    for _ in range(100):
        client = rude.connect(proxy.port(), tls=tls, session=session)
        assert client.tls.session_reused
        client.close()


def test_tickets_may_be_off(serve):
    proxy = serve("builtin:echo", {"tickets": 0})
    tls = rude.context(minimum=ssl.TLSVersion.TLSv1_3)
    session = ticket(proxy.port(), tls, None)
    assert session is None or not session.has_ticket


def ticket(port, tls, session):
    with rude.connect(port, tls=tls, session=session) as client:
        client.send(b"x")
        client.receive_exactly(1)  # by now a ticket has come
        client.goodbye()
        client.receive_until_end()
        return client.tls.session
