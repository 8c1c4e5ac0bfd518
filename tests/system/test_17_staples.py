"""OCSP stapling: which answers go along with a certificate, and what a bad file may do."""

import re
import signal
import subprocess
import time

import pytest

import proxy as proxy_module
import responders
import rude

VERSIONS = ("-tls1_2", "-tls1_3")


@pytest.fixture(scope="module")
def authority():
    return responders.Authority()


@pytest.fixture(scope="module")
def www(authority):
    return authority.issue("www.example")


def write(path, data):
    """By rename, as who writes such files should."""
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(data if isinstance(data, bytes) else data.encode())
    new.chmod(0o600)
    new.rename(path)
    return path


@pytest.fixture
def site(serve, directory):
    """site(issued, answer) serves the certificate, with that answer beside it."""

    def make(issued, answer=None, **frontend):
        path = write(directory / "www.pem", issued.pem())
        if answer is not None:
            write(directory / "www.pem.ocsp", answer)
        return serve("builtin:echo", {"pem-file": path, **frontend})

    return make


def client(port, *arguments):
    return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-status",
                           "-servername", "www.example", *map(str, arguments)], input="",
                          capture_output=True, text=True, timeout=30).stdout


def status(port, *arguments):
    """What the staple says a client got ("good", "revoked"), or None."""
    said = client(port, *arguments)
    found = re.search(r"Cert Status: (\w+)", said)
    assert found or "OCSP response: no response sent" in said, said
    return found.group(1) if found else None


def wait_for_status(port, wanted):
    until = time.monotonic() + proxy_module.PATIENCE_S
    while (found := status(port)) != wanted:
        assert time.monotonic() < until, f"the staple says {found}, not {wanted}"
        time.sleep(0.1)


def reload(proxy, count=1):
    proxy.send(signal.SIGHUP)
    proxy.wait_for_line(rf"reloaded count={count}\b")


def tallies(proxy):
    lines = (line for line in proxy.said() if re.search(r"\bstaples count=", line))
    return [proxy_module.fields(line) for line in lines]


# --- what is sent ---

def test_a_name_with_a_policy_of_its_own_has_its_staple(site, authority, www):
    proxy = site(www, authority.answer(www), routes=[
        {"sni": "www.example", "backend": "app", "groups": "P-384"}])
    for version in VERSIONS:  # the hello is read again, and in TLS 1.3 there is a second one
        said = client(proxy.port(), version)
        assert "Cert Status: good" in said and "secp384r1" in said, said


def test_the_answer_beside_a_certificate_is_sent_in_every_version(site, authority, www):
    proxy = site(www, authority.answer(www))
    assert [status(proxy.port(), version) for version in VERSIONS] == ["good", "good"]
    tally = tallies(proxy)[0]
    assert (tally["count"], tally["read"], tally["errors"]) == ("1", "1", "0")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", tally["next_update"])
    assert tally["next_update_path"].endswith("/www.pem.ocsp")


def test_a_client_that_verifies_takes_certificate_and_staple(site, authority, www, directory):
    proxy = site(www, authority.answer(www))
    anchor = write(directory / "anchor.pem", www.pem().split("-----END CERTIFICATE-----\n")[1] +
                   "-----END CERTIFICATE-----\n")
    said = client(proxy.port(), "-CAfile", anchor, "-verify_return_error")
    assert "Cert Status: good" in said and "Verify return code: 0 (ok)" in said


def test_a_certificate_of_a_group_names_its_staple_or_has_it_beside_it(serve, authority, www,
                                                                     directory):
    path = write(directory / "www.pem", www.pem())
    beside = {"cert": path}
    named = {**beside, "ocsp-file": write(directory / "answer", authority.answer(www))}
    for number, (group, wanted) in enumerate(((named, "good"), (beside, None))):
        proxy = serve("builtin:echo", {"certificates": [group]})
        assert status(proxy.port()) == wanted, number
    write(directory / "www.pem.ocsp", authority.answer(www))
    wait_for_status(proxy.port(), "good")


def test_a_credential_has_its_staple_among_the_credentials(serve, authority, www, directory):
    write(directory / "www", www.pem())
    write(directory / "www.ocsp", authority.answer(www))
    proxy = serve("builtin:echo", {"pem-file": "credential:www"},
                  environment={"CREDENTIALS_DIRECTORY": str(directory)})
    assert status(proxy.port()) == "good"


def test_what_openssl_ocsp_answers_is_sent(site, authority, www, directory):
    files = {"ca.pem": authority.certificate, "www.crt": www.certificate}
    for name, certificate in files.items():
        write(directory / name, certificate.public_bytes(responders.serialization.Encoding.PEM))
    write(directory / "ca.key", responders.Issued(None, authority.key, []).key_pem())
    write(directory / "index.txt",
          f"V\t350101000000Z\t\t{www.certificate.serial_number:X}\tunknown\t/CN=www.example\n")
    subprocess.run(["openssl", "ocsp", "-index", "index.txt", "-CA", "ca.pem", "-rsigner", "ca.pem",
                    "-rkey", "ca.key", "-issuer", "ca.pem", "-cert", "www.crt", "-ndays", "1",
                    "-respout", "www.pem.ocsp", "-noverify"],
                   check=True, cwd=directory, capture_output=True, timeout=30)
    assert status(site(www).port()) == "good"


def test_without_an_answer_nothing_is_sent_and_nothing_is_said(site, www):
    proxy = site(www)
    assert [status(proxy.port(), version) for version in VERSIONS] == [None, None]
    assert not any(re.search("ocsp|staple", line, re.I) for line in proxy.said())


def test_a_certificate_with_a_responder_and_no_staple_is_only_counted(site, authority):
    proxy = site(authority.issue("www.example", responder="http://ocsp.example/"))
    tally = tallies(proxy)[0]
    assert (tally["count"], tally["missing"], tally["next_update"]) == ("0", "1", "-")
    assert not any("warning" in line for line in proxy.said())


def test_must_staple_without_a_staple_is_warned_of(site, authority):
    strict = authority.issue("www.example", must_staple=True)
    proxy = site(strict)
    proxy.wait_for_line(r"sallyport\.conf:\d+: warning: .*/www\.pem: .*must-staple")
    assert status(proxy.port()) is None
    write(proxy.directory.parent / "www.pem.ocsp", authority.answer(strict))
    reload(proxy)
    assert status(proxy.port()) == "good"
    assert len([line for line in proxy.said() if "must-staple" in line]) == 1


def test_that_a_certificate_is_revoked_is_told_and_sent(site, authority, www):
    proxy = site(www, authority.answer(www, "revoked"))
    assert [status(proxy.port(), version) for version in VERSIONS] == ["revoked", "revoked"]
    proxy.wait_for_line(r"warning: .*/www\.pem: the certificate is revoked")
    proxy.wait_for_line("a certificate in use is revoked")
    assert tallies(proxy)[0]["revoked"] == "1"


def test_rsa_and_ecdsa_certificates_of_a_name_have_their_own(serve, authority, directory):
    issued = {kind: authority.issue("www.example", kind) for kind in ("rsa", "ec")}
    for kind, one in issued.items():
        write(directory / f"{kind}.pem", one.pem())
        write(directory / f"{kind}.pem.ocsp", authority.answer(one))
    proxy = serve("builtin:echo", {"pem-file": [], "pem-dir": directory, "pem-dir-glob": "*.pem"})
    for version in VERSIONS:
        for kind, signatures in (("rsa", "RSA-PSS+SHA256"), ("ec", "ECDSA+SHA256")):
            said = client(proxy.port(), version, "-sigalgs", signatures)
            serial = f"{issued[kind].certificate.serial_number:X}"
            assert re.search(rf"Serial Number: 0*{serial}\b", said), said
            assert "Cert Status: good" in said


def test_a_name_with_a_policy_of_its_own_has_its_staple(serve, authority, www, directory):
    path = write(directory / "www.pem", www.pem())
    write(directory / "www.pem.ocsp", authority.answer(www))
    other = write(directory / "other.pem", authority.issue("other.example").pem())
    proxy = serve("builtin:echo", {"pem-file": [other, path], "routes": [
        {"sni": ["www.example"], "tls-policy": "modern", "backend": "app"}]})
    assert status(proxy.port()) == "good"


def test_sessions_resume_beside_a_staple(site, authority, www):
    proxy = site(www, authority.answer(www))
    for version in VERSIONS:
        tls = rude.context()
        tls.maximum_version = {"-tls1_2": 0x0303, "-tls1_3": 0x0304}[version]
        with rude.connect(proxy.port(), tls=tls, name="www.example") as first:
            first.send(b"x")
            first.receive_exactly(1)
            first.goodbye()
            first.receive_until_end()
            session = first.tls.session
        with rude.connect(proxy.port(), tls=tls, name="www.example", session=session) as again:
            assert again.tls.session_reused
    said = client(proxy.port(), "-reconnect", "-tls1_2")
    assert said.count("Reused, ") == 5, said


# --- where it stands ---

def test_a_file_may_be_named(serve, authority, www, directory):
    path = write(directory / "www.pem", www.pem())
    named = write(directory / "answer.der", authority.answer(www))
    proxy = serve("builtin:echo", {"pem-file": path, "ocsp-file": named})
    assert status(proxy.port()) == "good"


def test_a_file_that_is_named_and_not_there_is_warned_of(site, www):
    proxy = site(www, **{"ocsp-file": "/nowhere/at/all"})
    proxy.wait_for_line(r'sallyport\.conf:\d+: warning: cannot read "/nowhere/at/all": .*not sent')
    assert status(proxy.port()) is None


def test_a_certificate_with_its_key_apart_has_one_too(serve, authority, www, directory):
    crt = write(directory / "www.crt", www.pem().split("-----BEGIN PRIVATE KEY-----")[0])
    key = write(directory / "www.key", www.key_pem())
    write(directory / "www.crt.ocsp", authority.answer(www))
    proxy = serve("builtin:echo", {"pem-file": [], "cert": crt, "key": key})
    assert status(proxy.port()) == "good"


def test_answers_in_a_directory_are_no_certificates(serve, authority, www, directory):
    write(directory / "www.pem", www.pem())
    write(directory / "www.pem.ocsp", authority.answer(www))
    write(directory / "stray.ocsp", b"of nobody")
    proxy = serve("builtin:echo", {"pem-file": [], "pem-dir": directory})
    assert status(proxy.port()) == "good"
    assert not any("warning" in line for line in proxy.said())
    assert tallies(proxy)[0]["count"] == "1"


# --- what is not sent ---

def with_last_bit_turned(data):
    """Another last byte whatever it was: one fixed byte would at times be the right one."""
    return data[:-1] + bytes([data[-1] ^ 1])


def bad_answers(authority, www):
    stranger = responders.Authority()  # of the same name
    return {"expired": authority.answer(www, begins_s=-7200, ends_s=-60),
            "another certificate": authority.answer(authority.issue("other.example")),
            "another certificate, of a namesake": stranger.answer(www),
            "not signed": with_last_bit_turned(authority.answer(www)),
            "does not know": authority.answer(www, "unknown"),
            "not good before": authority.answer(www, begins_s=3600, ends_s=7200),
            "no OCSP answer": b"garbage",
            "a broken OCSP answer": authority.answer(www)[:-9],
            "is empty": b"",
            "too long": b"0" * 70000}


def test_a_bad_answer_is_not_sent_but_told_with_path_and_reason(site, authority, www):
    proxy = site(www)
    beside = proxy.directory.parent / "www.pem.ocsp"
    for count, (why, answer) in enumerate(bad_answers(authority, www).items(), 1):
        write(beside, answer)
        reload(proxy, count)
        proxy.wait_for_line(rf"warning: .*www\.pem\.ocsp.*{why.split(',')[0]}.*it is not sent")
        assert status(proxy.port(), VERSIONS[count % 2]) is None, why
        assert tallies(proxy)[-1]["errors"] == "1"


def test_a_file_that_goes_bad_leaves_the_last_good_answer_in_use(site, authority, www):
    proxy = site(www, authority.answer(www))
    beside = proxy.directory.parent / "www.pem.ocsp"
    write(beside, b"garbage")
    reload(proxy)
    proxy.wait_for_line(r"www\.pem\.ocsp: .*the last good one is sent until 20\d\d-")
    assert status(proxy.port()) == "good"
    assert (tallies(proxy)[-1]["count"], tallies(proxy)[-1]["kept"]) == ("1", "1")
    beside.unlink()
    reload(proxy, 2)
    assert status(proxy.port()) is None


def test_what_takes_certificates_away_unread_leaves_their_staples_too(serve, authority, www,
                                                                       directory):
    shelf = directory / "shelf"
    shelf.mkdir()
    write(shelf / "www.pem", www.pem())
    write(shelf / "www.pem.ocsp", authority.answer(www))
    named = write(directory / "named.pem", authority.issue("named.example").pem())
    proxy = serve("builtin:echo", {"pem-file": named, "pem-dir": shelf})
    assert status(proxy.port()) == "good"
    shelf.rename(directory / "away")
    reload(proxy)
    proxy.wait_for_line(r'cannot read ".*/shelf/www\.pem\.ocsp": .*the last good one is sent')
    assert status(proxy.port()) == "good"


def test_a_staple_that_expires_while_it_is_served_is_sent_no_more(site, authority, www):
    proxy = site(www, authority.answer(www, ends_s=5))
    assert tallies(proxy)[0]["count"] == "1"
    wait_for_status(proxy.port(), None)
    reload(proxy)
    proxy.wait_for_line("the OCSP answer has expired, on .*it is not sent")


def test_the_old_answer_is_not_sent_with_a_new_certificate(site, authority, www):
    proxy = site(www, authority.answer(www))
    renewed = authority.issue("www.example")
    write(proxy.directory.parent / "www.pem", renewed.pem())
    reload(proxy)
    proxy.wait_for_line("about another certificate; it is not sent")
    assert status(proxy.port()) is None
    write(proxy.directory.parent / "www.pem.ocsp", authority.answer(renewed))
    reload(proxy, 2)
    assert status(proxy.port()) == "good"


# --- files that change ---

def test_a_new_answer_is_sent_without_a_signal(site, authority, www):
    proxy = site(www, authority.answer(www))
    assert status(proxy.port()) == "good"
    with rude.connect(proxy.port(), name="www.example") as held:
        write(proxy.directory.parent / "www.pem.ocsp", authority.answer(www, "revoked"))
        wait_for_status(proxy.port(), "revoked")
        held.send(b"still")
        assert held.receive_exactly(5) == b"still"
    assert proxy_module.fields(next(line for line in proxy.said()[::-1]
                                    if "certificates count=" in line))["read"] == "0"


def test_an_answer_that_comes_later_is_seen(site, authority, www):
    proxy = site(www)
    assert status(proxy.port()) is None
    write(proxy.directory.parent / "www.pem.ocsp", authority.answer(www))
    wait_for_status(proxy.port(), "good")


def test_links_to_answers_are_followed(serve, authority, www, directory):
    """In a directory as where a file is named: the link stays, what it leads to is replaced."""
    shelf, answers = directory / "shelf", directory / "answers"
    shelf.mkdir()
    answers.mkdir()
    write(shelf / "www.pem", www.pem())
    write(answers / "one", authority.answer(www))
    (shelf / "www.pem.ocsp").symlink_to("../answers/one")
    proxy = serve("builtin:echo", {"pem-file": [], "pem-dir": shelf})
    assert status(proxy.port()) == "good"
    write(answers / "one", authority.answer(www, "revoked"))
    wait_for_status(proxy.port(), "revoked")
    write(answers / "two", authority.answer(www))
    (shelf / ".new").symlink_to("../answers/two")
    (shelf / ".new").rename(shelf / "www.pem.ocsp")
    wait_for_status(proxy.port(), "good")
