"""ACME's tls-alpn-01 (RFC 8737): challenges answered on the port of everything else."""

import re
import signal
import ssl
import threading
import time

import pytest

import backends
import challenges
import proxy as proxy_module
import rude
from challenges import REFUSED, Challenge, context, put, shown, wait_until


@pytest.fixture
def challenge_dir(directory):
    path = directory / "challenges"
    path.mkdir()
    return path


@pytest.fixture
def make(directory):
    def make_one(name, **options):
        return Challenge(directory, name, **options)
    return make_one


@pytest.fixture
def answer(serve, challenge_dir):
    """answer(backend, frontend = {...}, ...) gives a Proxy that answers what is in challenge_dir."""
    def answer_one(backend="builtin:echo", frontend=None, **settings):
        return serve(backend, {"acme-dir": challenge_dir, **(frontend or {})}, **settings)
    return answer_one


def default_of(certs):
    return ssl.PEM_cert_to_DER_cert(certs.get().path.read_text())


# --- answers ---

@pytest.mark.basic
def test_a_challenge_is_answered_and_no_longer_when_its_file_has_gone(answer, make, challenge_dir):
    """Also a name that no certificate has, and where others are refused."""
    one, other = make("www.example.org"), make("new.example.org", kind="rsa")
    proxy = answer(frontend={"strict-sni": "require", "alpn": ["h2", "http/1.1"]})
    assert shown(proxy.port(), one.name) == REFUSED
    path = put(challenge_dir / "anything.pem", one.pem)
    wait_until(proxy.port(), one.name, one.shown)
    put(challenge_dir / "other.pem", other.pem)
    wait_until(proxy.port(), other.name, other.shown)
    assert shown(proxy.port(), "WWW.example.ORG") == one.shown
    path.unlink()
    wait_until(proxy.port(), one.name, REFUSED)
    assert shown(proxy.port(), other.name) == other.shown
    assert not any("reloaded" in line for line in proxy.said())


@pytest.mark.parametrize("version", (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3))
def test_a_challenge_is_answered_for_a_name_with_a_policy_of_its_own(answer, make, challenge_dir,
                                                                     certs, version):
    """As the frontend would for any name: whoever asks is no client of that name."""
    one = make("www.example.org")
    proxy = answer(frontend={"routes": [{"sni": one.name, "backend": "app",
                                         "tls-policy": "modern", "alpn": ["h2"],
                                         "groups": "P-384"}]})
    asking = context(minimum=version, maximum=version)
    assert shown(proxy.port(), one.name, tls=asking) == REFUSED
    put(challenge_dir / "one.pem", one.pem)
    wait_until(proxy.port(), one.name, one.shown, tls=asking)
    with rude.connect(proxy.port(), name=one.name, tls=rude.context(alpn=["h2"])) as client:
        assert client.tls.getpeercert(True) == default_of(certs)
        assert client.tls.selected_alpn_protocol() == "h2"


def test_a_challenge_that_is_there_at_the_start_is_answered_at_once(answer, make, challenge_dir):
    one = make("www.example.org")
    put(challenge_dir / "one.pem", one.pem)
    proxy = answer(workers=4)
    assert [shown(proxy.port(), one.name) for _ in range(16)] == [one.shown] * 16


def test_the_pairs_that_dehydrated_writes_are_challenges(answer, make, challenge_dir):
    one, other = make("www.example.org", kind="rsa"), make("other.example.org")
    proxy = answer()
    put(challenge_dir / "www.example.org.key.pem", one.key)
    put(challenge_dir / "www.example.org.crt.pem", one.certificate)
    put(challenge_dir / "whole.crt.pem", other.pem)
    wait_until(proxy.port(), one.name, one.shown)
    wait_until(proxy.port(), other.name, other.shown)
    assert not any("www.example.org.key.pem" in line for line in proxy.said())


def test_the_newest_challenge_of_a_name_answers(answer, make, challenge_dir):
    """Whatever a client that was killed has left behind."""
    old = make("www.example.org")
    time.sleep(1.1)  # the certificates' clock has seconds
    new = make("www.example.org")
    for first, second in ((old, new), (new, old)):
        put(challenge_dir / "a.pem", first.pem)
        put(challenge_dir / "b.pem", second.pem)
        proxy = answer()
        assert shown(proxy.port(), new.name) == new.shown


POLICIES = ({"tls-policy": "modern"}, {"tls-policy": "intermediate"}, {"tls-policy": "old"},
            {"security-level": "3"}, {"max-version": "TLSv1.2"})


def test_any_policy_with_tls_1_2_or_better_answers(serve, make, challenge_dir, certs):
    kinds = [make("ec.example.org", kind="ec"), make("rsa.example.org", kind="rsa")]
    for one in kinds:
        put(challenge_dir / f"{one.name}.pem", one.pem)
    proxy = serve("builtin:echo", frontends=[
        {"name": f"web{number}", "listen": ["127.0.0.1:0"], "backend": "app",
         "pem-file": certs.get().pem_path, "acme-dir": challenge_dir, **policy}
        for number, policy in enumerate(POLICIES)])
    for number, policy in enumerate(POLICIES):
        for one in kinds:
            assert shown(proxy.port(f"web{number}"), one.name) == one.shown, policy


def test_every_frontend_answers_by_its_own_directory(serve, make, directory, certs):
    one, other = make("one.example.org"), make("other.example.org")
    frontends = []
    for name, challenge in (("first", one), ("second", other), ("third", other), ("none", None)):
        path = directory / ("shared" if challenge is other else name)
        path.mkdir(exist_ok=True)
        if challenge is not None:
            put(path / "challenge.pem", challenge.pem)
        frontends.append({"name": name, "listen": ["127.0.0.1:0"], "backend": "app",
                          "pem-file": certs.get().pem_path,
                          **({"acme-dir": path} if challenge is not None else {})})
    proxy = serve("builtin:echo", frontends=frontends)
    answers = {frontend["name"]: [shown(proxy.port(frontend["name"]), challenge.name)
                                  for challenge in (one, other)] for frontend in frontends}
    assert answers == {"first": [one.shown, REFUSED], "second": [REFUSED, other.shown],
                       "third": [REFUSED, other.shown], "none": [REFUSED, REFUSED]}


# --- who is answered ---

def test_only_who_offers_the_protocol_alone_sees_a_challenge(answer, make, challenge_dir, certs):
    one = make("localhost")
    put(challenge_dir / "one.pem", one.pem)
    port = answer(frontend={"alpn": ["h2"]}).port()
    for offer in ((), ("h2",), (challenges.PROTOCOL, "h2"), ("h2", challenges.PROTOCOL)):
        with rude.connect(port, tls=context(offer)) as client:
            assert client.tls.getpeercert(True) == default_of(certs)
            assert client.tls.selected_alpn_protocol() == ("h2" if offer else None)
    for offer in ((challenges.PROTOCOL, "http/1.1"), ("ACME-TLS/1",), ("acme-tls/1.1",)):
        assert shown(port, "localhost", tls=context(offer)) == REFUSED
    with rude.connect(port, tls=context()) as client:
        assert client.tls.getpeercert(True) == one.shown
        assert client.tls.selected_alpn_protocol() == challenges.PROTOCOL


def test_beside_other_protocols_it_is_as_if_it_were_not_offered(answer, make, challenge_dir, certs):
    put(challenge_dir / "one.pem", make("localhost").pem)
    port = answer().port()
    with rude.connect(port, tls=context((challenges.PROTOCOL, "h2"))) as client:
        assert client.tls.getpeercert(True) == default_of(certs)
        assert client.tls.selected_alpn_protocol() is None


STRICTNESS = ({}, {"strict-sni": "true"}, {"alpn": ["h2"]},
              {"alpn": ["h2"], "alpn-mismatch": "ignore"})


def test_no_other_certificate_answers(serve, make, challenge_dir, certs):
    put(challenge_dir / "one.pem", make("www.example.org").pem)
    proxy = serve("builtin:echo", frontends=[
        {"name": f"web{number}", "listen": ["127.0.0.1:0"], "backend": "app",
         "pem-file": certs.get().pem_path, "acme-dir": challenge_dir, **frontend}
        for number, frontend in enumerate(STRICTNESS)])
    names = ("localhost", "example.org", "a.www.example.org", "unknown", "*.example.org", None)
    for number, frontend in enumerate(STRICTNESS):
        port = proxy.port(f"web{number}")
        assert [shown(port, name) for name in names] == [REFUSED] * len(names), frontend
    line = proxy.wait_for_line(r"hs_fail .*sni=localhost alpn_offered=acme-tls/1 .*").group(0)
    assert "alert=sent:no_application_protocol(120)" in line
    assert 'ssl_reason="no ACME challenge for the name"' in line
    ends = proxy.wait_for_ends(len(names) * len(STRICTNESS))
    assert {(end["end"], end["be"], end["in"]) for end in ends} == {("hs_failed", "-", "0")}


def test_without_a_directory_nobody_is_answered(serve):
    proxy = serve("builtin:echo")
    assert shown(proxy.port(), "localhost") == REFUSED


def test_a_name_leads_to_no_file(answer, make, challenge_dir):
    one = make("www.example.org")
    put(challenge_dir / "one.pem", one.pem)
    put(challenge_dir.parent / "outside.pem", make("outside").pem)
    proxy = answer()
    for name in ("one", "one.pem", "..", "../outside", "outside", "a/b"):
        said = challenges.ask(proxy.port(), "-servername", name).stdout
        assert "no peer certificate available" in said, name
    assert shown(proxy.port(), one.name) == one.shown


def test_before_tls_1_2_nobody_is_answered(answer, make, challenge_dir):
    one = make("www.example.org", kind="rsa")
    put(challenge_dir / "one.pem", one.pem)
    port = answer(frontend={"tls-policy": "old"}).port()
    weak = ("-cipher", "DEFAULT@SECLEVEL=0", "-servername", one.name)
    for version in ("-tls1", "-tls1_1"):
        said = challenges.ask(port, version, *weak)
        assert "alert protocol version" in said.stderr, said.stderr
    assert "ALPN protocol: acme-tls/1" in challenges.ask(port, "-tls1_2", *weak).stdout


# --- what the connection is ---

@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_connection_is_closed_at_once_and_reaches_no_server(answer, make, challenge_dir,
                                                                backend, version):
    put(challenge_dir / "one.pem", make("localhost").pem)
    server = backend(backends.collect)
    proxy = answer(server)
    with rude.connect(proxy.port(), tls=context(maximum=version)) as client:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        assert client.receive_until_end() == (b"", "goodbye")
        assert not client.fill()
        assert not client.tls.session.has_ticket
    end = proxy.wait_for_end()
    assert (end["end"], end["ts"], end["alpn"], end["sni"]) == ("acme", "LR", "acme-tls/1",
                                                               "localhost")
    assert (end["be"], end["srv"], end["in"], end["out"]) == ("-", "-", "0", "0")
    assert end["hs_ms"] != "-" and end["conn_ms"] == "-"
    with rude.connect(proxy.port()) as client:
        client.send(b"x")
        client.goodbye()
        client.receive_until_end()
    assert len(server.wait_for()) == 1


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_session_of_others_takes_the_place_of_a_challenge(answer, make, challenge_dir, version):
    one = make("localhost")
    put(challenge_dir / "one.pem", one.pem)
    port = answer().port()
    tls = context((), maximum=version)
    with rude.connect(port, tls=tls) as client:
        client.send(b"x")
        client.receive_exactly(1)
        client.goodbye()
        session = client.tls.session
    with rude.connect(port, tls=tls, session=session) as client:
        assert client.tls.session_reused
    tls.set_alpn_protocols([challenges.PROTOCOL])
    with rude.connect(port, tls=tls, session=session) as client:
        assert not client.tls.session_reused
        assert client.tls.getpeercert(True) == one.shown


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_client_certificate_is_demanded(answer, make, challenge_dir, certs, version):
    one = make("localhost")
    put(challenge_dir / "one.pem", one.pem)
    proxy = answer(frontend={"client-verify": "required", "ca-file": certs.get().path})
    with rude.connect(proxy.port(), tls=context(maximum=version)) as client:
        assert client.tls.getpeercert(True) == one.shown
        assert client.receive_until_end() == (b"", "goodbye")
    end = proxy.wait_for_end()
    assert (end["end"], end["verify"]) == ("acme", "none")
    with pytest.raises(ssl.SSLError):
        with rude.connect(proxy.port(), tls=rude.context(maximum=version)) as client:
            client.receive()


# --- before there is any certificate ---

def test_a_frontend_without_a_certificate_yet_answers_challenges_alone(answer, make, challenge_dir,
                                                                       certs, directory):
    one, shelf = make("www.example.org"), directory / "shelf"
    shelf.mkdir()
    proxy = answer(frontend={"pem-file": [], "pem-dir": shelf})
    proxy.wait_for_line(r"sallyport\.conf:\d+: warning: there is no certificate in pem-dir yet")
    assert proxy.wait_for_line(r"certificates count=0 .*next_expiry=(\S+)").group(1) == "-"
    put(challenge_dir / "one.pem", one.pem)
    wait_until(proxy.port(), one.name, one.shown)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        assert shown(proxy.port(), one.name, tls=context((), maximum=version)) == (
            "handshake_failure")
    put(shelf / "first.pem", certs.get().pem_path.read_text())
    wait_until(proxy.port(), "localhost", default_of(certs), tls=context(()))
    (shelf / "first.pem").unlink()
    proxy.wait_for_line("there is no certificate in pem-dir that can be used")
    assert shown(proxy.port(), "localhost", tls=context(())) == default_of(certs)


def test_a_challenge_among_ordinary_certificates_serves_nobody(answer, make, challenge_dir, certs):
    """As when one directory is named for both."""
    one = make("www.example.org")
    put(challenge_dir / "challenge.pem", one.pem)
    put(challenge_dir / "z.pem", certs.get().pem_path.read_text())
    proxy = answer(frontend={"pem-file": [], "pem-dir": challenge_dir})
    proxy.wait_for_line(r"warning: .*/challenge\.pem: the certificate of an ACME challenge.*skipped")
    assert shown(proxy.port(), one.name, tls=context(())) == default_of(certs)
    assert shown(proxy.port(), one.name) == one.shown


def test_only_an_empty_directory_awaits_its_first_certificate(challenge_dir, directory):
    shelf, config = directory / "shelf", directory / "test.conf"
    shelf.mkdir()
    def tested(**more):
        config.write_text(proxy_module.configuration(
            allow_root=True, frontends=[{"listen": ["127.0.0.1:1"], "backend": "app",
                                         "pem-dir": shelf, **more}],
            backends=[{"name": "app", "servers": [{"address": "builtin:echo"}]}]))
        return proxy_module.run("-t", "-c", config).returncode
    assert tested(**{"acme-dir": challenge_dir}) == 0
    assert tested() == 3
    put(shelf / "bad.pem", "nonsense")
    assert tested(**{"acme-dir": challenge_dir}) == 3


# --- files ---

BAD = {
    "garbage.pem": (lambda make: "nonsense", "no certificate in it"),
    "no-key.pem": (lambda make: make("a.example").certificate, "no private key in it"),
    "mismatch.crt.pem": (lambda make: make("a.example").certificate,
                         "mismatch.key.pem: the key does not belong"),
    "ordinary.pem": (lambda make: make("a.example", identifier=None).pem, "lacks a critical"),
    "forgiving.pem": (lambda make: make("a.example", identifier=challenges.IDENTIFIER.replace(
        "critical,", "")).pem, "lacks a critical"),
    "short.pem": (lambda make: make("a.example", identifier="1.3.6.1.5.5.7.1.31=critical,"
                                    "DER:04:02:5a:5a").pem, "lacks a critical"),
    "nameless.pem": (lambda make: make("a.example", names=()).pem, "or a subjectAltName"),
    "two.pem": (lambda make: make("a.example", names=("a.example", "b.example")).pem,
                "for one host name, and this one for 2"),
    "wild.pem": (lambda make: make("*.example").pem, "not for a wildcard"),
}


def test_a_bad_file_is_skipped_with_path_and_reason_told_once(answer, make, challenge_dir):
    one = make("www.example.org")
    for name, (content, _) in BAD.items():
        put(challenge_dir / name, content(make))
    put(challenge_dir / "mismatch.key.pem", make("b.example").key)
    (challenge_dir / "nowhere.pem").symlink_to("lost")
    put(challenge_dir / "z.pem", one.pem)
    proxy = answer(strict_certs=True)
    for name, (_, reason) in BAD.items():
        proxy.wait_for_line(rf"sallyport\.conf:\d+: warning: .*/{name}?.*{reason}.*it is skipped|"
                            rf"sallyport\.conf:\d+: warning: .*/{reason}.*it is skipped")
    proxy.wait_for_line('nowhere.pem": ')
    assert shown(proxy.port(), one.name) == one.shown
    for name in ("a.example", "b.example", "x.example"):
        assert shown(proxy.port(), name) == REFUSED
    (challenge_dir / "z.pem").unlink()
    wait_until(proxy.port(), one.name, REFUSED)
    assert "\n".join(proxy.said()).count("garbage.pem") == 1


def test_whoever_tests_a_configuration_is_told_of_challenges(make, challenge_dir, certs, directory):
    put(challenge_dir / "good.pem", make("www.example.org").pem)
    config = directory / "test.conf"
    config.write_text(proxy_module.configuration(
        allow_root=True,
        frontends=[{"listen": ["127.0.0.1:1"], "backend": "app",
                    "pem-file": certs.get().pem_path, "acme-dir": challenge_dir}],
        backends=[{"name": "app", "servers": [{"address": "builtin:echo"}]}]))
    good = proxy_module.run("-t", "-c", config)
    assert (good.returncode, good.stderr) == (0, "")
    put(challenge_dir / "bad.pem", "nonsense")
    bad = proxy_module.run("-t", "-c", config)
    assert bad.returncode == 0
    assert re.search(r"test\.conf:\d+: warning: .*/bad\.pem: no certificate in it.*skipped",
                     bad.stderr)
    assert proxy_module.run("-t", "--strict", "-c", config).returncode == 3


def test_a_directory_that_comes_later_is_followed(answer, make, challenge_dir):
    one = make("www.example.org")
    challenge_dir.rmdir()
    proxy = answer(auto_reload=False)
    proxy.wait_for_line(r'sallyport\.conf:\d+: warning: cannot read directory ".*challenges"')
    challenge_dir.mkdir()
    put(challenge_dir / "one.pem", one.pem)
    wait_until(proxy.port(), one.name, one.shown)


def test_bad_certificates_of_others_hold_no_challenge_up(answer, make, challenge_dir, certs,
                                                         directory):
    one = make("www.example.org")
    shelf = directory / "shelf"
    shelf.mkdir()
    put(shelf / "a.pem", certs.get().pem_path.read_text())
    proxy = answer(frontend={"pem-file": [], "pem-dir": shelf}, strict_certs=True)
    put(shelf / "a.pem", "nonsense")
    put(challenge_dir / "one.pem", one.pem)
    wait_until(proxy.port(), one.name, one.shown)


def test_a_reload_may_bring_challenges_and_workers_that_answer(serve, make, challenge_dir):
    one = make("www.example.org")
    put(challenge_dir / "one.pem", one.pem)
    proxy = serve("builtin:echo", workers=1)
    assert shown(proxy.port(), one.name) == REFUSED
    text = proxy.config_path.read_text()
    changed = text.replace("workers = 1;", "workers = 3;").replace(
        'backend = "app";', f'backend = "app"; acme-dir = "{challenge_dir}";', 1)
    proxy.config_path.write_text(changed)
    proxy.send(signal.SIGHUP)
    proxy.wait_for_line(r"reloaded count=1\b")
    wait_until(proxy.port(), one.name, one.shown)
    assert [shown(proxy.port(), one.name) for _ in range(12)] == [one.shown] * 12
    proxy.config_path.write_text(text)
    proxy.send(signal.SIGHUP)
    proxy.wait_for_line(r"reloaded count=2\b")
    assert shown(proxy.port(), one.name) == REFUSED


@pytest.mark.threads
def test_challenges_change_while_every_worker_shows_them(answer, make, challenge_dir):
    one, other = make("one.example.org"), make("other.example.org")
    put(challenge_dir / "one.pem", one.pem)
    proxy = answer(workers=4)
    descriptors = proxy.descriptors()
    over, answers = threading.Event(), set()

    def run():
        while not over.is_set():
            answers.add(shown(proxy.port(), one.name))

    clients = [threading.Thread(target=run) for _ in range(2)]
    for client in clients:
        client.start()
    try:
        for challenge in (other, one) * 4:
            put(challenge_dir / "one.pem", challenge.pem)
            wait_until(proxy.port(), challenge.name, challenge.shown)
    finally:
        over.set()
        for client in clients:
            client.join()
    assert answers <= {one.shown, REFUSED} and one.shown in answers
    until = time.monotonic() + proxy_module.PATIENCE_S
    while proxy.descriptors() != descriptors:  # sessions end a moment after their clients
        assert time.monotonic() < until, (proxy.descriptors(), descriptors)
        time.sleep(0.05)
