"""What scanners of TLS servers find, held against what a policy should offer. Each judgement is a
dictionary of claims, and of what speaks against each: nothing, when it holds."""

import dataclasses
import json
import re
import subprocess
import xml.etree.ElementTree

import proxy as proxy_module

SUITES = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
CIPHERS = {f"ECDHE-{key}-{cipher}" for key in ("ECDSA", "RSA")
           for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")}
GROUPS = {"x25519", "secp256r1", "secp384r1", "X25519MLKEM768"}
NO_WEAKNESS = {"strong", "acceptable"}
BITS_MIN = 128

# What testssl.sh holds against certificates that somebody made just now for a test: no authority
# signed them, so nobody says where they would be revoked, or who may issue for "localhost".
OF_THE_CERTIFICATE = re.compile(r"cert_chain_of_trust|cert_revocation|DNS_CAArecord")
SEVERE = ("MEDIUM", "HIGH", "CRITICAL", "FATAL")
# A scan that broke off finds little.
FINDINGS_MIN = 80


@dataclasses.dataclass
class Offer:
    """What a server of a policy should offer."""
    versions: set
    ciphers: set


OFFERS = {"modern": Offer({"TLSv1.3"}, SUITES),
          "intermediate": Offer({"TLSv1.2", "TLSv1.3"}, SUITES | CIPHERS)}
ALL_VERSIONS = {"SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"}


def configuration(certificates, **frontend):
    """A page, for scanners that look for HTTP, behind an ECDSA and an RSA certificate."""
    pems = [certificates.get(f"scanned-{kind}", kind, days=90).pem_path for kind in ("ec", "rsa")]
    return proxy_module.configuration(
        allow_root=True,
        frontends=[{"name": "web", "listen": "127.0.0.1:0", "pem-file": pems, "backend": "page",
                    **frontend}],
        backends=[{"name": "page", "servers": [{"address": "builtin:hello"}]}])


# --- sslscan ---

def sslscan(port, policy, directory, name="localhost"):
    path = directory / f"sslscan-{name}-{port}.xml"
    subprocess.run(["sslscan", "--no-colour", "--show-sigs", f"--sni-name={name}", f"--xml={path}",
                    f"127.0.0.1:{port}"], check=True, capture_output=True, timeout=120,
                   stdin=subprocess.DEVNULL)
    found = xml.etree.ElementTree.parse(path).getroot().find("ssltest")
    return {**sslscan_offer(found, OFFERS[policy]), **sslscan_trouble(found, OFFERS[policy])}


def sslscan_offer(found, offer):
    versions = {("SSLv" if one.get("type") == "ssl" else "TLSv") + one.get("version")
                for one in found.findall("protocol") if one.get("enabled") == "1"}
    asked = {("SSLv" if one.get("type") == "ssl" else "TLSv") + one.get("version")
             for one in found.findall("protocol")}
    ciphers = {one.get("cipher") for one in found.findall("cipher")}
    groups = {one.get("name").split(" ")[0] for one in found.findall("group")}
    return {
        "every version was asked for": ALL_VERSIONS - asked,
        "the versions are those of the policy": versions ^ offer.versions,
        "the ciphers are those of the policy": ciphers ^ offer.ciphers,
        "the groups are those of the policy":
            groups - GROUPS or ("none was found" if not groups else set()),
    }


def sslscan_trouble(found, offer):
    weak = {one.get("cipher") for one in found.findall("cipher")
            if one.get("strength") not in NO_WEAKNESS or int(one.get("bits")) < BITS_MIN}
    sha1 = {one.get("name") for one in found.findall("connection-signature-algorithm")
            if re.search("sha1|md5|any", one.get("name"), re.IGNORECASE)}
    fallback = found.find("fallback")
    lacks_fallback = len(offer.versions) > 1 and fallback is not None and \
        fallback.get("supported") != "1"
    return {
        "no cipher is weak": weak,
        "no signature is weak": sha1,
        "no renegotiation": renegotiation(found),
        "no compression": {one.tag for one in found.findall("compression")
                           if one.get("supported") == "1"},
        "no heartbleed": {one.get("sslversion") for one in found.findall("heartbleed")
                          if one.get("vulnerable") != "0"},
        "no fall back unseen": {"no fallback SCSV"} if lacks_fallback else set(),
    }


def renegotiation(found):
    one = found.find("renegotiation")
    return {"it is supported"} if one is not None and one.get("supported") != "0" else set()


# --- testssl.sh ---

def testssl(port, policy, directory):
    path = directory / f"testssl-{port}.json"
    log = directory / f"testssl-{port}.log"
    with open(log, "w") as output:
        subprocess.run(["testssl", "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none",
                        "--jsonfile", path, f"localhost:{port}"], stdout=output,
                       stderr=subprocess.STDOUT, timeout=1500, stdin=subprocess.DEVNULL,
                       cwd=directory)
    return judge_testssl(json.loads(path.read_text()), OFFERS[policy])


def judge_testssl(findings, offer):
    said = {one["id"]: one["finding"] for one in findings}
    versions = {"SSLv2": "SSLv2", "SSLv3": "SSLv3", "TLS1": "TLSv1.0", "TLS1_1": "TLSv1.1",
                "TLS1_2": "TLSv1.2", "TLS1_3": "TLSv1.3"}
    return {
        "the scan is whole": {f"{len(findings)} findings"} if len(findings) < FINDINGS_MIN else set(),
        "the versions are those of the policy": {
            version for key, version in versions.items()
            if said.get(key, "").startswith("offered") != (version in offer.versions)},
        "nothing severe was found": {
            f'{one["severity"]} {one["id"]}: {one["finding"]}' for one in findings
            if one["severity"] in SEVERE and not OF_THE_CERTIFICATE.match(one["id"])},
    }
