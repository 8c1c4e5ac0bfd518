"""What a case runs against: the daemon, the servers behind it, and honest clients that know what
they must get. A fault may cost a client its connection; it may never get wrong bytes, or a clean
end of half a transfer."""

import os
import pathlib
import random
import signal
import ssl
import time

import backends
import proxy as proxy_module
import rude

PATIENCE_S = 8
SPIN_WINDOW_S = 0.15
SILENCE_S = 1
TRIES_MAX = 7
SPIN_SHARE_MAX = 0.6
UP = os.urandom(64) * 6000
DOWN = os.urandom(64) * 6000
AFTER = os.urandom(64) * 2000
NEW = b"the new configuration"
FRONTENDS = ("up", "down", "cut", "echo", "more")
# So that a client that waits for bytes which a fault has eaten is let go before it loses patience.
TIMEOUTS = {"hello": "2s", "handshake": "2s", "connect": "1s", "idle": "3s", "half-closed": "1s",
            "shutdown": "2s"}

rude.WAIT_S = PATIENCE_S


class Violation(Exception):
    """What must never be, whatever fails."""


class Site:
    """One daemon with three frontends: up (request, end, answer), down (answer and end), cut (for
    clients that do not say goodbye)."""

    def __init__(self, directory, certificate, driver, **settings):
        self.directory = pathlib.Path(directory)
        self.certificate = certificate
        self.lied_to = []
        # A line of the log may be lost with a fault, so that ports must be known beforehand; an
        # address of one's own has them all free.
        self.host = "127." + ".".join(str(random.randint(1, 254)) for _ in range(3))
        self.ports = {name: 4430 + i for i, name in enumerate(FRONTENDS)}
        scripts = {"up": self.answer_whole_request, "down": backends.answer_and(DOWN, "fin"),
                   "cut": self.expect_no_clean_end, "echo": backends.echo,
                   "new": backends.answer_and(NEW, "fin")}
        self.servers = {name: backends.Server(script, host=self.host)
                        for name, script in scripts.items()}
        self.settings = {"io": driver, "workers": 1, "allow-root": True, "timeouts": TIMEOUTS,
                         "frontends": [self.frontend(name) for name in FRONTENDS[:4]],
                         "backends": [self.backend(name, name) for name in self.servers],
                         **settings}
        self.settings = {key: value for key, value in self.settings.items() if value is not None}
        self.proxy = None
        self.end_fault = None  # where strace came later it can go earlier
        self.loses_lines = False  # of the log, with the fault
        self.failures = []

    def frontend(self, name, backend=None):
        return {"name": name, "listen": [f"{self.host}:{self.ports.get(name, 0)}"],
                "backend": backend or name, "pem-file": self.certificate}

    def backend(self, name, server):
        return {"name": name, "servers": [{"address": self.servers[server].address}]}

    def text(self):
        return "".join(proxy_module.setting(key, value) for key, value in self.settings.items())

    def start(self, wrapper=()):
        self.proxy = proxy_module.Proxy(self.directory, self.text(), wrapper=wrapper)

    # --- servers that know what must not be ---

    def answer_whole_request(self, conversation):
        data, end = conversation.receive_until_end()
        if end == "fin" and data != UP:
            self.lied_to.append(f"a server got a clean end after {len(data)} of {len(UP)} bytes")
        if not UP.startswith(data):
            self.lied_to.append("a server got wrong bytes")
        if end == "fin":
            conversation.send(AFTER)

    def expect_no_clean_end(self, conversation):
        data, end = conversation.receive_until_end()
        if end == "fin" and data:
            self.lied_to.append("a server got a clean end from a client that said no goodbye")

    # --- clients ---

    def up(self):
        """Request, goodbye, and the answer that comes after it."""
        def talk(client):
            client.send(UP)
            client.goodbye()
            return client.receive_until_end()
        return self.session("up", talk, AFTER)

    def down(self, expected=(DOWN,)):
        """The server speaks first and ends first."""
        def talk(client):
            answer = client.receive_until_end()
            client.goodbye()
            return answer
        return self.session("down", talk, *expected)

    def cut(self):
        """FIN without close_notify: the server must not take it for an end."""
        def talk(client):
            client.send(b"half a request")
            client.fin()
            client.receive_until_end()
            return b"", "goodbye"
        return self.session("cut", talk, b"")

    def session(self, name, talk, *expected):
        """True when all came; a failure is noted, a lie is raised."""
        try:
            with rude.Client(self.ports[name], host=self.host) as client:
                client.handshake()
                data, how = talk(client)
        except (TimeoutError, ssl.SSLWantReadError) as error:
            raise Violation(f"a client of {name} was left waiting: {error}") from None
        except (OSError, EOFError, ssl.SSLError) as error:
            self.failures.append(f"{name}: {type(error).__name__} {error}")
            return False
        if not any(one.startswith(data) for one in expected):
            raise Violation(f"a client of {name} got wrong bytes")
        if how == "goodbye" and data not in expected:
            raise Violation(f"a client of {name} got a clean end after {len(data)} bytes")
        if how != "goodbye":
            self.failures.append(f"{name}: {how} after {len(data)} bytes")
        return how == "goodbye"

    def honest_clients(self, down=(DOWN,)):
        """Once the fault has passed everyone is served. It may strike only now, and costs a
        connection each time; check() sees that it cost no more."""
        for _ in range(TRIES_MAX):
            if self.has_ended() or (self.up() and self.down(down)):
                return
        raise Violation(f"after the fault clients are not served: {self.failures[-4:]}")

    # --- the process ---

    def pid(self):
        """Of the daemon: it is strace's only child where strace started it."""
        pid = self.proxy.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
        words = children.read_text().split() if children.exists() else []
        return int(words[0]) if words else pid

    def wait_until_ready(self):
        """False when it ended instead. The line that says so may have been lost."""
        for _ in range(int(PATIENCE_S / SILENCE_S)):
            try:
                self.proxy.wait_for_line(r"\bready ", timeout=SILENCE_S)
                return True
            except AssertionError:
                if self.has_ended():
                    return False
            if self.session("echo", say_goodbye, b""):
                return True
            self.failures.pop()
        raise Violation("it neither starts nor ends")

    def has_ended(self):
        return self.proxy.lines[-1:] == [None]

    def look_for_spin(self, pid):
        """Nothing to do must cost nothing."""
        try:
            before = cpu_seconds(pid)
            time.sleep(SPIN_WINDOW_S)
            share = (cpu_seconds(pid) - before) / SPIN_WINDOW_S
        except FileNotFoundError:
            return
        if share > SPIN_SHARE_MAX:
            raise Violation(f"it spins: {share:.0%} of a processor with nothing to do")

    def end(self, pid, codes=(0,)):
        """TERM, which must be enough."""
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        self.wait(codes)

    def wait(self, codes):
        try:
            code = self.proxy.wait(PATIENCE_S)
        except Exception:
            raise Violation("it does not end") from None
        said = "\n".join(self.proxy.said())
        if code not in codes:
            raise Violation(f"exit code {code}, not one of {codes}")
        if code not in (0, 4) and "error:" not in said and "error while loading" not in said:
            raise Violation(f"exit code {code} without a word why")

    def check(self, injected):
        """After the end: what was said, and how many clients paid for how many faults."""
        said = "\n".join(self.proxy.said())
        for bad in proxy_module.BAD:
            if bad in said:
                raise Violation(bad)
        if self.lied_to:
            raise Violation("; ".join(self.lied_to))
        if len(self.failures) > injected:
            raise Violation(f"{injected} faults cost {len(self.failures)} clients: "
                            f"{self.failures}")

    def stop(self):
        for server in self.servers.values():
            server.stop()


def say_goodbye(client):
    client.goodbye()
    return client.receive_until_end()


def cpu_seconds(pid):
    words = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


