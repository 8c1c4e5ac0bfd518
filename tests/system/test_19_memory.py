"""The k-th allocation fails, whoever asks for it: our code, OpenSSL, the C library. k is 1, 2, 3 and
so on until a run passes in which none failed. A start has 44,000, nearly all of them OpenSSL's and
much the same, so that k grows by a stride there, and by less over those of our own code. Also all
allocations from the k-th on, until it is over."""

import os
import re
import signal
import ssl

import pytest

import backends
import challenges
import control
import proxy as proxy_module
import rude
import scarce

# SALLYPORT_MEMORY_STRIDE=1 is every one of them, for hours where there are many.
STRIDE = int(os.environ.get("SALLYPORT_MEMORY_STRIDE", "0"))
EVERY_BELOW = 20
K_MAX = 100_000
# OpenSSL 3.0 forgets part of what it had when the making of a library context fails, which happens
# in starts and reloads. In a handshake it forgets nothing.
FORGETFUL = "leak:libcrypto.so\n"
# The sanitizer's own want of memory, when a thread begins, is its end.
SANITIZER_ENDED = "CHECK failed: sanitizer_"
MIB = os.urandom(1024) * 1024
ANSWER = b"the answer"
NEWER = b"the newer answer"
# What a session says at its end that could not be served: with reason resource, or with what the
# peer made of a record, an alert or a connection that did not come.
ENDS = {"resource", "hs_failed", "tls_error", "client_reset", "client_close", "server_close",
        "server_reset", "no_backend", "connect_unreachable", "tls_truncated", "internal", "acme"}


def numbers(stride):
    """k, each time."""
    k = 1
    while k < K_MAX:
        yield k
        k += 1 if k < EVERY_BELOW else STRIDE or stride
    raise AssertionError("it never passes")


class Place:
    """A daemon short of memory, and the servers behind it."""

    def __init__(self, directory, certs, driver, start, backend):
        self.directory = directory / "place"
        self.directory.mkdir()
        self.orders = scarce.Orders(directory / "orders")
        self.environment = self.orders.environment
        self.suppressions = directory / "suppressions"
        self.start_one = start
        self.uploads = backend(self.take_upload)
        self.other = backend(backends.answer_and(ANSWER, "fin"))
        self.newer = backend(backends.answer_and(NEWER, "fin"))
        self.echo = backend(backends.echo)
        self.lies = []
        pem = certs.get().pem_path
        self.settings = {
            "io": driver, "workers": 2, "allow-root": True,
            "control": {"socket": directory / "control.sock"},
            "timeouts": {"half-closed": "2s", "idle": "5s", "connect": "2s"},
            "frontends": [{"name": name, "listen": ["127.0.0.1:0"], "backend": name,
                           "pem-file": pem, "routes": [{"sni": ["a.example"], "backend": name}]}
                          for name in ("upload", "echo")],
            "backends": [self.group("upload", self.uploads), self.group("echo", self.echo)]}

    @staticmethod
    def group(name, server):
        return {"name": name, "servers": [{"address": server.address}]}

    def take_upload(self, conversation):
        data, end = conversation.receive_until_end()
        if end == "fin" and data != MIB:
            self.lies.append(f"a clean end after {len(data)} bytes")
        if end == "fin":
            conversation.send(data)

    def text(self):
        return "".join(proxy_module.setting(key, value) for key, value in self.settings.items())

    def excuse_openssl(self):
        self.suppressions.write_text(FORGETFUL)
        self.environment["LSAN_OPTIONS"] = f"suppressions={self.suppressions}"

    def start(self):
        self.proxy = self.start_one(self.text(), environment=self.environment,
                                    binary=scarce.BINARY)
        return self.proxy

    # --- scenes: each True when a client got all it should ---

    def session(self, name, talk):
        try:
            with rude.Client(self.proxy.port(name)) as client:
                client.handshake()
                return talk(client)
        except TimeoutError:
            raise AssertionError("a client was left waiting") from None
        except (OSError, EOFError, ssl.SSLError):
            return False

    def handshake(self):
        def talk(client):
            client.send(b"x")
            return client.receive_exactly(1) == b"x" and self.leave(client)
        return self.session("echo", talk)

    def answer_challenges(self):
        made = challenges.Challenge(self.directory, "localhost")
        self.shown = made.shown
        challenges.put(self.directory / "challenge.pem", made.pem)
        self.settings["frontends"][1]["acme-dir"] = self.directory

    def challenge(self):
        try:
            found = challenges.shown(self.proxy.port("echo"), "localhost")
        except (OSError, EOFError):
            return False
        assert found == self.shown or isinstance(found, str), "another certificate answers"
        return found == self.shown

    def relay(self):
        """1 MiB up, a half-close, and 1 MiB down after it."""
        def talk(client):
            client.send(MIB)
            client.goodbye()
            data, how = client.receive_until_end()
            assert MIB.startswith(data), "wrong bytes"
            assert how != "goodbye" or data == MIB, f"a clean end after {len(data)} bytes"
            return how == "goodbye"
        return self.session("upload", talk)

    def answer(self, *expected):
        def talk(client):
            data, how = client.receive_until_end()
            assert how != "goodbye" or data in expected
            return how == "goodbye"
        return self.session("echo", talk)

    @staticmethod
    def leave(client):
        client.goodbye()
        return client.receive_until_end()[1] == "goodbye"


@pytest.fixture
def place(directory, certs, driver, start, backend):
    if not scarce.BINARY.exists():
        pytest.skip("a build without tests has no sallyport-scarce")
    return Place(directory, certs, driver, start, backend)


@pytest.mark.parametrize("is_own, stride", [(True, 41), (False, 3989)])
def test_a_start_that_lacks_memory_says_so_or_serves(place, is_own, stride):
    place.excuse_openssl()
    for k in numbers(stride):
        if start_without(place, k, k, is_own) == 0:
            break


def test_a_start_that_lacks_all_memory_from_some_point_on_says_so(place):
    place.excuse_openssl()
    for k in range(1, 40_000, 3989):
        start_without(place, k, scarce.FOR_EVER)


def start_without(place, first, last, is_own=False):
    """How many allocations failed."""
    place.orders.fail(first, last, is_own)
    proxy = place.start()
    ready = re.compile(r"\bready ")
    proxy.wait_for(lambda: proxy.lines[-1:] == [None] or
                   any(ready.search(line) for line in proxy.lines), "ready or an end")
    said = "\n".join(proxy.said())
    failed = place.orders.end()
    if SANITIZER_ENDED in said:
        proxy.codes += (proxy.wait(),)
        return failed
    if proxy.lines[-1:] == [None]:
        assert proxy.wait() in (1, 3), said
        assert "error:" in said, f"allocation {first}: {said}"
    else:
        assert place.handshake(), said
        assert proxy.stop(signal.SIGTERM) == 0, said
    return failed


@pytest.mark.parametrize("scene, stride", [("handshake", 2), ("relay", 5), ("challenge", 7)])
def test_a_session_that_lacks_memory_ends_and_the_others_go_on(place, scene, stride):
    play = getattr(place, scene)
    if scene == "challenge":
        place.answer_challenges()
    place.start().wait_until_ready()
    assert play() and place.handshake()
    for k in numbers(stride):
        place.orders.fail(k)
        was_served = play()
        failed = place.orders.end()
        assert was_served or failed > 0, f"allocation {k}"
        assert place.handshake(), f"after allocation {k} nobody is served"
        if failed == 0:
            break
    finish(place)


@pytest.mark.parametrize("line", ["help", "show certs", "show config", "json show sess",
                                  "shutdown session 01JQ7ZZZZZ0000000000000002"])
def test_a_command_that_lacks_memory_is_answered_with_an_error_or_closed(place, directory, line):
    """A certificate may be shown without its file."""
    path = directory / "control.sock"
    place.start().wait_until_ready()
    with control.Connection(path) as client:
        whole = client.ask(line)
    for k in numbers(1):
        with control.Connection(path) as client:
            place.orders.fail(k)
            answer = client.ask(line)
            failed = place.orders.end()
        assert answer == whole or failed > 0, f"allocation {k}: {answer!r}"
        assert answer in ("", whole) or "error:" in answer or "file=- " in answer, answer
        with control.Connection(path) as client:
            assert client.ask(line) == whole, f"after allocation {k}"
        if failed == 0:
            break
    finish(place)


@pytest.mark.parametrize("scene", ["handshake", "relay"])
def test_when_memory_comes_back_everybody_is_served(place, scene):
    play = getattr(place, scene)
    place.start().wait_until_ready()
    for k in range(1, 600, 23):
        place.orders.fail(k, scarce.FOR_EVER)
        play()
        place.orders.end()
        assert place.handshake() and play(), f"after allocations from {k} on"
    finish(place)


@pytest.mark.parametrize("is_own, stride", [(True, 3), (False, 149)])
def test_a_reload_that_lacks_memory_changes_nothing_and_says_so(place, is_own, stride):
    place.excuse_openssl()
    place.start().wait_until_ready()
    old, new = place.group("echo", place.other), place.group("echo", place.newer)
    place.settings["backends"][1] = old
    assert reload(place) == "reloaded"
    for k in numbers(stride):
        place.settings["backends"][1] = new
        place.orders.fail(k, is_own=is_own)
        outcome = reload(place)
        failed = place.orders.end()
        expected = NEWER if outcome == "reloaded" else ANSWER
        assert all(place.answer(expected) for _ in range(4)), f"{outcome} without allocation {k}"
        if failed == 0:
            break
        place.settings["backends"][1] = old
        assert reload(place) == "reloaded", f"after allocation {k} no reload succeeds"
        assert place.answer(ANSWER)
    finish(place)


def reload(place):
    """What came of it: reloaded, or reload failed."""
    words = re.compile(r"\b(reloaded count|reload failed)\b")
    before = len(list(filter(words.search, place.proxy.said())))
    place.proxy.config_path.write_text(place.text())
    place.proxy.send(signal.SIGHUP)

    def find():
        found = [line for line in place.proxy.lines if line is not None and words.search(line)]
        return found[before:]
    line = place.proxy.wait_for(find, "the outcome of a reload")[0]
    return "reloaded" if "reloaded" in line else "reload failed"


def finish(place):
    proxy = place.proxy
    assert proxy.stop(signal.SIGTERM) == 0
    assert not place.lies, place.lies
    strange = {line["end"] for line in proxy.connections()} - ENDS
    assert not strange, [line for line in proxy.said() if "end=" + min(strange) in line]
