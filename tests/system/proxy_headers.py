"""PROXY headers written and read by the text of the specification, to hold the daemon against, and
TLS clients that come with one."""

import socket
import struct

import rude

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ALPN, AUTHORITY, CRC32C, UNIQUE_ID, SSL = 1, 2, 3, 5, 0x20
SSL_VERSION, SSL_CN, SSL_CIPHER = 0x21, 0x22, 0x23


def crc32c(data):
    value = 0xffffffff
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82f63b78 if value & 1 else 0)
    return value ^ 0xffffffff


def line(source="203.0.113.7", destination="198.51.100.1", ports=(40000, 443)):
    family = "TCP6" if ":" in source else "TCP4"
    return f"PROXY {family} {source} {destination} {ports[0]} {ports[1]}\r\n".encode()


def tlv(kind, value):
    return struct.pack(">BH", kind, len(value)) + value


def block(source="203.0.113.7", destination="198.51.100.1", ports=(40000, 443), rest=b"",
          command=0x21, has_sum=False):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    inside = socket.inet_pton(family, source) + socket.inet_pton(family, destination)
    inside += struct.pack(">HH", *ports) + rest
    inside += tlv(CRC32C, bytes(4)) if has_sum else b""
    kind = 0x21 if family == socket.AF_INET6 else 0x11
    whole = SIGNATURE + struct.pack(">BBH", command, kind, len(inside)) + inside
    return whole[:-4] + struct.pack(">I", crc32c(whole)) if has_sum else whole


LOCAL = SIGNATURE + b"\x20\0\0\0"


class Header:
    """What a server was told. `size` bytes of what came are the header."""

    def __init__(self, data):
        self.facts = {}
        self.ssl = None
        self.source = self.destination = None
        if data.startswith(b"PROXY "):
            self.read_line(data[:data.index(b"\r\n") + 2])
        else:
            assert data.startswith(SIGNATURE), data
            self.read_block(data)

    def read_line(self, text):
        assert len(text) <= 107
        self.size = len(text)
        words = text[:-2].decode("ascii").split(" ")
        self.family = words[1]
        if words[1] != "UNKNOWN":
            self.source = (words[2], int(words[4]))
            self.destination = (words[3], int(words[5]))
            assert len(words) == 6

    def read_block(self, data):
        command, family, length = struct.unpack_from(">BBH", data, 12)
        assert command == 0x21 and len(data) >= 16 + length
        self.size = 16 + length
        self.family = family
        inside = data[16:self.size]
        sizes = {0x11: 4, 0x21: 16}
        if family in sizes:
            size = sizes[family]
            kind = socket.AF_INET if size == 4 else socket.AF_INET6
            ports = struct.unpack_from(">HH", inside, 2 * size)
            self.source = (socket.inet_ntop(kind, inside[:size]), ports[0])
            self.destination = (socket.inet_ntop(kind, inside[size:2 * size]), ports[1])
            inside = inside[2 * size + 4:]
        elif family == 0x31:
            self.source, self.destination = (inside[at:at + 108].rstrip(b"\0").decode()
                                             for at in (0, 108))
            inside = inside[216:]
        else:
            assert family == 0
        self.facts = read_tlvs(inside)
        self.read_facts(data)

    def read_facts(self, data):
        if SSL in self.facts:
            client, verify = struct.unpack_from(">BI", self.facts[SSL])
            self.ssl = {"client": client, "verify": verify, **read_tlvs(self.facts[SSL][5:])}
        if CRC32C in self.facts:
            told = self.facts[CRC32C]
            assert data[self.size - 4:self.size] == told  # ours comes last
            assert struct.unpack(">I", told)[0] == crc32c(data[:self.size - 4] + bytes(4))


def read_tlvs(data):
    facts = {}
    while data:
        kind, length = struct.unpack_from(">BH", data)
        assert len(data) >= 3 + length and kind not in facts
        facts[kind] = data[3:3 + length]
        data = data[3 + length:]
    return facts


class Client(rude.Client):
    """Sends a header before TLS: in one piece with the hello, or in pieces before it."""

    def __init__(self, port, header, pieces=None, **options):
        super().__init__(port, **options)
        self.header = header
        if pieces is not None:
            for start in range(0, len(header), pieces):
                self.socket.sendall(header[start:start + pieces])
            self.header = b""

    def flush(self):
        data, self.header = self.header + self.outgoing.read(), b""
        if data:
            self.socket.sendall(data)


def is_whole(data):
    if data.startswith(SIGNATURE[:1]):
        return len(data) >= 16 and len(data) >= 16 + struct.unpack_from(">H", data, 14)[0]
    return b"\r\n" in data


def note_header(conversation):
    """A server that notes the header and what came in one piece with it; then an echo."""
    data = b""
    while not is_whole(data):
        part = conversation.socket.recv(65536)
        if not part:
            conversation.note("no header", data)
            return
        data += part
    header = Header(data)
    conversation.note(header, data[header.size:])
    try:
        conversation.send(data[header.size:])
        while part := conversation.socket.recv(65536):
            conversation.send(part)
    except ConnectionResetError:
        pass  # the client may leave as it likes


def converse(client):
    """A whole session through an echo, up to its clean end."""
    client.send(b"hello")
    assert client.receive_exactly(5) == b"hello"
    client.goodbye()
    client.fin()
    assert client.receive_until_end()[1] == "goodbye"
