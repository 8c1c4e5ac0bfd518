"""Files that change while the daemon runs: authorities, revocations and ticket keys are taken over
without a signal, and what goes bad stays as it was."""

import base64
import os
import ssl
import time

import pytest

import authorities
import proxy as proxy_module
import rude

QUIET_S = 1  # that files must rest before they are read


def replaced(path, content):
    """By rename, as who writes such files should."""
    new = path.with_name("." + path.name + ".new")
    new.write_bytes(content)
    new.chmod(0o600)
    new.rename(path)
    return path


def heard(port, client, session=None):
    """What comes back of a byte, or the name of the alert."""
    connection = rude.Client(port, tls=client.load(rude.context()), name="localhost",
                             session=session)
    try:
        connection.handshake()
        connection.send(b"x")
        return connection.receive_exactly(1)
    except ssl.SSLError as error:
        return error.reason.removeprefix("TLSV1_ALERT_").removeprefix("SSLV3_ALERT_")
    finally:
        connection.close()


def wait_until(predicate, what):
    until = time.monotonic() + proxy_module.PATIENCE_S
    while not predicate():
        assert time.monotonic() < until, what
        time.sleep(0.1)


def wait_until_heard(port, client, expected):
    wait_until(lambda: heard(port, client) == expected, f"{expected} was never heard")


def said(proxy, words):
    return [line for line in proxy.said() if words in line]


@pytest.fixture
def root(directory):
    return authorities.Authority(directory, "root")


@pytest.fixture
def guarded(serve, root):
    def make(**frontend):
        return serve("builtin:echo", {"client-verify": "required", "ca-file": root.path,
                                      **{key.replace("_", "-"): value
                                         for key, value in frontend.items()}})
    return make


# --- revocations ---------------------------------------------------------------------------------

@pytest.mark.parametrize("option", ("crl-file", "crl-dir"))
def test_who_is_revoked_is_kept_out_without_a_signal_and_nobody_is_cut(guarded, directory, root,
                                                                       option):
    alice, bob = root.issue("/CN=alice"), root.issue("/CN=bob")
    lists = directory / "lists"
    lists.mkdir()
    crl = root.revocations(lists / "own.crl")
    proxy = guarded(**{option: crl if option == "crl-file" else lists})
    assert heard(proxy.port(), alice) == b"x"
    with rude.connect(proxy.port(), tls=alice.load(rude.context())) as open_one:
        root.revoke(alice.path)
        replaced(crl, root.revocations().read_bytes())
        wait_until_heard(proxy.port(), alice, "CERTIFICATE_REVOKED")
        assert heard(proxy.port(), bob) == b"x"
        open_one.send(b"still")
        assert open_one.receive_exactly(5) == b"still"
    proxy.wait_for_line("authorities or revocations have changed")
    proxy.wait_for_line(r"reloaded count=1\b")


def test_a_list_behind_links_of_a_volume_is_followed(guarded, directory, root):
    """As Kubernetes has them: list -> ..data/list, ..data -> ..1, and ..data is set anew."""
    alice = root.issue("/CN=alice")
    volume = directory / "volume"
    for number in ("..1", "..2"):
        (volume / number).mkdir(parents=True)
    root.revocations(volume / "..1" / "list")
    (volume / "..data").symlink_to("..1")
    (volume / "list").symlink_to("..data/list")
    proxy = guarded(crl_file=volume / "list")
    assert heard(proxy.port(), alice) == b"x"
    root.revoke(alice.path)
    root.revocations(volume / "..2" / "list")
    (volume / "..data_tmp").symlink_to("..2")
    (volume / "..data_tmp").rename(volume / "..data")
    wait_until_heard(proxy.port(), alice, "CERTIFICATE_REVOKED")


def test_a_list_that_goes_bad_stays_in_use_and_is_told_of_once(guarded, directory, root):
    alice, bob = root.issue("/CN=alice"), root.issue("/CN=bob")
    root.revoke(alice.path)
    crl = root.revocations(directory / "own.crl")
    good = crl.read_bytes()
    proxy = guarded(crl_file=crl)
    replaced(crl, good[:len(good) // 2])
    proxy.wait_for_line(r'sallyport\.conf:\d+: warning: ".*own\.crl": a broken CRL .*; '
                        "its last good version stays in use")
    (directory / "own.crl").touch()
    time.sleep(2 * QUIET_S)
    assert len(said(proxy, "its last good version stays in use")) == 1
    assert heard(proxy.port(), alice) == "CERTIFICATE_REVOKED"
    assert heard(proxy.port(), bob) == b"x"
    root.revoke(bob.path)
    replaced(crl, root.revocations().read_bytes())
    wait_until_heard(proxy.port(), bob, "CERTIFICATE_REVOKED")


def test_a_bad_list_holds_up_no_certificate(serve, certs, directory, root):
    crl = root.revocations(directory / "own.crl")
    pem = replaced(directory / "www.pem", certs.get().pem_path.read_bytes())
    proxy = serve("builtin:echo", {"pem-file": pem, "client-verify": "optional",
                                   "ca-file": root.path, "crl-file": crl})
    crl.unlink()
    replaced(pem, certs.get("renewed", names=["renewed.example"]).pem_path.read_bytes())
    proxy.wait_for_line("own.crl.*its last good version stays in use")
    proxy.wait_for_line("certificates have changed")
    proxy.wait_for_line(r"reloaded count=1\b")


# --- authorities ---------------------------------------------------------------------------------

@pytest.mark.parametrize("option", ("ca-file", "ca-dir"))
def test_an_authority_that_is_replaced_vouches_for_others(serve, directory, root, option):
    other = authorities.Authority(directory, "other")
    alice, bob = root.issue("/CN=alice"), other.issue("/CN=bob")
    trusted = directory / "trusted"
    trusted.mkdir()
    path = replaced(trusted / "ca.crt", root.path.read_bytes())
    proxy = serve("builtin:echo", {"client-verify": "required",
                                   option: path if option == "ca-file" else trusted})
    assert (heard(proxy.port(), alice), heard(proxy.port(), bob)) == (b"x", "UNKNOWN_CA")
    replaced(path, other.path.read_bytes())
    wait_until_heard(proxy.port(), bob, b"x")
    assert heard(proxy.port(), alice) == "UNKNOWN_CA"
    replaced(path, b"nonsense")
    proxy.wait_for_line("stays? in use")
    assert heard(proxy.port(), bob) == b"x"


# --- ticket keys ---------------------------------------------------------------------------------

def line_of(key):
    return base64.b64encode(key) + b"\n"


def resumed(port, tls, session):
    """Whether it was resumed, and the newest session."""
    with rude.connect(port, tls=tls, session=session, name="localhost") as client:
        client.send(b"x")
        assert client.receive_exactly(1) == b"x"
        client.goodbye()
        client.receive_until_end()
        return client.tls.session_reused, client.tls.session


@pytest.mark.parametrize("option, words", (("ticket_keys", "line 1 is not base64"),
                                           ("ticket_secret", "a secret has 32 to 1024 bytes")))
def test_ticket_keys_follow_their_file_without_a_signal(serve, directory, option, words):
    old, new = line_of(os.urandom(80)), line_of(os.urandom(80))
    path = replaced(directory / "stek", old)
    here = serve("builtin:echo", **{option: [path]})
    there = serve("builtin:echo", auto_reload=False,
                  **{option: [replaced(directory / "other", new)]})
    tls = rude.context()
    _, session = resumed(there.port(), tls, None)
    assert not resumed(here.port(), tls, session)[0]
    replaced(path, new)
    here.wait_for_line("ticket keys have changed")
    wait_until(lambda: resumed(here.port(), tls, session)[0], "the new keys are not used")
    replaced(path, b"bad\n")
    here.wait_for_line(rf'warning: ".*stek": {words}.*; the ticket keys in use stay')
    assert resumed(here.port(), tls, session)[0]
