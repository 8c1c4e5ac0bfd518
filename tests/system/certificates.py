"""Certificates made with openssl(1) for one test run, below a directory that goes with it."""

import pathlib
import subprocess

KEYS = {"ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "rsa": ["-newkey", "rsa:2048"]}


class Certificate:
    def __init__(self, directory, name, kind, names, days):
        self.path = pathlib.Path(directory) / f"{name}.crt"
        self.key_path = pathlib.Path(directory) / f"{name}.key"
        self.pem_path = pathlib.Path(directory) / f"{name}.pem"
        command = ["openssl", "req", "-x509", *KEYS[kind], "-nodes", "-days", str(days),
                   "-subj", f"/CN={names[0]}", "-keyout", self.key_path, "-out", self.path,
                   "-addext", "subjectAltName=" + ",".join(entry(one) for one in names)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        self.pem_path.write_text(self.path.read_text() + self.key_path.read_text())
        self.key_path.chmod(0o600)
        self.pem_path.chmod(0o600)


def entry(name):
    is_address = name.replace(".", "").isdigit() or ":" in name
    return ("IP:" if is_address else "DNS:") + name


class Certificates:
    """Each is made when it is first asked for."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.made = {}

    def get(self, name="localhost", kind="ec", names=None, days=30):
        asked = kind, names or ["localhost", "127.0.0.1", "::1"], days
        if name not in self.made:
            self.made[name] = asked, Certificate(self.directory, name, *asked)
        was_asked, certificate = self.made[name]
        assert was_asked == asked, f"{name} is another certificate for another test"
        return certificate
