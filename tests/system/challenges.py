"""Challenges of ACME's tls-alpn-01 (RFC 8737): certificates made with openssl(1), and who asks."""

import re
import ssl
import subprocess
import time

import certificates
import proxy as proxy_module
import rude

PROTOCOL = "acme-tls/1"
DIGEST = "5a" * 32
IDENTIFIER = f"1.3.6.1.5.5.7.1.31=critical,DER:04:20:{DIGEST}"


class Challenge:
    """A certificate in memory: it and its key as text, and what a client is shown."""

    def __init__(self, directory, name, kind="ec", identifier=IDENTIFIER, names=None):
        command = ["openssl", "req", "-x509", *certificates.KEYS[kind], "-nodes", "-days", "2",
                   "-subj", f"/CN={name}", "-keyout", directory / "challenge.key", "-out",
                   directory / "challenge.crt"]
        for extension in (identifier, name_extension(name, names)):
            command += ["-addext", extension] if extension else []
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        self.name = name
        self.certificate = (directory / "challenge.crt").read_text()
        self.key = (directory / "challenge.key").read_text()
        self.shown = ssl.PEM_cert_to_DER_cert(self.certificate)

    @property
    def pem(self):
        return self.certificate + self.key


def name_extension(name, names):
    names = [name] if names is None else names
    return "subjectAltName=" + ",".join(f"DNS:{one}" for one in names) if names else None


def put(path, text):
    """By rename, as who writes challenges should."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.chmod(0o600)
    new.rename(path)
    return path


def context(alpn=(PROTOCOL,), **versions):
    return rude.context(alpn=alpn, **versions)


def shown(port, name, tls=None, **options):
    """The certificate a client who asks for the challenge of a name is shown, as DER; or the
    failure of its handshake."""
    try:
        with rude.connect(port, tls=tls or context(), name=name, **options) as client:
            return client.tls.getpeercert(True)
    except ssl.SSLError as failure:
        return re.sub(r".*alert |\W*\(.*", "", str(failure)).replace(" ", "_").lower()


def wait_until(port, name, expected, **options):
    until = time.monotonic() + proxy_module.PATIENCE_S
    while (found := shown(port, name, **options)) != expected:
        assert time.monotonic() < until, f"{name} is answered with {found!r}"
        time.sleep(0.05)


REFUSED = "no_application_protocol"


def ask(port, *arguments):
    """What s_client says of it."""
    return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-alpn",
                           PROTOCOL, *arguments], input="", capture_output=True, text=True,
                          timeout=30)
