"""Records that no honest client would send: sealed with the client's own keys, which OpenSSL's key
log tells, AES-128-GCM in TLS 1.2 and 1.3."""

import ctypes
import hashlib
import hmac
import pathlib
import ssl
import struct
import tempfile

ALERT, HANDSHAKE, DATA = 21, 22, 23
KEY_UPDATE_REQUESTED = b"\x18\x00\x00\x01\x01"
HEAD_BYTES, KEY_BYTES, TAG_BYTES = 5, 16, 16
# In a ClientHello or ServerHello: behind the heads of record and message, and the version.
RANDOM_AT, RANDOM_BYTES = 11, 32
GET_TAG = 0x10

crypto = ctypes.CDLL("libcrypto.so.3")
crypto.EVP_CIPHER_CTX_new.restype = ctypes.c_void_p
crypto.EVP_aes_128_gcm.restype = ctypes.c_void_p


def seal(key, nonce, plain, extra):
    """AES-128-GCM: ciphertext and tag."""
    context = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new())
    out = ctypes.create_string_buffer(len(plain) + TAG_BYTES)
    tag = ctypes.create_string_buffer(TAG_BYTES)
    count = ctypes.c_int()
    try:
        cipher = ctypes.c_void_p(crypto.EVP_aes_128_gcm())
        done = crypto.EVP_EncryptInit_ex(context, cipher, None, key, nonce) == 1
        done = done and crypto.EVP_EncryptUpdate(context, None, ctypes.byref(count), extra,
                                                 len(extra)) == 1
        done = done and crypto.EVP_EncryptUpdate(context, out, ctypes.byref(count), plain,
                                                 len(plain)) == 1
        done = done and crypto.EVP_EncryptFinal_ex(context, tag, ctypes.byref(count)) == 1
        done = done and crypto.EVP_CIPHER_CTX_ctrl(context, GET_TAG, TAG_BYTES, tag) == 1
    finally:
        crypto.EVP_CIPHER_CTX_free(context)
    if not done:
        raise ssl.SSLError("no AES-128-GCM")
    return out.raw[:len(plain)] + tag.raw


def expand_label(secret, label, count):
    """RFC 8446 section 7.1, with nothing hashed."""
    info = struct.pack(">HB", count, len(label) + 6) + b"tls13 " + label + b"\x00\x01"
    return hmac.digest(secret, info, "sha256")[:count]


def prf(secret, seed, count):
    """RFC 5246 section 5."""
    made, step = b"", seed
    while len(made) < count:
        step = hmac.digest(secret, step, "sha256")
        made += hmac.digest(secret, step + seed, "sha256")
    return made[:count]


class Forger13:
    """Of a TLS 1.3 client that has sent nothing since its Finished."""

    def __init__(self, secrets):
        self.secret = secrets["CLIENT_TRAFFIC_SECRET_0"]
        self.set_keys()

    def set_keys(self):
        self.key = expand_label(self.secret, b"key", KEY_BYTES)
        self.iv = int.from_bytes(expand_label(self.secret, b"iv", 12), "big")
        self.sequence = 0

    def record(self, kind, plain):
        inner = plain + bytes([kind])
        head = struct.pack(">BHH", DATA, 0x0303, len(inner) + TAG_BYTES)
        nonce = (self.iv ^ self.sequence).to_bytes(12, "big")
        self.sequence += 1
        return head + seal(self.key, nonce, inner, head)

    def key_update(self):
        made = self.record(HANDSHAKE, KEY_UPDATE_REQUESTED)
        self.secret = expand_label(self.secret, b"traffic upd", hashlib.sha256().digest_size)
        self.set_keys()
        return made


class Forger12:
    """Of a TLS 1.2 client that has sent nothing since its Finished."""

    def __init__(self, secrets, client_random, server_random):
        block = prf(secrets["CLIENT_RANDOM"], b"key expansion" + server_random + client_random,
                    2 * KEY_BYTES + 8)
        self.key, self.salt = block[:KEY_BYTES], block[2 * KEY_BYTES:2 * KEY_BYTES + 4]
        self.sequence = 1

    def record(self, kind, plain):
        explicit = struct.pack(">Q", self.sequence)
        extra = explicit + struct.pack(">BHH", kind, 0x0303, len(plain))
        sealed = explicit + seal(self.key, self.salt + explicit, plain, extra)
        self.sequence += 1
        return struct.pack(">BHH", kind, 0x0303, len(sealed)) + sealed


class Forge:
    """A context whose connections can be forged for: tls is to be used for them."""

    def __init__(self, version):
        self.directory = tempfile.TemporaryDirectory(prefix="sallyport-forge-")
        self.log = pathlib.Path(self.directory.name) / "keys"
        self.version = version
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.tls.check_hostname = False
        self.tls.verify_mode = ssl.CERT_NONE
        self.tls.minimum_version = self.tls.maximum_version = version
        if version == ssl.TLSVersion.TLSv1_2:
            self.tls.set_ciphers("ECDHE+AESGCM:!AES256")
        self.tls.keylog_filename = str(self.log)

    def secrets(self, client_random):
        found = {}
        for line in self.log.read_text().splitlines():
            words = line.split()
            if len(words) == 3 and words[1] == client_random.hex():
                found[words[0]] = bytes.fromhex(words[2])
        return found

    def forger(self, hello, flight):
        """Of an established connection: the bytes of its ClientHello and of the server's."""
        client_random = hello[RANDOM_AT:RANDOM_AT + RANDOM_BYTES]
        server_random = flight[RANDOM_AT:RANDOM_AT + RANDOM_BYTES]
        secrets = self.secrets(client_random)
        if self.version == ssl.TLSVersion.TLSv1_2:
            return Forger12(secrets, client_random, server_random)
        return Forger13(secrets)
