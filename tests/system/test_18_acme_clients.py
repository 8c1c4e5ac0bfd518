"""Certificates issued and renewed: an ACME authority, a client, and our hook between them."""

import grp
import os
import pathlib
import ssl
import subprocess
import time

import pytest

import pebble as pebble_module
import proxy as proxy_module
import rude
from challenges import Challenge, put, shown, wait_until

EXAMPLES = pathlib.Path(__file__).parents[2] / "conf" / "examples"
NAME = "www.example.org"


class Site:
    """A frontend without a certificate yet, and directories to be filled."""

    def __init__(self, serve, directory):
        self.directory = directory
        self.certs_dir, self.challenge_dir = directory / "certs.d", directory / "challenges"
        self.certs_dir.mkdir()
        self.challenge_dir.mkdir()
        self.proxy = serve("builtin:hello", {"pem-file": [], "pem-dir": self.certs_dir,
                                             "acme-dir": self.challenge_dir, "strict-sni": True})

    def environment(self):
        """Of the hooks."""
        return dict(os.environ, CERTS_DIR=str(self.certs_dir),
                    CERTS_GROUP=grp.getgrgid(os.getgid()).gr_name,
                    CHALLENGE_DIR=str(self.challenge_dir),
                    ANSWERS=f"127.0.0.1:{self.proxy.port()}")

    def serial(self):
        """Of the certificate that NAME is served with; None: there is none."""
        try:
            with rude.connect(self.proxy.port(), name=NAME) as client:
                shown = ssl.DER_cert_to_PEM_cert(client.tls.getpeercert(True))
        except ssl.SSLError:
            return None
        said = subprocess.run(["openssl", "x509", "-noout", "-serial", "-issuer"], input=shown,
                              capture_output=True, text=True, timeout=30, check=True).stdout
        assert "Pebble" in said
        return said

    def wait_until_served(self, but=None):
        until = time.monotonic() + proxy_module.PATIENCE_S
        while (serial := self.serial()) in (None, but):
            assert time.monotonic() < until, "the issued certificate is not served"
            time.sleep(0.1)
        return serial


@pytest.fixture
def site(serve, directory):
    return Site(serve, directory)


@pytest.fixture
def pebble(site, directory, certs):
    made = pebble_module.Pebble(directory, certs.get(), site.proxy.port())
    yield made
    made.stop()


def run(site, *command):
    ended = subprocess.run([str(word) for word in command], env=site.environment(),
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_dehydrated_issues_and_renews_by_its_hook(site, pebble, driver):
    config = site.directory / "dehydrated"
    config.write_text(f"""
CA="{pebble.url}"
CURL_OPTS="--cacert {pebble.certificate.path}"
CHALLENGETYPE="tls-alpn-01"
ALPNCERTDIR="{site.challenge_dir}"
HOOK="{EXAMPLES / 'dehydrated-hook'}"
BASEDIR="{site.directory}"
KEY_ALGO="prime256v1"
ACCOUNT_KEYSIZE="2048"
sleep() {{ command sleep 0.1; }}
""")
    run(site, "dehydrated", "-f", config, "--register", "--accept-terms")
    issue = ("dehydrated", "-f", config, "--cron", "--domain", NAME)
    assert site.serial() is None
    run(site, *issue)
    first = site.wait_until_served()
    assert {end["end"] for end in site.proxy.connections() if end["alpn"] == "acme-tls/1"} == {
        "acme"}
    assert not list(site.challenge_dir.iterdir())
    assert [path.stat().st_mode & 0o777 for path in site.certs_dir.glob("www*")] == [0o640]
    if driver == "io_uring":  # dehydrated takes its time
        run(site, *issue, "--force")
        site.wait_until_served(but=first)


def test_the_hook_waits_until_every_challenge_of_a_chain_is_answered(site, directory):
    """As with HOOK_CHAIN, three words for each name."""
    names = ("a.example", "b.example")
    challenges = [Challenge(directory, name) for name in names]
    words = [word for name in names for word in (name, "token", "value")]
    hook = subprocess.Popen([EXAMPLES / "dehydrated-hook", "deploy_challenge", *words],
                            env=site.environment(), stdin=subprocess.DEVNULL)
    put(site.challenge_dir / "a.pem", challenges[0].pem)
    wait_until(site.proxy.port(), "a.example", challenges[0].shown)
    assert hook.poll() is None
    put(site.challenge_dir / "b.pem", challenges[1].pem)
    assert hook.wait(timeout=60) == 0
    assert shown(site.proxy.port(), "b.example") == challenges[1].shown
