"""Keys: where they come from, what opens them, and which files they may be in."""

import os
import pty
import select
import shutil
import signal
import ssl
import tempfile

import pytest

import authorities
import proxy as proxy_module
import rude


@pytest.fixture(scope="module")
def pki():
    with tempfile.TemporaryDirectory(prefix="sallyport-keys-") as path:
        yield authorities.Authority(path, "Root")


def configured(certs, driver, frontend, **settings):
    """The text of a configuration whose one frontend has these options."""
    return proxy_module.configuration(
        io=driver, allow_root=True, frontends=[{"name": "web", "listen": ["127.0.0.1:0"],
                                                "backend": "app", **frontend}],
        backends=[{"name": "app", "servers": [{"address": "builtin:echo"}]}], **settings)


def checked(path, text, **options):
    """What `sallyport -t` says of it."""
    path.write_text(text)
    return proxy_module.run("-t", "-c", path, **options)


def echoed(port, tls=None, name="localhost"):
    """One byte there and back, and the certificate that was shown."""
    with rude.connect(port, tls=tls, name=name) as client:
        client.send(b"x")
        assert client.receive_exactly(1) == b"x"
        shown = client.tls.getpeercert(binary_form=True)
        client.goodbye()
        client.receive_until_end()
        return shown


def der(path):
    return ssl.PEM_cert_to_DER_cert(path.read_text())


def asked(path, text):
    """What `sallyport -t` says where there is a terminal to ask. It must end by itself."""
    path.write_text(text)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(proxy_module.BINARY, ["sallyport", "-t", "-c", str(path)])
    said = b""
    try:
        while select.select([terminal], [], [], proxy_module.PATIENCE_S)[0]:
            said += os.read(terminal, 4096)
    except OSError:
        return said.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    finally:
        os.close(terminal)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    raise AssertionError(f"it waits for somebody:\n{said.decode()}")


# --- the terminal --------------------------------------------------------------------------------

ENCRYPTED = """-----BEGIN {0}-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF

MHcCAQEEIA==
-----END {0}-----
"""


@pytest.mark.parametrize("option, label", (("pem-file", "EC PRIVATE KEY"),
                                           ("pem-file", "ENCRYPTED PRIVATE KEY"),
                                           ("ca-file", "CERTIFICATE"), ("crl-file", "X509 CRL")))
def test_nothing_that_is_encrypted_makes_the_terminal_ask(certs, directory, pki, option, label):
    files = {"pem-file": certs.get().pem_path, "ca-file": pki.path, "crl-file": pki.revocations()}
    bad = directory / "bad"
    bad.write_text((certs.get().path.read_text() if option == "pem-file" else "") +
                   ENCRYPTED.format(label))
    said, code = asked(directory / "bad.conf", configured(
        certs, "auto", {"client-verify": "required", **files, option: bad}))
    assert code == 3
    assert "pass phrase" not in said
    assert str(bad) in said


# --- credentials ---------------------------------------------------------------------------------

def test_every_file_can_be_a_credential_of_the_service_manager(serve, certs, directory, pki):
    certificate, client = certs.get(), pki.issue()
    for name, path in (("crt", certificate.path), ("key", certificate.key_path),
                       ("pem", certs.get("elsewhere", names=["other.example"]).pem_path),
                       ("ca", pki.path), ("crl", pki.revocations())):
        shutil.copy(path, directory / name)
    (directory / "stek").write_bytes(b"k" * 80)
    frontend = {"pem-file": "credential:pem", "cert": "credential:crt", "key": "credential:key",
                "client-verify": "required", "ca-file": "credential:ca",
                "crl-file": "credential:crl"}
    proxy = serve("builtin:echo", frontend, ticket_keys=["credential:stek"],
                  environment={"CREDENTIALS_DIRECTORY": str(directory)})
    assert echoed(proxy.port(), client.load(rude.context())) == der(certificate.path)


@pytest.mark.parametrize("name, given, words", (
    ("credential:none", True, 'cannot read "credential:none": open: No such file'),
    ("credential:../key", True, "the name of a credential is a plain file name"),
    ("credential:key", False, "CREDENTIALS_DIRECTORY is not set")))
@pytest.mark.parametrize("option", ("key", "pem-file", "ca-file", "crl-file", "ticket-keys"))
def test_a_credential_that_is_not_there_is_an_error_with_its_line(certs, directory, pki, option,
                                                                  name, given, words):
    certificate = certs.get()
    frontend = {"cert": certificate.path, "key": certificate.key_path, "client-verify": "required",
                "ca-file": pki.path}
    settings = {"ticket_keys": [name]} if option == "ticket-keys" else {}
    text = configured(certs, "auto", frontend if settings else {**frontend, option: name},
                      **settings)
    text = text.replace(f'{option} = ', f'\n{option} = ')
    line = 1 + text[:text.index(f"\n{option} = ") + 1].count("\n")
    environment = {"CREDENTIALS_DIRECTORY": str(directory)} if given else {}
    said = checked(directory / "bad.conf", text, env=environment)
    assert said.returncode == 3
    assert f"bad.conf:{line}: error: " in said.stderr
    assert words in said.stderr
