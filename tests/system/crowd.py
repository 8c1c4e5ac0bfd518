"""Honest clients: a steady trickle of checked requests, whatever else goes on."""

import random
import ssl
import threading
import time

import checked
import rude

BYTES_MAX = 40_000
CLIENTS = 4
PAUSE_S = 0.02


class Crowd:
    """Threads that ask until stop(). Each request is one of `served`, `aborted` (the connection was
    reported as broken) or `wrong` (answered with other bytes, or with an end that looks whole)."""

    def __init__(self, port, clients=CLIENTS, pause_s=PAUSE_S, seed=1):
        self.port, self.pause_s = port, pause_s
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.seconds = []
        self.connected, self.aborted, self.wrong = 0, [], []
        self.threads = [threading.Thread(target=self.work, args=(seed * 1000 + i,), daemon=True)
                        for i in range(clients)]
        for thread in self.threads:
            thread.start()

    @property
    def served(self):
        return len(self.seconds)

    def work(self, seed):
        chance = random.Random(seed)
        tls = rude.context()
        while not self.over.is_set():
            up, down = (int(BYTES_MAX ** chance.random()) for _ in range(2))
            self.ask(tls, chance.getrandbits(60), up, down)
            self.over.wait(self.pause_s * (0.5 + chance.random()))

    def ask(self, tls, seed, up, down):
        began = time.monotonic()
        try:
            problem = self.converse(tls, seed, up, down)
        except (OSError, EOFError, ssl.SSLError) as error:
            self.aborted.append(f"{time.monotonic() - began:.1f} s: {error!r}")
            return
        with self.lock:
            if problem is None:
                self.seconds.append(time.monotonic() - began)
            else:
                self.wrong.append(problem)

    def converse(self, tls, seed, up, down):
        """None, or what was wrong with the answer."""
        wanted = checked.answer(seed, up, down)
        with rude.Client(self.port, tls=tls) as client:
            with self.lock:
                self.connected += 1
            client.handshake()
            client.send(checked.request(seed, up, down))
            got = b""
            while len(got) < len(wanted):
                part = client.receive()
                if not part:
                    break
                got += part
            if got != wanted[:len(got)]:
                return f"other bytes in an answer of {len(wanted)}"
            if len(got) < len(wanted):
                if client.said_goodbye:
                    return f"a clean end after {len(got)} of {len(wanted)} bytes"
                raise EOFError(f"{len(got)} of {len(wanted)} bytes")
            client.goodbye()
            rest, how = client.receive_until_end()
            if how == "reset":
                raise ConnectionResetError("after the whole answer")
            return None if (rest, how) == (b"", "goodbye") else f"the end was {how}"

    def mark(self):
        """Everything from here on is counted apart: returns what was until here."""
        with self.lock:
            before, self.seconds = self.seconds, []
        return before

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(rude.WAIT_S * 2)
            assert not thread.is_alive(), "an honest client hangs"


def milliseconds(seconds, share):
    """The given share of all was no slower than this."""
    if not seconds:
        return 0.0
    return round(sorted(seconds)[min(int(len(seconds) * share), len(seconds) - 1)] * 1000, 1)
