"""An authority with an OCSP responder: it certifies servers and answers for them, also what no
responder should."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp

KEYS = {"ec": lambda: ec.generate_private_key(ec.SECP256R1()),
        "rsa": lambda: rsa.generate_private_key(65537, 2048)}
STATUS = {"good": ocsp.OCSPCertStatus.GOOD, "revoked": ocsp.OCSPCertStatus.REVOKED,
          "unknown": ocsp.OCSPCertStatus.UNKNOWN}


def now():
    return datetime.datetime.utcnow().replace(microsecond=0)


def name_of(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


class Issued:
    """A server's certificate and its key."""

    def __init__(self, certificate, key, chain):
        self.certificate, self.key, self.chain = certificate, key, chain

    def pem(self, with_chain=True):
        chain = self.chain if with_chain else []
        return "".join(one.public_bytes(serialization.Encoding.PEM).decode()
                       for one in [self.certificate, *chain]) + self.key_pem()

    def key_pem(self):
        return self.key.private_bytes(serialization.Encoding.PEM,
                                      serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption()).decode()


class Authority:
    def __init__(self, name="authority"):
        self.key = KEYS["ec"]()
        self.name = name_of(name)
        self.certificate = self.sign(self.name, self.key, [x509.BasicConstraints(True, None)])

    def sign(self, subject, key, extensions):
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now() - datetime.timedelta(days=1))
                   .not_valid_after(now() + datetime.timedelta(days=30)))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, name, kind="ec", must_staple=False, responder=None):
        key = KEYS[kind]()
        extensions = [x509.SubjectAlternativeName([x509.DNSName(name)])]
        if must_staple:
            extensions.append(x509.TLSFeature([x509.TLSFeatureType.status_request]))
        if responder:
            extensions.append(x509.AuthorityInformationAccess([x509.AccessDescription(
                x509.AuthorityInformationAccessOID.OCSP,
                x509.UniformResourceIdentifier(responder))]))
        return Issued(self.sign(name_of(name), key, extensions), key, [self.certificate])

    def answer(self, issued, status="good", begins_s=-3600, ends_s=3600):
        """DER, signed by the authority itself."""
        revoked_at = now() if status == "revoked" else None
        builder = ocsp.OCSPResponseBuilder().add_response(
            issued.certificate, self.certificate, hashes.SHA1(), STATUS[status],
            now() + datetime.timedelta(seconds=begins_s),
            now() + datetime.timedelta(seconds=ends_s), revoked_at, None)
        return (builder.responder_id(ocsp.OCSPResponderEncoding.HASH, self.certificate)
                .sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER))
