"""Keys: where they come from, what opens them, and which files they may be in."""

import os
import pty
import re
import select
import shutil
import signal
import ssl
import subprocess
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


# --- passphrases ---------------------------------------------------------------------------------

def sealed(certificate, path, passphrase, form="pkcs8"):
    """The certificate's key under a passphrase."""
    how = {"pkcs8": ["pkcs8", "-topk8", "-v2", "aes-256-cbc"], "traditional": ["ec", "-aes128"]}
    subprocess.run(["openssl", *how[form], "-in", certificate.key_path, "-out", path,
                    "-passout", f"pass:{passphrase}"], check=True, capture_output=True, timeout=60)
    path.chmod(0o600)
    return path


def written(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture
def encrypted(certs, directory):
    """A frontend's options, for a key under "open sesame"."""
    certificate = certs.get()
    return {"pem-file": [], "cert": certificate.path,
            "key": sealed(certificate, directory / "www.key", "open sesame")}


@pytest.mark.parametrize("form", ("pkcs8", "traditional"))
def test_a_passphrase_from_a_file_opens_the_key(serve, certs, directory, encrypted, form):
    word = written(directory / "word", "open sesame\nsecond line\n")
    sealed(certs.get(), encrypted["key"], "open sesame", form)
    proxy = serve("builtin:echo", {**encrypted, "key-passphrase-file": word})
    assert echoed(proxy.port()) == der(certs.get().path)
    assert "open sesame" not in "\n".join(proxy.said())


def test_a_passphrase_from_a_program_opens_the_key(serve, certs, encrypted):
    program = ["/bin/sh", "-c", "echo no trouble >&2; printf 'open %s\\n' sesame"]
    proxy = serve("builtin:echo", {**encrypted, "key-passphrase-cmd": program})
    assert echoed(proxy.port()) == der(certs.get().path)
    said = "\n".join(proxy.said())
    assert 'key-passphrase-cmd says "no trouble"' in said
    assert "open sesame" not in said


def test_each_certificate_may_have_a_passphrase_of_its_own_and_directories_share_one(
        serve, certs, directory, encrypted):
    shelf = directory / "shelf"
    shelf.mkdir()
    made = {name: certs.get(f"keys-{name}", names=[name]) for name in ("a.example", "b.example")}
    for name, one in made.items():
        shutil.copy(one.path, shelf / f"{name}.pem")
        sealed(one, shelf / f"{name}.pem.key", "shelf")
    proxy = serve("builtin:echo", {
        "pem-file": [], "pem-dir": [shelf],
        "key-passphrase-file": written(directory / "word", "shelf\n"),
        "certificates": [{"cert": encrypted["cert"], "key": encrypted["key"], "default": True,
                          "key-passphrase-file": written(directory / "own", "open sesame\n")}]})
    for name, one in made.items():
        assert echoed(proxy.port(), name=name) == der(one.path)
    assert echoed(proxy.port(), name="nobody.example") == der(certs.get().path)


def command_of(script):
    return {"key-passphrase-cmd": ["/bin/sh", "-c", script]}


@pytest.mark.parametrize("options, line, words", (
    ({}, "key", "www.key: the key is encrypted, and no passphrase is given for it"),
    ({"key-passphrase-file": "wrong"}, "key", "www.key: wrong passphrase for the key"),
    ({"key-passphrase-file": "empty"}, "key-passphrase-file", "no passphrase in its first line"),
    ({"key-passphrase-file": "none"}, "key-passphrase-file", "cannot read "),
    ({"key-passphrase-file": "."}, "key-passphrase-file", "not a regular file"),
    ({"key-passphrase-file": "credential:none"}, "key-passphrase-file",
     "CREDENTIALS_DIRECTORY is not set"),
    (command_of("exit 4"), "key-passphrase-cmd", '"/bin/sh" ended with status 4'),
    (command_of("echo wrong"), "key", "www.key: wrong passphrase for the key"),
    ({"key-passphrase-cmd": ["/nowhere"]}, "key-passphrase-cmd",
     '"/nowhere" cannot be started: No such file'),
    ({"key-passphrase-cmd": ["pass"]}, "key-passphrase-cmd", "the program's full path is wanted"),
))
def test_a_key_that_is_not_opened_is_an_error_with_its_line(certs, directory, encrypted, options,
                                                            line, words):
    written(directory / "wrong", "open barley\n")
    written(directory / "empty", "\n")
    options = {key: directory / value if key == "key-passphrase-file" and ":" not in value
               else value for key, value in options.items()}
    text = configured(certs, "auto", {**encrypted, **options})
    text = "".join(f"\n{part};" for part in text.split(";"))
    at = next(number for number, part in enumerate(text.split("\n"), 1)
              if part.strip().startswith(f"{line} = "))
    said = checked(directory / "bad.conf", text.rstrip(";"))
    assert said.returncode == 3
    assert re.search(rf"bad\.conf:{at}: error: .*{re.escape(words)}", said.stderr), said.stderr
    assert "barley" not in said.stderr and "sesame" not in said.stderr


def test_passphrase_key_and_certificate_may_be_replaced_one_after_the_other(serve, certs,
                                                                            directory):
    """In between the last good ones are shown, and it is said which does not fit."""
    old, new = certs.get(), certs.get("keys-renewed", names=["localhost"])
    live = directory / "live.crt"
    shutil.copy(old.path, live)
    key, word = sealed(old, directory / "live.key", "old"), written(directory / "word", "old\n")
    proxy = serve("builtin:echo", {"pem-file": [], "cert": live, "key": key,
                                   "key-passphrase-file": word})
    sealed(new, directory / "new", "new").rename(key)
    proxy.wait_for_line("wrong passphrase for the key.*; its last good version stays in use")
    written(directory / "new", "new\n").rename(word)
    proxy.wait_for_line("the key does not belong to the certificate; its last good version stays")
    assert echoed(proxy.port()) == der(old.path)
    shutil.copy(new.path, directory / "new")
    (directory / "new").rename(live)
    proxy.wait_for_line("certificates have changed")
    proxy.wait_for_line(r"reloaded count=1\b")
    assert echoed(proxy.port()) == der(new.path)


@pytest.mark.parametrize("is_answered", (True, False), ids=("it answers", "it never answers"))
def test_a_stop_amid_the_program_that_is_asked_ends_the_daemon_and_the_program(
        serve, certs, directory, encrypted, is_answered):
    gate, asking = directory / "gate", directory / "asking"
    script = (f"if [ -p {gate} ]; then echo $$ >{asking}; read -r answer <{gate}; fi; "
              "echo open sesame")
    proxy = serve("builtin:echo", {**encrypted, **command_of(script)})
    assert echoed(proxy.port()) == der(certs.get().path)
    os.mkfifo(asking)
    os.mkfifo(gate)
    sealed(certs.get(), directory / "new", "open sesame").rename(encrypted["key"])
    pid = int(asking.read_text())
    proxy.send(signal.SIGTERM)
    if is_answered:
        gate.write_text("go on\n")
    assert proxy.wait(timeout=60) == 0
    assert not os.path.exists(f"/proc/{pid}")


# --- keys beside certificates --------------------------------------------------------------------

@pytest.mark.parametrize("ending", (".pem.key", ".key"))
def test_a_key_beside_its_certificate_is_found_and_followed(serve, certs, directory, ending):
    old, new = certs.get("keys-old", names=["old.example"]), certs.get("keys-new",
                                                                     names=["new.example"])
    shelf = directory / "shelf"
    shelf.mkdir()
    cert, key = shelf / "site.pem", shelf / ("site" + ending)
    shutil.copy(old.path, cert)
    shutil.copy(old.key_path, key)
    proxy = serve("builtin:echo", {"pem-file": [], "pem-dir": [shelf]})
    assert echoed(proxy.port(), name="old.example") == der(old.path)
    assert not [line for line in proxy.said() if "skipped" in line or "warning" in line]
    shutil.copy(new.path, shelf / ".new")
    (shelf / ".new").rename(cert)
    proxy.wait_for_line(re.escape(str(key)) + ": the key does not belong to the certificate; "
                        "its last good version stays in use")
    assert echoed(proxy.port(), name="old.example") == der(old.path)
    shutil.copy(new.key_path, shelf / ".new")
    (shelf / ".new").rename(key)
    proxy.wait_for_line("certificates have changed")
    proxy.wait_for_line(r"reloaded count=1\b")
    assert echoed(proxy.port(), name="new.example") == der(new.path)


def test_a_certificate_without_its_key_says_where_it_was_looked_for(certs, directory):
    cert = shutil.copy(certs.get().path, directory / "site.pem")
    said = checked(directory / "bad.conf", configured(certs, "auto", {"pem-file": cert}))
    assert said.returncode == 3
    assert (f'{cert}: no private key in it, and there is no "{cert}.key" or '
            f'"{directory / "site.key"}"') in said.stderr


def test_a_chain_of_its_own_file_is_sent(serve, certs, directory, pki):
    leaf = pki.issue("/CN=localhost", "DNS:localhost")
    proxy = serve("builtin:echo", {"pem-file": [], "cert": leaf.path, "key": leaf.key_path,
                                   "chain": pki.path})
    shown = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{proxy.port()}",
                            "-showcerts"], input="", capture_output=True, text=True,
                           timeout=30).stdout
    assert shown.count("BEGIN CERTIFICATE") == 2


# --- files that keys may not be in ---------------------------------------------------------------

def test_a_secret_that_everyone_may_read_is_warned_of_or_refused(certs, directory, encrypted):
    word = written(directory / "word", "open sesame\n", 0o644)
    encrypted["key"].chmod(0o644)
    frontend = {**encrypted, "key-passphrase-file": word}
    said = checked(directory / "a.conf", configured(certs, "auto", frontend))
    assert said.returncode == 0
    assert f'warning: "{encrypted["key"]}" holds a key, and everyone may read it' in said.stderr
    assert f'warning: "{word}" holds a passphrase, and everyone may read it' in said.stderr
    said = checked(directory / "b.conf", configured(certs, "auto", frontend, strict_certs=True))
    assert said.returncode == 3
    assert said.stderr.count("everyone may read it") == 2 and "warning" not in said.stderr


@pytest.mark.parametrize("kind, words", (("fifo", "not a regular file"),
                                         ("directory", "not a regular file: Is a directory"),
                                         ("loop", "Too many levels of symbolic links"),
                                         ("device", "not a regular file")))
@pytest.mark.parametrize("option", ("pem-file", "key", "ca-file", "key-passphrase-file"))
def test_what_is_no_file_is_refused_at_once(certs, directory, pki, encrypted, option, kind, words):
    path = directory / "odd"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to("odd" if kind == "loop" else "/dev/zero")
    frontend = {**encrypted, "key-passphrase-file": written(directory / "word", "open sesame\n"),
                "client-verify": "required", "ca-file": pki.path, option: path}
    said = checked(directory / "bad.conf", configured(certs, "auto", frontend))
    assert said.returncode == 3
    assert f'cannot read "{path}"' in said.stderr and words in said.stderr
