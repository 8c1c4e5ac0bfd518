"""Clients with certificates: who is let in, what the others hear, and that no server hears of
them."""

import signal
import ssl
import subprocess
import tempfile

import pytest

import authorities
import backends
import proxy as proxy_module
import rude

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
NAMES = ["TLS 1.2", "TLS 1.3"]

# What the alerts are called by Python's ssl, and by the access log.
REQUIRED = {ssl.TLSVersion.TLSv1_2: ("HANDSHAKE_FAILURE", "handshake_failure(40)"),
            ssl.TLSVersion.TLSv1_3: ("CERTIFICATE_REQUIRED", "certificate_required(116)")}


@pytest.fixture(scope="module")
def pki():
    """An authority, one below it, one that nobody trusts, and the clients they vouch for."""
    with tempfile.TemporaryDirectory(prefix="sallyport-authorities-") as directory:
        yield Pki(directory)


class Pki:
    def __init__(self, directory):
        self.directory = directory
        self.root = authorities.Authority(directory, "root")
        self.between = authorities.Authority(directory, "between", self.root)
        self.stranger = authorities.Authority(directory, "stranger")
        self.alice = self.root.issue("/O=Example/OU=ops/OU=night shift/CN=alice",
                                     "DNS:alice.clients.example,URI:spiffe://example.org/ops/alice")
        self.bob = self.root.issue("/CN=bob")
        self.carol = self.between.issue("/CN=carol")
        self.eve = self.stranger.issue("/CN=eve")
        self.late = self.root.issue("/CN=late", begins=-5, ends=-1)
        self.early = self.root.issue("/CN=early", begins=1, ends=5)
        self.server = self.root.issue("/CN=server", usage="serverAuth")
        self.gone = self.root.issue("/CN=gone")
        self.root.revoke(self.gone.path)


@pytest.fixture(params=VERSIONS, ids=NAMES)
def version(request):
    return request.param


def tls_of(version, credential=None):
    tls = rude.context(minimum=version, maximum=version)
    return credential.load(tls) if credential is not None else tls


def attempt(port, tls, name="localhost", session=None):
    """What comes back of b"hello", or the name of the alert."""
    client = rude.Client(port, tls=tls, name=name, session=session)
    try:
        client.handshake()
        client.send(b"hello")
        answer = client.receive()
        client.goodbye()
        client.receive_until_end()
        return answer
    except ssl.SSLError as error:
        return error.reason
    except ConnectionError as error:
        return type(error).__name__
    finally:
        client.close()


def serve_clients(serve, server, pki, **frontend):
    settings = {"client-verify": "required", "ca-file": pki.root.path}
    settings.update({key.replace("_", "-"): value for key, value in frontend.items()})
    return serve(server, settings)


def check_refused(proxy, server, heard, alert, reason):
    """The client heard the alert, the log says why, and the server knows nothing of it."""
    name, logged = alert
    assert heard.endswith(name), heard
    end = proxy.wait_for_end()
    line = proxy.wait_for_line("^hs_fail ").string
    assert end["end"] == "cert_rejected"
    assert f"alert=sent:{logged}" in line
    assert f'ssl_reason="{reason}"' in line
    assert server.accepted == 0


# --- who is let in -------------------------------------------------------------------------------

def test_a_client_with_a_good_certificate_is_let_in_and_named_in_the_log(serve, backend, pki,
                                                                         version):
    proxy = serve_clients(serve, backend(backends.echo), pki)
    assert attempt(proxy.port(), tls_of(version, pki.alice)) == b"hello"
    end = proxy.wait_for_end()
    assert end["verify"] == "ok"
    assert end["subject"] == "CN=alice,OU=night shift,OU=ops,O=Example"


def test_without_a_certificate_nobody_is_let_in_where_one_is_required(serve, backend, pki, version):
    server = backend(backends.echo)
    proxy = serve_clients(serve, server, pki)
    heard = attempt(proxy.port(), tls_of(version))
    check_refused(proxy, server, heard, REQUIRED[version], "peer did not return a certificate")
    assert proxy.wait_for_end()["verify"] == "none"


@pytest.mark.parametrize("who, alert, reason", [
    ("eve", ("UNKNOWN_CA", "unknown_ca(48)"), "unable to get local issuer certificate"),
    ("late", ("CERTIFICATE_EXPIRED", "certificate_expired(45)"), "certificate has expired"),
    ("early", ("CERTIFICATE_EXPIRED", "certificate_expired(45)"), "certificate is not yet valid"),
    ("server", ("UNSUPPORTED_CERTIFICATE", "unsupported_certificate(43)"),
     "unsuitable certificate purpose"),
    ("gone", ("CERTIFICATE_REVOKED", "certificate_revoked(44)"), "certificate revoked"),
    ("bob", ("ACCESS_DENIED", "access_denied(49)"), "not on the lists of allowed clients"),
])
@pytest.mark.parametrize("verify", ["required", "optional"])
def test_a_bad_certificate_is_refused_with_the_alert_that_fits(serve, backend, pki, version, who,
                                                               alert, reason, verify):
    server = backend(backends.answer_and(b"banner", "stay"))
    proxy = serve_clients(serve, server, pki, client_verify=verify,
                          crl_file=pki.root.revocations(), allow_cn="alice")
    heard = attempt(proxy.port(), tls_of(version, getattr(pki, who)))
    check_refused(proxy, server, heard, alert, reason)
    end = proxy.wait_for_end()
    assert (end["verify"], end["subject"]) == ("failed", f"CN={who}")


def test_where_it_is_optional_a_client_may_have_none(serve, backend, pki, version):
    proxy = serve_clients(serve, backend(backends.echo), pki, client_verify="optional")
    assert attempt(proxy.port(), tls_of(version)) == b"hello"
    assert attempt(proxy.port(), tls_of(version, pki.alice)) == b"hello"
    ends = proxy.wait_for_ends(2)
    assert [end["verify"] for end in ends] == ["none", "ok"]
    assert "subject" not in ends[0]


def test_chains_are_followed_as_deep_as_allowed(serve, backend, pki, version):
    proxy = serve_clients(serve, backend(backends.echo), pki, verify_depth=1)
    assert attempt(proxy.port(), tls_of(version, pki.carol)) == b"hello"
    server = backend(backends.echo)
    proxy = serve_clients(serve, server, pki, verify_depth=0)
    heard = attempt(proxy.port(), tls_of(version, pki.carol))
    check_refused(proxy, server, heard, ("UNKNOWN_CA", "unknown_ca(48)"),
                  "certificate chain too long")


# --- lists of allowed clients --------------------------------------------------------------------

@pytest.mark.parametrize("allow", [
    {"allow_cn": ["mallory", "alice"]}, {"allow_cn": "al*"}, {"allow_ou": "night shift"},
    {"allow_dns": "*.CLIENTS.example"}, {"allow_uri": "spiffe://example.org/ops/*"},
    {"allow_uri": "spiffe://**"}, {"allow_cn": "mallory", "allow_ou": "ops"}])
def test_one_entry_that_fits_lets_a_client_in(serve, backend, pki, version, allow):
    server = backend(backends.echo)
    proxy = serve_clients(serve, server, pki, **allow)
    assert attempt(proxy.port(), tls_of(version, pki.alice)) == b"hello"
    assert attempt(proxy.port(), tls_of(version, pki.bob)).endswith("ACCESS_DENIED")
    proxy.wait_for_ends(2)
    assert server.accepted == 1


@pytest.mark.parametrize("allow", [
    {"allow_cn": "ALICE"}, {"allow_cn": "alice.clients.example"}, {"allow_ou": "alice"},
    {"allow_dns": "clients.example"}, {"allow_uri": "spiffe://example.org/*"},
    {"allow_uri": "spiffe://example.org/ops"}])
def test_no_entry_that_fits_keeps_a_client_out(serve, backend, pki, version, allow):
    server = backend(backends.echo)
    proxy = serve_clients(serve, server, pki, **allow)
    heard = attempt(proxy.port(), tls_of(version, pki.alice))
    check_refused(proxy, server, heard, ("ACCESS_DENIED", "access_denied(49)"),
                  "not on the lists of allowed clients")


def test_a_public_key_is_pinned_as_openssl_prints_it(serve, backend, pki, version):
    key = subprocess.run(["openssl", "x509", "-in", pki.alice.path, "-noout", "-pubkey"],
                         check=True, capture_output=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=key, check=True,
                         capture_output=True).stdout
    proxy = serve_clients(serve, backend(backends.echo), pki,
                          allow_spki_pin="sha256:" + backends.digest(der))
    assert attempt(proxy.port(), tls_of(version, pki.alice)) == b"hello"
    assert attempt(proxy.port(), tls_of(version, pki.bob)).endswith("ACCESS_DENIED")


# --- not a byte before ---------------------------------------------------------------------------

@pytest.mark.parametrize("who", ["alice", "eve", "bob", None])
def test_a_server_that_speaks_first_is_not_even_connected_before(serve, backend, pki, version, who):
    """The client keeps back what shows who it is: until then nothing may happen behind."""
    server = backend(backends.answer_and(b"banner", "stay"))
    proxy = serve_clients(serve, server, pki, allow_cn="alice")
    client = rude.Client(proxy.port(), tls=tls_of(version, getattr(pki, who) if who else None))
    with pytest.raises(ssl.SSLWantReadError):
        client.tls.do_handshake()
    client.flush()
    wants_more = True
    while wants_more:  # the server's whole flight
        client.fill()
        try:
            client.tls.do_handshake()
            wants_more = False
        except ssl.SSLWantReadError:
            wants_more = client.outgoing.pending == 0
    client.socket.settimeout(0.3)
    with pytest.raises(TimeoutError):  # nothing else comes
        client.fill()
    assert server.accepted == 0
    client.socket.settimeout(rude.WAIT_S)
    if who == "alice":
        client.handshake()
        assert client.receive_exactly(6) == b"banner"
    else:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            client.handshake()
            client.receive_exactly(6)
        proxy.wait_for_end()
        assert server.accepted == 0
    client.close()


def test_what_comes_along_with_a_bad_certificate_reaches_nobody(serve, backend, pki):
    """TLS 1.3: certificate, end of the handshake and data in one flight."""
    server = backend(backends.collect)
    proxy = serve_clients(serve, server, pki, allow_cn="alice")
    for who in (pki.eve, pki.bob):
        client = rude.Client(proxy.port(), tls=tls_of(ssl.TLSVersion.TLSv1_3, who))
        with pytest.raises(ssl.SSLWantReadError):
            client.tls.do_handshake()
        client.flush()
        client.fill()
        client.tls.do_handshake()
        client.tls.write(b"GET / HTTP/1.0\r\n\r\n")
        client.flush()
        client.receive_until_end_of_any_kind()
        client.close()
    ends = proxy.wait_for_ends(2)
    assert [(end["end"], end["in"]) for end in ends] == [("cert_rejected", "0")] * 2
    assert server.accepted == 0


# --- revocation ----------------------------------------------------------------------------------

@pytest.mark.parametrize("trouble, logged", [("missing", "crl_missing"),
                                             ("expired", "crl_expired")])
def test_a_list_that_is_missing_or_old_refuses_or_warns(serve, backend, pki, version, directory,
                                                        trouble, logged):
    issuer = pki.stranger if trouble == "missing" else pki.root
    path = issuer.revocations(directory / "list", ends=-1 if trouble == "expired" else 5)
    server = backend(backends.echo)
    proxy = serve_clients(serve, server, pki, crl_file=path)
    heard = attempt(proxy.port(), tls_of(version, pki.alice))
    check_refused(proxy, server, heard, ("CERTIFICATE_UNKNOWN", "certificate_unknown(46)"),
                  "unable to get certificate CRL" if trouble == "missing" else "CRL has expired")
    proxy = serve_clients(serve, server, pki, crl_file=path, **{f"crl_{trouble}": "warn"})
    assert attempt(proxy.port(), tls_of(version, pki.alice)) == b"hello"
    assert proxy.wait_for_end()["verify"] == logged
    if trouble == "expired":
        proxy.wait_for_line(r"list\\?\": a CRL in it has expired, on 20")
        assert attempt(proxy.port(), tls_of(version, pki.gone)).endswith("CERTIFICATE_REVOKED")


def test_the_chain_needs_lists_of_all_its_authorities_and_the_leaf_of_one(serve, backend, pki,
                                                                          version):
    lists = {"crl_file": pki.between.revocations()}
    proxy = serve_clients(serve, backend(backends.echo), pki, **lists)
    assert attempt(proxy.port(), tls_of(version, pki.carol)).endswith("CERTIFICATE_UNKNOWN")
    proxy = serve_clients(serve, backend(backends.echo), pki, crl_check="leaf", **lists)
    assert attempt(proxy.port(), tls_of(version, pki.carol)) == b"hello"
    lists = {"crl_file": [pki.between.revocations(), pki.root.revocations()]}
    proxy = serve_clients(serve, backend(backends.echo), pki, **lists)
    assert attempt(proxy.port(), tls_of(version, pki.carol)) == b"hello"


def test_who_is_revoked_is_kept_out_after_a_reload_with_a_ticket_or_without(serve, backend,
                                                                            directory, version):
    root = authorities.Authority(directory, "own")
    client = root.issue("/CN=dora")
    crls = directory / "crls"
    crls.mkdir()
    root.revocations(crls / "own.crl")
    proxy = serve(backend(backends.echo), {"client-verify": "required", "ca-file": root.path,
                                           "crl-dir": crls})
    tls = tls_of(version, client)
    session = ticket(proxy.port(), tls)
    assert is_resumed(proxy.port(), tls, session)
    root.revoke(client.path)
    root.revocations(crls / "own.crl")
    proxy.send(signal.SIGHUP)
    proxy.wait_for_line(r"reloaded count=1\b")
    for old in (session, None):
        assert attempt(proxy.port(), tls, session=old).endswith("CERTIFICATE_REVOKED")


def next_update(path):
    said = subprocess.run(["openssl", "crl", "-in", path, "-noout", "-nextupdate", "-dateopt",
                           "iso_8601"], check=True, capture_output=True, text=True).stdout
    return said.strip().removeprefix("nextUpdate=").replace(" ", "T")


def test_the_log_says_until_when_each_list_is_good(serve, backend, pki, directory):
    path = pki.root.revocations(directory / "list", ends=5)
    proxy = serve_clients(serve, backend(backends.echo), pki, crl_file=path)
    proxy.wait_for_line(rf'crl frontend=web file="{path}" next_update={next_update(path)}$')
    pki.root.revocations(path, ends=6)
    proxy.send(signal.SIGHUP)
    proxy.wait_for_line(rf'crl frontend=web file="{path}" next_update={next_update(path)}$')


# --- resumption ----------------------------------------------------------------------------------

def ticket(port, tls, name="localhost"):
    with rude.connect(port, tls=tls, name=name) as client:
        client.send(b"x")
        client.receive_exactly(1)  # by now a ticket has come
        client.goodbye()
        client.receive_until_end()
        return client.tls.session


def is_resumed(port, tls, session, name="localhost"):
    with rude.connect(port, tls=tls, session=session, name=name) as client:
        client.send(b"x")
        client.receive_exactly(1)
        client.goodbye()
        client.receive_until_end()
        return client.tls.session_reused


def test_a_resumed_client_is_as_well_known_as_before(serve, backend, pki, version):
    proxy = serve_clients(serve, backend(backends.echo), pki, allow_cn="alice")
    tls = tls_of(version, pki.alice)
    session = ticket(proxy.port(), tls)
    assert is_resumed(proxy.port(), tls, session)
    end = proxy.wait_for_ends(2)[1]
    assert (end["resumed"], end["verify"]) == ("1", "ok")
    assert end["subject"] == "CN=alice,OU=night shift,OU=ops,O=Example"


def test_a_ticket_of_one_policy_never_resumes_in_another(start, driver, certs, backend, pki,
                                                         version):
    """CVE-2025-23419: all frontends have one certificate, and share the ticket keys."""
    policies = {
        "open": {},
        "optional": {"client-verify": "optional", "ca-file": pki.root.path},
        "required": {"client-verify": "required", "ca-file": pki.root.path},
        "deeper": {"client-verify": "required", "ca-file": pki.root.path, "verify-depth": 9},
        "listed": {"client-verify": "required", "ca-file": pki.root.path, "allow-cn": "alice"},
        "checked": {"client-verify": "required", "ca-file": pki.root.path,
                    "crl-file": pki.root.revocations()},
        "others": {"client-verify": "required", "ca-file": [pki.root.path, pki.stranger.path]},
    }
    server = backend(backends.echo)
    proxy = start(proxy_module.configuration(
        io=driver, workers=2, allow_root=True,
        frontends=[{"name": name, "listen": "127.0.0.1:0", "pem-file": certs.get().pem_path,
                    "backend": "app", **policy} for name, policy in policies.items()],
        backends=[{"name": "app", "servers": [{"address": server.address}]}])).wait_until_ready()
    tls = tls_of(version, pki.alice)
    for one in policies:
        session = ticket(proxy.port(one), tls)
        for other in policies:
            assert is_resumed(proxy.port(other), tls, session) == (one == other), (one, other)
    nobody = tls_of(version)
    session = ticket(proxy.port("optional"), nobody)
    for other in ("required", "deeper", "listed", "checked", "others"):
        heard = attempt(proxy.port(other), nobody, session=session)
        assert heard.endswith(REQUIRED[version][0])


def test_a_session_that_was_stored_is_bound_to_its_policy_as_well(start, driver, certs, backend,
                                                                  pki):
    """TLS 1.2 clients without tickets: the daemon keeps the session."""
    server = backend(backends.echo)
    proxy = start(proxy_module.configuration(
        io=driver, workers=2, allow_root=True,
        frontends=[{"name": name, "listen": "127.0.0.1:0", "pem-file": certs.get().pem_path,
                    "backend": "app", **policy}
                   for name, policy in (("open", {}), ("required", {
                       "client-verify": "required", "ca-file": pki.root.path}))],
        backends=[{"name": "app", "servers": [{"address": server.address}]}])).wait_until_ready()
    tls = tls_of(ssl.TLSVersion.TLSv1_2)
    tls.options |= ssl.OP_NO_TICKET
    session = ticket(proxy.port("open"), tls)
    assert is_resumed(proxy.port("open"), tls, session)
    heard = attempt(proxy.port("required"), tls, session=session)
    assert heard.endswith("HANDSHAKE_FAILURE")
    tls = tls_of(ssl.TLSVersion.TLSv1_2, pki.alice)
    tls.options |= ssl.OP_NO_TICKET
    session = ticket(proxy.port("required"), tls)
    assert not is_resumed(proxy.port("open"), tls, session)


# --- by name -------------------------------------------------------------------------------------

@pytest.fixture
def named(start, driver, certs, backend, pki):
    """Open but for some names, and a proxy that says by which name it was reached."""
    names = {"open": "www.example", "admin": "admin.example", "star": "*.inside.example",
             "exception": "open.inside.example", "other": "other.example"}
    servers = {name: backend(backends.answer_and(name.encode(), "stay")) for name in names}
    own = {"admin": {"client-verify": "required", "allow-cn": "alice"},
           "star": {"client-verify": "required"},
           "other": {"client-verify": "required", "ca-file": pki.stranger.path}}
    proxy = start(proxy_module.configuration(
        io=driver, workers=1, allow_root=True,
        frontends=[{"name": "web", "listen": "127.0.0.1:0", "pem-file": certs.get().pem_path,
                    "backend": "open", "ca-file": pki.root.path,
                    "routes": [{"sni": names[name], "backend": name, **own.get(name, {})}
                               for name in names]}],
        backends=[{"name": name, "servers": [{"address": server.address}]}
                  for name, server in servers.items()]))
    proxy.servers = servers
    return proxy.wait_until_ready()


@pytest.mark.parametrize("name, none, alice, bob, eve", [
    ("nobody.example", b"open", b"open", b"open", b"open"),
    ("www.example", b"open", b"open", b"open", b"open"),
    ("admin.example", None, b"admin", None, None),
    ("ADMIN.example", None, b"admin", None, None),
    ("a.inside.example", None, b"star", b"star", None),
    ("open.inside.example", b"exception", b"exception", b"exception", b"exception"),
    ("other.example", None, None, None, b"other"),
])
def test_each_name_has_its_policy(named, pki, version, name, none, alice, bob, eve):
    wanted = {None: none, pki.alice: alice, pki.bob: bob, pki.eve: eve}
    for credential, answer in wanted.items():
        heard = attempt(named.port(), tls_of(version, credential), name=name)
        if answer is None:
            assert isinstance(heard, str), heard
        else:
            assert heard == answer
    named.wait_for_ends(len(wanted))
    accepted = sum(server.accepted for server in named.servers.values())
    assert accepted == sum(answer is not None for answer in wanted.values())


def test_a_ticket_of_an_open_name_opens_no_other(start, driver, certs, backend, pki, version):
    server = backend(backends.echo)
    proxy = start(proxy_module.configuration(
        io=driver, workers=1, allow_root=True,
        frontends=[{"name": "web", "listen": "127.0.0.1:0", "pem-file": certs.get().pem_path,
                    "backend": "app", "ca-file": pki.root.path,
                    "routes": [{"sni": "admin.example", "backend": "app",
                                "client-verify": "required"}]}],
        backends=[{"name": "app", "servers": [{"address": server.address}]}])).wait_until_ready()
    nobody = tls_of(version)
    session = ticket(proxy.port(), nobody)
    heard = attempt(proxy.port(), nobody, name="admin.example", session=session)
    assert heard.endswith(REQUIRED[version][0])


# --- files ---------------------------------------------------------------------------------------

def test_a_bad_file_in_a_directory_is_passed_over_with_a_warning(serve, backend, pki, directory,
                                                                 version):
    directory_of_authorities = directory / "cas"
    directory_of_authorities.mkdir()
    (directory_of_authorities / "0-readme").write_text("not a certificate\n")
    (directory_of_authorities / "1-broken.pem").write_text(
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    (directory_of_authorities / "2-root.pem").write_text(pki.root.path.read_text())
    (directory_of_authorities / ".hidden").write_text(pki.stranger.path.read_text())
    (directory_of_authorities / "deeper").mkdir()
    proxy = serve(backend(backends.echo), {"client-verify": "required",
                                           "ca-dir": directory_of_authorities})
    assert attempt(proxy.port(), tls_of(version, pki.alice)) == b"hello"
    assert attempt(proxy.port(), tls_of(version, pki.eve)).endswith("UNKNOWN_CA")
    said = "\n".join(proxy.said())
    assert "0-readme\\\": no certificate in it" in said or '0-readme": no certificate in it' in said
    assert "1-broken.pem" in said


def test_names_of_authorities_are_told_unless_they_are_hidden(serve, backend, pki, version):
    option = "-tls1_2" if version == ssl.TLSVersion.TLSv1_2 else "-tls1_3"
    for is_told in (True, False):
        proxy = serve_clients(serve, backend(backends.echo), pki, client_ca_names=is_told)
        said = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{proxy.port()}",
                               option, "-cert", pki.alice.path, "-key", pki.alice.key_path],
                              input="", capture_output=True, text=True, timeout=30).stdout
        assert ("Acceptable client certificate CA names\nCN = root" in said) == is_told


def test_curl_shows_a_certificate(serve, pki, certs):
    proxy = serve_clients(serve, "builtin:hello", pki)
    command = ["curl", "-sS", "--cacert", certs.get().path,
               f"https://localhost:{proxy.port()}/"]
    shown = ["--cert", pki.alice.path, "--key", pki.alice.key_path]
    said = subprocess.run(command + shown, capture_output=True, text=True, timeout=30)
    assert "subject: \"CN=alice,OU=night shift,OU=ops,O=Example\"\n" in said.stdout
    said = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert said.returncode != 0
    assert "certificate required" in said.stderr


# --- mistakes ------------------------------------------------------------------------------------

FRONTEND = """frontends = ( {{ listen = "127.0.0.1:0"; backend = "app"; pem-file = "{pem}";
client-verify = "required";
ca-file = "{ca}";
{more}
}} );
backends = ( {{ name = "app"; servers = ( {{ address = "builtin:echo"; }} ); }} );
"""


@pytest.mark.parametrize("ca, more, line, words", [
    ("{directory}/missing", "", 3, 'cannot read "{directory}/missing"'),
    ("{directory}/empty", "", 3, '"{directory}/empty": no certificate in it'),
    ("{ca}", 'crl-file = "{directory}/empty";', 4, '"{directory}/empty": no CRL in it'),
    ("{ca}", 'crl-file = "{ca}";', 4, '"{ca}": no CRL in it'),
    ("{ca}", 'ca-dir = "{directory}/none";', 4, 'cannot read "{directory}/none"'),
    ("{ca}", 'ca-dir = "{directory}/nothing";', 4, 'no certificate in "{directory}/nothing"'),
    ("{ca}", 'allow-spki-pin = "sha1:00";', 4, "allow-spki-pin: "),
    ("{ca}", 'alow-cn = "alice";', 4, 'did you mean "allow-cn"'),
    ("{ca}", 'crl-check = "all";', 4, "crl-check: one of chain|leaf is wanted"),
])
def test_mistakes_are_named_with_their_line(certs, directory, pki, ca, more, line, words):
    (directory / "empty").write_text("")
    (directory / "nothing").mkdir()
    paths = {"directory": directory, "ca": pki.root.path}
    path = directory / "test.conf"
    path.write_text(FRONTEND.format(pem=certs.get().pem_path, ca=ca.format(**paths),
                                    more=more.format(**paths)))
    found = proxy_module.run("-t", "-c", path)
    assert found.returncode == 3
    assert f"{path}:{line}: error: " in found.stderr, found.stderr
    assert words.format(**paths) in found.stderr, found.stderr
