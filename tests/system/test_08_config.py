"""Mistakes in a configuration: named with file and line, exit code 3, nothing started."""

import re
import subprocess

import pytest

import proxy as proxy_module

GOOD = """allow-root = true;
frontends = (
  { name = "web"; listen = [ "127.0.0.1:1" ]; pem-file = "PEM"; backend = "app"; }
);
backends = ( { name = "app"; servers = ( { address = "127.0.0.1:1"; } ); } );
"""

# A change to GOOD, the line it is on, and what must be said of it.
MISTAKES = {
    "misspelt key": ('backend = "app"', 'backnd = "app"', 3, 'did you mean "backend"'),
    "unknown key": ("allow-root = true;", "colour = 7;", 1, 'unknown option "colour"'),
    "wrong type": ("allow-root = true", 'workers = [ 1, 2 ]', 1, "workers"),
    "out of range": ("allow-root = true", "workers = 5000", 1, "1024"),
    "bad duration": ("allow-root = true", 'timeouts = { idle = "soon"; }', 1, "idle"),
    "bad choice": ("allow-root = true", 'io = "select"', 1, "io_uring"),
    "missing file": ('"PEM"', '"/no/such/file.pem"', 3, "No such file"),
    "no certificate": ('pem-file = "PEM"; ', "", 3, "pem-file"),
    "empty file": ('"PEM"', '"EMPTY"', 3, "no certificate in it"),
    "mismatched key": ('pem-file = "PEM"', 'cert = "CERT"; key = "OTHERKEY"', 3,
                       "does not belong"),
    "encrypted key": ('pem-file = "PEM"', 'cert = "CERT"; key = "LOCKED"', 3, "encrypted"),
    "missing backend": ('backend = "app"; }\n)', 'backend = "ap"; }\n)', 3,
                        'did you mean "app"'),
    "no frontend": ("frontends = (", "frontends = ( ); x = (", 2, "frontends"),
    "bad listen": ('"127.0.0.1:1" ]', '"localhost:1" ]', 3, "listen"),
    "twice the same": ('[ "127.0.0.1:1" ]', '[ "127.0.0.1:1", "127.0.0.1:1" ]', 3, "taken"),
    "bad server": ('address = "127.0.0.1:1"', 'address = "127.0.0.1"', 5, "address"),
    "bad ciphers": ('name = "web"; ', 'name = "web"; ciphers = "NONSENSE"; ', 3, "ciphers"),
    "bad groups": ('name = "web"; ', 'name = "web"; groups = "P-17"; ', 3, "groups"),
    "syntax": ('name = "web"; ', 'name = ; ', 3, "syntax error"),
    "missing include": ("allow-root = true;", '@include "nowhere.conf"\n', 1, "include"),
}


@pytest.fixture
def write(certs, directory):
    def write_one(text, name="x.conf"):
        pem = certs.get()
        (directory / "empty.pem").write_text("")
        other = certs.get("other")
        locked = directory / "locked.key"
        if "LOCKED" in text:
            subprocess.run(["openssl", "pkey", "-in", pem.key_path, "-aes128", "-passout", "pass:x",
                            "-out", locked], check=True, timeout=30)
        for word, path in (("OTHERKEY", other.key_path), ("LOCKED", locked),
                           ("EMPTY", directory / "empty.pem"), ("CERT", pem.path),
                           ("PEM", pem.pem_path)):
            text = text.replace(f'"{word}"', f'"{path}"')
        path = directory / name
        path.write_text(text)
        return path
    return write_one


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_file_and_line(write, mistake):
    old, new, line, says = MISTAKES[mistake]
    assert old in GOOD
    path = write(GOOD.replace(old, new, 1))
    for arguments in (["-t"], []):
        ended = proxy_module.run(*arguments, "-c", path)
        assert ended.returncode == 3, ended
        errors = [one for one in ended.stderr.splitlines() if ": error: " in one]
        assert any(re.match(rf".*:{line}: error: ", one) and says in one for one in errors), errors


def test_what_is_sound_is_valid_and_dumped_in_a_form_that_is_read_again(write):
    path = write(GOOD)
    assert proxy_module.run("-t", "-c", path).returncode == 0
    assert proxy_module.run("-t", "-q", "-c", path).stdout == ""
    dump = proxy_module.run("-T", "-c", path)
    assert dump.returncode == 0
    again = write(dump.stdout, "again.conf")
    assert proxy_module.run("-T", "-c", again).stdout == dump.stdout
    assert 'idle = "10m"' in dump.stdout


def test_policies_are_explained_for_each_frontend(write):
    path = write(GOOD.replace('name = "web";', 'name = "web"; tls-policy = "modern-5.8";'))
    said = proxy_module.run("--explain-tls", "-c", path)
    assert said.returncode == 0
    assert re.search(r"^OpenSSL 3\.\d", said.stdout)
    assert "frontend web: tls-policy modern-5.8\n  versions: TLSv1.3\n" in said.stdout
    assert "  groups: X25519 prime256v1 secp384r1\n" in said.stdout.replace("X25519MLKEM768 ", "")
    assert proxy_module.run("--explain-tls", "-c", write("frontends = ();", "bad.conf")).returncode == 3


@pytest.mark.parametrize("policy", ["modern", "intermediate", "old", "modern-5.8",
                                    "intermediate-5.8", "old-5.8"])
def test_every_policy_is_explained_by_its_name(write, policy):
    path = write(GOOD.replace('name = "web";', f'name = "web"; tls-policy = "{policy}";'))
    said = proxy_module.run("--explain-tls", "-c", path)
    assert said.returncode == 0
    assert re.search(rf"^frontend web: tls-policy {policy}\b", said.stdout, re.MULTILINE)
    assert re.search(r"^  versions: .*TLSv1\.3", said.stdout, re.MULTILINE)


def test_an_include_and_a_directory_are_read(write, directory):
    write('name = "app"; servers = ( { address = "127.0.0.1:2"; } );', "server.inc")
    path = write(GOOD.replace('{ name = "app"; servers = ( { address = "127.0.0.1:1"; } ); }',
                              '{\n@include "server.inc"\n}'))
    assert "127.0.0.1:2" in proxy_module.run("-T", "-c", path).stdout
    place = directory / "conf.d"
    place.mkdir()
    whole = write(GOOD).read_text()
    (place / "10-first.conf").write_text("workers = 3;\n")
    (place / "20-second.conf").write_text(whole)
    (place / ".hidden.conf").write_text("nonsense")
    assert "workers = 3" in proxy_module.run("-T", "-c", place).stdout


def test_a_mistake_in_an_included_file_is_named_by_that_file(write):
    write("\ncolour = 7;\n", "inner.inc")
    path = write(GOOD + '@include "inner.inc"\n')
    assert "inner.inc:2: error:" in proxy_module.run("-t", "-c", path).stderr


def test_warnings_are_fatal_when_strict(write, certs):
    path = write(GOOD + 'timeouts = { hello = "20s"; };')
    assert proxy_module.run("-t", "-c", path).returncode == 0
    strict = proxy_module.run("-t", "--strict", "-c", path)
    assert strict.returncode == 3
    assert "warning" in strict.stderr


def test_a_missing_configuration_is_said_so():
    ended = proxy_module.run("-c", "/no/such/file.conf")
    assert ended.returncode == 3
    assert "/no/such/file.conf" in ended.stderr
