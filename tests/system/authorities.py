"""Authorities made with openssl(1): they certify clients, revoke them, and list the revoked."""

import datetime
import pathlib
import subprocess

CONFIGURATION = """
[ca]
default_ca = this
[this]
database = {0}/index.txt
new_certs_dir = {0}
serial = {0}/serial
certificate = {0}/ca.crt
private_key = {0}/ca.key
default_md = sha256
default_crl_days = 30
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = optional
"""


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)


def date(days):
    """As openssl-ca(1) wants it, so many days from now."""
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return when.strftime("%Y%m%d%H%M%SZ")


class Credential:
    """A client's certificate and key; what vouches for it goes along in the file."""

    def __init__(self, path, key_path):
        self.path = path
        self.key_path = key_path

    def load(self, tls):
        tls.load_cert_chain(self.path, self.key_path)
        return tls


class Authority:
    def __init__(self, directory, name, issuer=None):
        self.directory = pathlib.Path(directory) / name
        self.directory.mkdir()
        self.path = self.directory / "ca.crt"
        self.key_path = self.directory / "ca.key"
        self.issuer = issuer
        self.made = 0
        self.config_path = self.directory / "ca.conf"
        self.config_path.write_text(CONFIGURATION.format(self.directory))
        (self.directory / "index.txt").write_text("")
        (self.directory / "serial").write_text("1000\n")
        if issuer is None:
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", 30, "-subj", f"/CN={name}", "-keyout", self.key_path,
                    "-out", self.path)
        else:
            issuer.sign(f"/CN={name}", self.key_path, self.path,
                        ["basicConstraints=critical,CA:TRUE"])

    def sign(self, subject, key_path, path, extensions=(), begins=-2, ends=20):
        self.made += 1
        request = self.directory / f"{self.made}.csr"
        added = [word for one in extensions for word in ("-addext", one)]
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-utf8", "-subj", subject, "-keyout", key_path, "-out", request, *added)
        openssl("ca", "-batch", "-notext", "-preserveDN", "-config", self.config_path, "-in",
                request, "-out", path, "-startdate", date(begins), "-enddate", date(ends))

    def issue(self, subject="/CN=alice", names=None, usage=None, **dates):
        """A client's certificate; `names` as openssl(1) has them: "URI:spiffe://a/b"."""
        extensions = [f"subjectAltName={names}"] if names else []
        extensions += [f"extendedKeyUsage={usage}"] if usage else []
        base = self.directory / f"client{self.made}"
        client = Credential(base.with_suffix(".crt"), base.with_suffix(".key"))
        self.sign(subject, client.key_path, client.path, extensions, **dates)
        if self.issuer is not None:
            client.path.write_text(client.path.read_text() + self.path.read_text())
        return client

    def revoke(self, path):
        openssl("ca", "-config", self.config_path, "-revoke", path)

    def revocations(self, path=None, ends=10):
        """Writes the list of those revoked so far."""
        path = path or self.directory / "ca.crl"
        openssl("ca", "-config", self.config_path, "-gencrl", "-out", path, "-crl_lastupdate",
                date(-20), "-crl_nextupdate", date(ends))
        return path
