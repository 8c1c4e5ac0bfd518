#!/usr/bin/env python3
"""Clients that mean harm, a thousand at a time in one process. Each kind is a generator that runs
over one connection and says what it waits for; when it ends, the connection is reset and another
one opened, until time is up. Prints counters as JSON.

usage: floods.py KIND --port N [--count N] [--seconds N] [--host 127.0.0.N] [--seed N]
"""

import argparse
import heapq
import json
import random
import selectors
import socket
import ssl
import struct
import sys
import time

import checked
import forger
import rude

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
TICK_S = 0.02
OPENED_PER_TICK = 400
# The first flight of a full handshake is longer than this, an alert is not.
FLIGHT_BYTES_MIN = 300
RECORD_BYTES_MAX = 16384
BIG_HELLO_BYTES = 131_071
BELOW_LIMIT_BYTES = 60_000
REQUESTS_OVER_LIMIT = 150
# <linux/in.h>, <linux/tcp.h>
IP_BIND_ADDRESS_NO_PORT, TCP_ESTABLISHED = 24, 1


class Attack:
    """One connection of a flood, with what the generators below need."""

    def __init__(self, throng):
        self.throng = throng
        self.chance = throng.chance
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        self.socket.bind((throng.host, 0))
        self.has_spoken = False

    def count(self, what, number=1):
        self.throng.counters[what] = self.throng.counters.get(what, 0) + number

    def connect(self):
        self.socket.connect_ex(("127.0.0.1", self.throng.port))
        yield WRITE
        if self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0:
            raise ConnectionError
        self.count("connected")

    def send(self, data):
        view = memoryview(data)
        while view:
            try:
                view = view[self.socket.send(view):]
                if not self.has_spoken:
                    self.has_spoken = True
                    self.count("spoke")
            except BlockingIOError:
                yield WRITE

    def receive(self):
        """Some bytes; b"" at the end."""
        while True:
            try:
                return self.socket.recv(65536)
            except BlockingIOError:
                yield READ

    def state(self):
        """The kernel's, since an end cannot be read by who reads nothing."""
        return self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]

    def wait_for_end(self):
        while (yield from self.receive()):
            pass
        self.count("ended_by_proxy")


class TlsAttack(Attack):
    """The same, able to shake hands."""

    def open_tls(self, context):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self.hello, self.flight = b"", b""

    def handshake(self, context):
        self.open_tls(context)
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                pass
            made = self.outgoing.read()
            self.hello = self.hello or made
            yield from self.send(made)
            came = yield from self.receive()
            if not came:
                raise ConnectionError
            self.flight = self.flight or came
            self.incoming.write(came)
        yield from self.send(self.outgoing.read())
        self.count("established")

    def say(self, data):
        self.tls.write(data)
        yield from self.send(self.outgoing.read())

    def hear(self, count):
        """So many bytes of plaintext."""
        got = b""
        while len(got) < count:
            try:
                got += self.tls.read(count - len(got))
            except ssl.SSLWantReadError:
                came = yield from self.receive()
                if not came:
                    raise ConnectionError from None
                self.incoming.write(came)
        return got


def hello_bytes():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = rude.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


HELLO = hello_bytes()
rude_context = rude.context()


def records_of(payload):
    """A handshake message in as few records as it fits."""
    return b"".join(struct.pack(">BHH", forger.HANDSHAKE, 0x0301, len(piece)) + piece
                    for piece in (payload[at:at + RECORD_BYTES_MAX]
                                  for at in range(0, len(payload), RECORD_BYTES_MAX)))


# --- kinds ---------------------------------------------------------------------------------------

def silent(attack):
    """Connects and says nothing."""
    yield from attack.wait_for_end()


def resets(attack):
    """Connects and resets, sometimes a moment later."""
    if attack.chance.random() < 0.3:
        yield TICK_S


def leavers(attack):
    """Leave in mid-handshake: after part of a hello, or once the flight came; with FIN or RST."""
    cut = attack.chance.choice([len(HELLO), attack.chance.randrange(1, len(HELLO))])
    yield from attack.send(HELLO[:cut])
    if cut == len(HELLO):
        yield from attack.receive()
    if attack.chance.random() < 0.5:
        attack.socket.shutdown(socket.SHUT_WR)
        yield from attack.wait_for_end()


def drips(attack):
    """A hello, byte by byte."""
    for byte in HELLO:
        yield from attack.send(bytes([byte]))
        yield 0.05
    yield from attack.wait_for_end()


def garbage(attack):
    """Bytes of chance."""
    yield from attack.send(attack.chance.randbytes(attack.chance.randrange(1, 20_000)))
    yield from attack.wait_for_end()


def big_hellos(attack):
    """A ClientHello of 131 kB, or one below our limit that never comes to its end."""
    size = attack.chance.choice([BIG_HELLO_BYTES, BELOW_LIMIT_BYTES])
    body = b"\x01" + size.to_bytes(3, "big") + b"\x03\x03" + attack.chance.randbytes(size - 100)
    yield from attack.send(records_of(body))
    yield from attack.wait_for_end()


def handshakes(attack):
    """A hello, the same for all; the flight that costs the proxy a signature; the end."""
    yield from attack.send(HELLO)
    came = 0
    while came < FLIGHT_BYTES_MIN:
        part = yield from attack.receive()
        if not part:
            raise ConnectionError
        came += len(part)
    attack.count("flights")


def key_updates(attack):
    """Asks for new keys more often than is allowed, and reads no answer."""
    yield from attack.handshake(attack.throng.forge.tls)
    forge = attack.throng.forge.forger(attack.hello, attack.flight)
    for _ in range(REQUESTS_OVER_LIMIT):
        yield from attack.send(forge.key_update())
        attack.count("key_updates")
    yield from attack.wait_for_end()


def renegotiations(attack):
    """TLS 1.2: wants to begin anew, again and again."""
    yield from attack.handshake(attack.throng.forge.tls)
    forge = attack.throng.forge.forger(attack.hello, attack.flight)
    for _ in range(REQUESTS_OVER_LIMIT):
        yield from attack.send(forge.record(forger.HANDSHAKE, attack.hello[forger.HEAD_BYTES:]))
        attack.count("renegotiations")
    yield from attack.wait_for_end()


def forgeries(attack):
    """Records of chance under good keys, and good records under none."""
    yield from attack.handshake(attack.throng.forge.tls)
    forge = attack.throng.forge.forger(attack.hello, attack.flight)
    kind = attack.chance.choice([forger.ALERT, forger.HANDSHAKE, forger.DATA, 99])
    for _ in range(50):
        made = forge.record(kind, attack.chance.randbytes(attack.chance.randrange(0, 40)))
        yield from attack.send(made)
    yield from attack.send(b"\x17\x03\x03\x00\x30" + bytes(48))
    yield from attack.wait_for_end()


def deaf(attack):
    """Asks for bytes without end, and reads none."""
    attack.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    yield from attack.handshake(rude_context)
    yield from attack.say(checked.only(checked.FLOOD))
    while attack.state() == TCP_ESTABLISHED:
        yield 0.2
    attack.count("ended_by_proxy")


def pushers(attack):
    """Send without end to a server that reads nothing."""
    yield from attack.handshake(rude_context)
    yield from attack.say(checked.only(checked.HOLD))
    while True:
        yield from attack.say(bytes(RECORD_BYTES_MAX))


def crumbs(attack):
    """An honest request in records of one byte, thousands at once."""
    yield from attack.handshake(rude_context)
    seed = attack.chance.getrandbits(60)
    for byte in checked.request(seed, 3000, 100):
        attack.tls.write(bytes([byte]))
    yield from attack.send(attack.outgoing.read())
    wanted = checked.answer(seed, 3000, 100)
    if (yield from attack.hear(len(wanted))) != wanted:
        attack.count("wrong")
    attack.count("served")


KINDS = {kind.__name__: kind for kind in (
    silent, resets, leavers, drips, garbage, big_hellos, handshakes, key_updates, renegotiations,
    forgeries, deaf, pushers, crumbs)}
FORGED = {"key_updates": ssl.TLSVersion.TLSv1_3, "renegotiations": ssl.TLSVersion.TLSv1_2,
          "forgeries": ssl.TLSVersion.TLSv1_3}


class Throng:
    """All connections of one flood."""

    def __init__(self, kind, choice):
        self.kind, self.port, self.host = kind, choice.port, choice.host
        self.count, self.until = choice.count, time.monotonic() + choice.seconds
        self.chance = random.Random(choice.seed)
        self.counters = {"begun": 0, "connected": 0, "spoke": 0, "failed": 0}
        self.selector = selectors.DefaultSelector()
        self.pausing = []  # (when, number, attack, steps)
        self.open = set()
        self.forge = None
        if kind.__name__ in FORGED:
            self.forge = forger.Forge(FORGED[kind.__name__])

    def run(self):
        while time.monotonic() < self.until:
            for _ in range(min(self.count - len(self.open), OPENED_PER_TICK)):
                self.begin()
            for key, _ in self.selector.select(TICK_S):
                self.selector.unregister(key.fileobj)
                self.go_on(*key.data)
            while self.pausing and self.pausing[0][0] <= time.monotonic():
                self.go_on(*heapq.heappop(self.pausing)[2:])
        for attack in list(self.open):
            self.end(attack)
        return self.counters

    def begin(self):
        attack = TlsAttack(self)
        attack.count("begun")
        self.open.add(attack)
        self.counters["most"] = max(self.counters.get("most", 0), len(self.open))
        self.go_on(attack, self.steps(attack))

    def steps(self, attack):
        yield from attack.connect()
        yield from self.kind(attack)

    def go_on(self, attack, steps):
        try:
            wanted = next(steps)
        except (StopIteration, OSError, ssl.SSLError) as outcome:
            if not isinstance(outcome, StopIteration):
                attack.count("failed")
            self.end(attack)
            return
        if isinstance(wanted, float):
            entry = (time.monotonic() + wanted, id(attack), attack, steps)
            heapq.heappush(self.pausing, entry)
        else:
            self.selector.register(attack.socket, wanted, (attack, steps))

    def end(self, attack):
        self.open.discard(attack)
        rude.backends.reset(attack.socket)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].strip())
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--seed", type=int, default=1)
    choice = parser.parse_args()
    print(json.dumps(Throng(KINDS[choice.kind], choice).run()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
