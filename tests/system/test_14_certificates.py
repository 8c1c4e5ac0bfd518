"""Directories of certificates: what is served from them, and what a bad file may do to the rest."""

import re
import shutil
import signal
import ssl
import subprocess
import threading
import time

import pytest

import proxy as proxy_module
import rude


def served(port, name):
    """The common name of the certificate that a client who asks for `name` is shown."""
    said = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}",
                           "-servername", name], input="", capture_output=True, text=True,
                          timeout=30).stdout
    return re.search(r"subject=CN = (\S+)", said).group(1)


class Shelf:
    """A directory of certificates, made once a run and copied in."""

    def __init__(self, certs, path):
        self.certs, self.path = certs, path
        path.mkdir(parents=True, exist_ok=True)

    def put(self, name, file=None, **options):
        options.setdefault("names", [name])
        certificate = self.certs.get(options.pop("label", f"shelf-{name}"), **options)
        return self.write(file or f"{name}.pem", certificate.pem_path.read_text())

    def write(self, file, text):
        """By rename, as who writes certificates should."""
        path = self.path / file
        new = self.path / f".{file}.new"
        new.write_text(text)
        new.chmod(0o600)
        new.rename(path)
        return path


@pytest.fixture
def shelf(certs, directory):
    def make(name="shelf"):
        return Shelf(certs, directory / name)
    return make


@pytest.fixture
def serve_from(serve):
    def make(*shelves, frontend=None, **settings):
        return serve("builtin:echo", {"pem-file": [], "pem-dir": [one.path for one in shelves],
                                      **(frontend or {})}, **settings)
    return make


def reload(proxy, count=1):
    proxy.send(signal.SIGHUP)
    proxy.wait_for_line(rf"reloaded count={count}\b")


def tallies(proxy):
    lines = (line for line in proxy.said() if re.search(r"\bcertificates count=", line))
    return [proxy_module.fields(line) for line in lines]


def test_each_file_of_several_directories_serves_its_names(shelf, serve_from):
    one, other = shelf("one"), shelf("other")
    one.put("b.example")
    one.put("a.example")
    one.put("www.example.org")
    other.put("*.example.org", "wild.pem")
    other.put("last.example")
    port = serve_from(one, other).port()
    names = ("a.example", "b.example", "www.example.org", "last.example")
    assert [served(port, name) for name in names] == list(names)
    assert served(port, "other.example.org") == "*.example.org"
    assert served(port, "nowhere.example") == "a.example"


def test_files_that_are_named_come_before_those_of_directories(shelf, serve_from, certs):
    here = shelf()
    here.put("a.example")
    named = certs.get("shelf-named", names=["named.example"])
    port = serve_from(here, frontend={"pem-file": named.pem_path}).port()
    assert served(port, "nowhere.example") == "named.example"
    assert served(port, "a.example") == "a.example"


def test_only_the_files_that_fit_the_glob_are_taken(shelf, serve_from):
    here = shelf()
    here.put("a.example", "a.pem")
    here.put("b.example", "b.crt")
    here.write("README", "not a certificate")
    here.write("c.pem~", "not a certificate either")
    here.write(".hidden.pem", "nor this")
    proxy = serve_from(here, frontend={"pem-dir-glob": "*.pem"})
    assert served(proxy.port(), "b.example") == "a.example"
    assert not any("skipped" in line for line in proxy.said())
    assert tallies(proxy)[0]["count"] == "1"


def test_a_bad_file_is_skipped_with_path_and_reason_and_counted(shelf, serve_from):
    here = shelf()
    here.put("a.example")
    here.write("bad.pem", "nonsense")
    here.write("empty.pem", "")
    (here.path / "lost.pem").symlink_to("nowhere")
    proxy = serve_from(here)
    assert served(proxy.port(), "a.example") == "a.example"
    said = "\n".join(proxy.said())
    assert re.search(r"sallyport\.conf:\d+: warning: .*/bad\.pem: no certificate in it.*skipped",
                     said)
    assert re.search(r"/empty\.pem: no certificate in it.*skipped", said)
    assert re.search(r'cannot read ".*/lost\.pem": .*skipped', said)
    assert (tallies(proxy)[0]["count"], tallies(proxy)[0]["errors"]) == ("1", "3")


def test_a_key_too_small_for_the_policy_is_skipped(shelf, serve_from, directory):
    here = shelf()
    here.put("a.example")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj",
                    "/CN=weak.example", "-keyout", directory / "k", "-out", directory / "c"],
                   check=True, capture_output=True, timeout=60)
    here.write("weak.pem", (directory / "c").read_text() + (directory / "k").read_text())
    proxy = serve_from(here)
    assert served(proxy.port(), "weak.example") == "a.example"
    proxy.wait_for_line(r"weak\.pem: ee key too small; it is skipped")


def test_a_file_that_goes_bad_keeps_serving_until_it_is_good_again(shelf, serve_from):
    here = shelf()
    here.put("a.example")
    here.put("b.example")
    proxy = serve_from(here)
    here.write("b.example.pem", "half a fi")
    reload(proxy)
    proxy.wait_for_line(r"b\.example\.pem: .*its last good version stays in use")
    assert served(proxy.port(), "b.example") == "b.example"
    assert (tallies(proxy)[1]["count"], tallies(proxy)[1]["kept"]) == ("2", "1")
    here.put("c.example", "b.example.pem")
    reload(proxy, 2)
    assert served(proxy.port(), "c.example") == "c.example"
    assert served(proxy.port(), "b.example") == "a.example"
    assert tallies(proxy)[2]["kept"] == "0"


def test_a_file_that_is_gone_is_no_longer_served(shelf, serve_from):
    here = shelf()
    here.put("a.example")
    here.put("b.example").unlink()
    here.put("b.example")
    proxy = serve_from(here)
    assert served(proxy.port(), "b.example") == "b.example"
    (here.path / "b.example.pem").unlink()
    reload(proxy)
    assert served(proxy.port(), "b.example") == "a.example"


def test_a_directory_that_cannot_be_read_keeps_what_was_in_it(shelf, serve_from):
    here = shelf()
    here.put("a.example")
    here.put("b.example")
    proxy = serve_from(here)
    here.path.rename(here.path.with_name("away"))
    reload(proxy)
    proxy.wait_for_line(r"warning: cannot read directory")
    assert served(proxy.port(), "b.example") == "b.example"


def test_a_named_file_that_goes_bad_keeps_serving_too(shelf, serve):
    here = shelf()
    named = here.put("a.example")
    proxy = serve("builtin:echo", {"pem-file": named})
    here.write(named.name, "")
    reload(proxy)
    proxy.wait_for_line(r"sallyport\.conf:\d+: warning: .*its last good version stays in use")
    assert served(proxy.port(), "a.example") == "a.example"


def test_unchanged_files_are_not_read_again(shelf, serve_from):
    here = shelf()
    here.put("a.example")
    here.put("b.example")
    proxy = serve_from(here)
    here.put("c.example")
    reload(proxy)
    assert [one["read"] for one in tallies(proxy)] == ["2", "1"]


def test_a_file_that_privileges_no_longer_reach_is_served_on(shelf, serve_from):
    here = shelf()
    path = here.put("a.example")
    proxy = serve_from(here)
    path.chmod(0)
    reload(proxy)
    assert served(proxy.port(), "a.example") == "a.example"


def test_of_two_files_for_one_name_the_clients_offer_decides(shelf, serve_from):
    here = shelf()
    here.put("default.example", "a.pem")
    here.put("two.example", "ec.pem", label="two-ec", kind="ec")
    here.put("two.example", "rsa.pem", label="two-rsa", kind="rsa")
    port = serve_from(here).port()
    for signatures, kind in (("RSA-PSS+SHA256", "RSA"), ("ECDSA+SHA256", "ECDSA")):
        for version in ("-tls1_2", "-tls1_3"):
            said = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}",
                                   "-servername", "two.example", version, "-sigalgs", signatures],
                                  input="", capture_output=True, text=True, timeout=30).stdout
            assert "subject=CN = two.example" in said
            assert kind in re.search("signature type: (.*)", said).group(1)


def test_a_client_without_a_name_is_refused_when_names_are_required(shelf, serve_from):
    here = shelf()
    here.put("a.example")
    proxy = serve_from(here, frontend={"strict-sni": "require"})
    with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
        rude.connect(proxy.port(), name=None)
    assert proxy.wait_for_end()["end"] == "sni_unmatched"
    rude.connect(proxy.port(), name="a.example").close()


def test_the_next_expiry_is_in_the_log(shelf, serve_from):
    here = shelf()
    here.put("a.example")
    soon = here.put("soon.example", days=1)
    here.put("z.example")
    tally = tallies(serve_from(here))[0]
    assert tally["next_expiry_path"] == str(soon)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", tally["next_expiry"])
    assert tally["names"] == "3"


def test_sessions_resume_when_another_names_certificate_is_renewed(shelf, serve_from):
    here = shelf()
    here.put("a.example")
    here.put("b.example")
    proxy = serve_from(here)
    tls = rude.context()
    with rude.connect(proxy.port(), tls=tls, name="a.example") as client:
        client.send(b"x")
        client.receive_exactly(1)
        client.goodbye()
        client.receive_until_end()
        session = client.tls.session
    here.put("b.example", label="b-renewed")
    reload(proxy)
    with rude.connect(proxy.port(), tls=tls, name="a.example", session=session) as client:
        assert client.tls.session_reused


# --- what does not start ---

def refused(directory, frontend, **settings):
    path = directory / "refused.conf"
    path.write_text(proxy_module.configuration(
        allow_root=True, **settings,
        frontends=[{"listen": "127.0.0.1:0", "backend": "app", **frontend}],
        backends=[{"name": "app", "servers": [{"address": "builtin:echo"}]}]))
    ended = proxy_module.run("-t", "-c", path)
    assert ended.returncode == 3
    return ended.stderr


def test_a_frontend_without_any_usable_certificate_is_refused(shelf, directory):
    here = shelf()
    here.write("bad.pem", "nonsense")
    said = refused(directory, {"pem-dir": here.path})
    assert re.search(r"refused\.conf:\d+: error: there is no certificate in pem-dir", said)
    assert "bad.pem: no certificate in it" in said
    said = refused(directory, {"pem-dir": directory / "none"})
    assert re.search(r"refused\.conf:\d+: error: cannot read directory", said)


def test_strict_certificates_make_every_complaint_an_error(shelf, directory):
    here = shelf()
    here.put("a.example")
    here.write("bad.pem", "nonsense")
    said = refused(directory, {"pem-dir": here.path}, strict_certs=True)
    assert re.search(r"refused\.conf:\d+: error: .*bad\.pem: no certificate in it", said)
    (here.path / "bad.pem").unlink()
    (here.path / "a.example.pem").chmod(0o644)
    said = refused(directory, {"pem-dir": here.path}, strict_certs=True)
    assert re.search(r"error: .*holds a key, and everyone may read it", said)


def test_a_strict_reload_refuses_and_changes_nothing(shelf, serve_from):
    here = shelf()
    here.put("a.example")
    proxy = serve_from(here, strict_certs=True)
    here.put("b.example")
    here.write("bad.pem", "nonsense")
    proxy.send(signal.SIGHUP)
    proxy.wait_for_line("reload failed")
    assert served(proxy.port(), "b.example") == "a.example"
    shutil.copy(here.path / "b.example.pem", here.path / "bad.pem")
    reload(proxy)
    assert served(proxy.port(), "b.example") == "b.example"


# --- files that change ---

def wait_until_served(port, name, expected):
    until = time.monotonic() + proxy_module.PATIENCE_S
    while served(port, name) != expected:
        assert time.monotonic() < until, f"{name} is not served as {expected}"
        time.sleep(0.1)


def test_a_renewed_file_is_served_without_a_signal(shelf, serve):
    here = shelf()
    path = here.put("a.example", "www.pem")
    proxy = serve("builtin:echo", {"pem-file": path})
    with rude.connect(proxy.port(), name="a.example") as client:
        here.put("b.example", "www.pem")
        wait_until_served(proxy.port(), "b.example", "b.example")
        client.send(b"still")
        assert client.receive_exactly(5) == b"still"
    proxy.wait_for_line("certificates have changed")
    proxy.wait_for_line(r"reloaded count=1\b")


def test_what_comes_to_a_directory_and_goes_is_followed(shelf, serve_from):
    here = shelf()
    here.put("a.example")
    port = serve_from(here).port()
    path = here.put("b.example")
    wait_until_served(port, "b.example", "b.example")
    path.unlink()
    wait_until_served(port, "b.example", "a.example")


def test_a_kubernetes_volume_is_followed(shelf, serve, certs):
    """The kubelet writes a new directory and renames a link to it over ..data."""
    here = shelf()

    def publish(version, certificate):
        inside = here.path / f"..{version}"
        inside.mkdir()
        shutil.copy(certificate.path, inside / "tls.crt")
        shutil.copy(certificate.key_path, inside / "tls.key")
        (here.path / "..data_tmp").symlink_to(inside.name)
        (here.path / "..data_tmp").rename(here.path / "..data")

    publish("2026_1", certs.get("volume-one", names=["one.example"]))
    for file in ("tls.crt", "tls.key"):
        (here.path / file).symlink_to(f"..data/{file}")
    proxy = serve("builtin:echo", {"pem-file": [], "cert": here.path / "tls.crt",
                                   "key": here.path / "tls.key"})
    assert served(proxy.port(), "x.example") == "one.example"
    for version in ("two", "three"):
        publish(f"2026_{version}", certs.get(f"volume-{version}", names=[f"{version}.example"]))
        wait_until_served(proxy.port(), "x.example", f"{version}.example")


def test_a_key_that_does_not_match_yet_is_waited_for(shelf, serve, certs):
    here = shelf()
    old, new = (certs.get(f"pair-{name}", names=[f"{name}.example"]) for name in ("old", "new"))
    crt = here.write("www.crt", old.path.read_text())
    key = here.write("www.key", old.key_path.read_text())
    proxy = serve("builtin:echo", {"pem-file": [], "cert": crt, "key": key})
    here.write("www.crt", new.path.read_text())
    proxy.wait_for_line(r"www\.key: the key does not belong to the certificate; its last good")
    assert served(proxy.port(), "x.example") == "old.example"
    here.write("www.key", new.key_path.read_text())
    wait_until_served(proxy.port(), "x.example", "new.example")


def test_a_file_that_went_bad_is_told_once_and_recovers(shelf, serve_from):
    here = shelf()
    here.put("a.example")
    proxy = serve_from(here)
    here.write("a.example.pem", "half a fi")
    proxy.wait_for_line("its last good version stays in use")
    here.write("unrelated.bak", "x")
    time.sleep(2)
    said = [line for line in proxy.said() if "its last good version" in line]
    assert len(said) == 1
    assert served(proxy.port(), "a.example") == "a.example"
    here.put("b.example", "a.example.pem")
    wait_until_served(proxy.port(), "b.example", "b.example")


def test_no_connection_fails_while_certificates_change(shelf, serve_from):
    here = shelf()
    here.put("a.example")
    proxy = serve_from(here)
    over, failures, done = threading.Event(), [], []

    def run():
        while not over.is_set():
            try:
                with rude.connect(proxy.port(), name="a.example") as client:
                    client.send(b"x")
                    assert client.receive_exactly(1) == b"x"
                    client.goodbye()
                    assert client.receive_until_end() == (b"", "goodbye")
                done.append(1)
            except Exception as failure:  # whatever it is, it is counted
                failures.append(repr(failure))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for count in range(3):
            here.put("a.example", label=("a-again", "shelf-a.example")[count % 2])
            proxy.wait_for_line(rf"reloaded count={count + 1}\b")
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not failures, failures[:5]
    assert len(done) > 10


def test_nothing_is_followed_when_that_is_off(shelf, serve_from):
    here = shelf()
    here.put("a.example")
    proxy = serve_from(here, auto_reload=False)
    here.put("b.example")
    time.sleep(2.5)
    assert served(proxy.port(), "b.example") == "a.example"
    reload(proxy)
    assert served(proxy.port(), "b.example") == "b.example"


def test_files_that_rest_cause_nothing(shelf, serve_from):
    here = shelf()
    here.put("a.example")
    proxy = serve_from(here)
    time.sleep(2)
    (here.path / "a.example.pem").touch()
    time.sleep(2)
    said = "\n".join(proxy.said())
    assert "certificates have changed" not in said and "reloaded" not in said


def test_where_nothing_can_be_watched_a_line_says_so_and_hup_still_works(shelf, serve_from):
    """In a user namespace, whose own limit of inotify instances is none."""
    limit = "/proc/sys/user/max_inotify_instances"
    wrapper = ["unshare", "-Ur", "sh", "-c", f'echo 0 >{limit} && exec "$@"', "sh"]
    if subprocess.run([*wrapper, "true"], capture_output=True, timeout=20).returncode != 0:
        pytest.skip("no user namespaces here")
    here = shelf()
    here.put("a.example")
    proxy = serve_from(here, wrapper=wrapper)
    said = [line for line in proxy.said() if "are not watched" in line]
    assert len(said) == 1 and "inotify" in said[0]
    here.put("b.example")
    reload(proxy)
    assert served(proxy.port(), "b.example") == "b.example"
