"""The daemon under test: starts the real binary, reads its log, and looks after its end."""

import os
import pathlib
import re
import shlex
import signal
import subprocess
import threading
import time

BUILD = pathlib.Path(os.environ.get("SALLYPORT_BUILD", "build"))
BINARY = BUILD.absolute() / "src" / "daemon" / "sallyport"

# What every daemon is started with, such as valgrind, and how many times longer all may take.
WRAPPER = shlex.split(os.environ.get("SALLYPORT_WRAPPER", ""))
SLOWNESS = int(os.environ.get("SALLYPORT_SLOWNESS", "1"))
# Sanitizers slow a start down, and many tests run at once.
PATIENCE_S = 20 * SLOWNESS
# What a daemon that is slowed down gives a client that waits for the processor, as the client does.
PATIENT_TIMEOUTS = {"hello": "60s", "handshake": "60s", "connect": "60s"}
FIELD = re.compile(r'(\w+)=("[^"]*"|\S*)')
BAD = ("broken requirement", "ERROR: AddressSanitizer", "runtime error:", "LeakSanitizer",
       "Sanitizer:DEADLYSIGNAL", "ThreadSanitizer")


def run(*arguments, timeout=PATIENCE_S, **options):
    """The binary, run to its end."""
    return subprocess.run([*WRAPPER, BINARY, *map(str, arguments)], capture_output=True, text=True,
                          timeout=timeout, stdin=subprocess.DEVNULL, **options)


def setting(name, value):
    """One libconfig setting: lists of groups, groups, lists of strings, strings, numbers."""
    return f"{name} = {literal(value)};\n"


def literal(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        return "{ " + "".join(setting(key, one) for key, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        is_groups = any(isinstance(one, dict) for one in value)
        inside = ", ".join(literal(one) for one in value)
        return f"( {inside} )" if is_groups else f"[ {inside} ]"
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def configuration(**settings):
    """Keys are written with underscores here and with hyphens there."""
    if SLOWNESS > 1:
        settings["timeouts"] = {**PATIENT_TIMEOUTS, **settings.get("timeouts", {})}
    return "".join(setting(key.replace("_", "-"), value) for key, value in settings.items())


def fields(line):
    """The key=value words of a log line."""
    return {key: value.strip('"') for key, value in FIELD.findall(line)}


class Proxy:
    def __init__(self, directory, text, arguments=(), environment=None, wrapper=(),
                 binary=BINARY):
        self.lines = []
        self.ended = []  # the `conn` lines, taken apart
        self.news = threading.Condition()
        self.directory = pathlib.Path(directory)
        self.config_path = self.directory / "sallyport.conf"
        self.config_path.write_text(text)
        command = [*wrapper, *WRAPPER, binary, "-c", self.config_path, *arguments]
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        env=dict(os.environ, **(environment or {})),
                                        cwd=self.directory)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.code = None
        self.codes = (0, 1, 3, 4)  # with which it may end

    @property
    def pid(self):
        return self.process.pid

    def read(self):
        for line in self.process.stdout:
            text = line.decode("utf-8", "backslashreplace").rstrip("\n")
            with self.news:
                self.lines.append(text)
                if text.startswith("conn "):
                    self.ended.append(fields(text))
                self.news.notify_all()
        with self.news:
            self.lines.append(None)
            self.news.notify_all()

    # --- what it says ---

    def said(self):
        with self.news:
            return [line for line in self.lines if line is not None]

    def wait_for(self, predicate, what, timeout=PATIENCE_S):
        """Until predicate() is true; returns what it returned."""
        until = time.monotonic() + timeout
        with self.news:
            while True:
                found = predicate()
                if found:
                    return found
                is_over = bool(self.lines) and self.lines[-1] is None
                left = until - time.monotonic()
                if is_over or left <= 0:
                    said = "\n".join(line for line in self.lines if line is not None)
                    state = "ended" if is_over else "time is over"
                    raise AssertionError(f"{what} did not come ({state}); it said:\n{said}")
                self.news.wait(left)

    def wait_for_line(self, pattern, timeout=PATIENCE_S):
        found = re.compile(pattern)

        def find():
            lines = (line for line in self.lines if line is not None)
            return next((match for match in map(found.search, lines) if match), None)

        return self.wait_for(find, f"a line like {pattern!r}", timeout)

    def wait_until_ready(self):
        self.wait_for_line(r"\bready ")
        return self

    def port(self, frontend="web", family="127.0.0.1"):
        line = self.wait_for_line(
            rf"listening frontend={frontend} address={re.escape(family)}:(\d+)")
        return int(line.group(1))

    def connections(self):
        """The `conn` lines of the access log so far."""
        with self.news:
            return list(self.ended)

    def wait_for_ends(self, count=1, timeout=PATIENCE_S):
        """The first `count` connections that ended."""
        return self.wait_for(lambda: len(self.ended) >= count and self.ended[:count],
                             f"{count} ended connections", timeout)

    def wait_for_end(self, timeout=PATIENCE_S):
        return self.wait_for_ends(1, timeout)[0]

    # --- what it costs ---

    def status(self, key):
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return next(line.split(":", 1)[1].strip() for line in text.splitlines()
                    if line.startswith(key + ":"))

    def cpu_seconds(self):
        words = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def is_sanitized(self):
        """Sanitizers keep what is freed, so memory says nothing then."""
        return "asan" in pathlib.Path(f"/proc/{self.pid}/maps").read_text()

    # --- its end ---

    def send(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=PATIENCE_S):
        if self.code is None:
            self.code = self.process.wait(timeout)
            self.reader.join(timeout)
            if not self.reader.is_alive():
                self.process.stdout.close()
        return self.code

    def stop(self, number=signal.SIGINT, timeout=PATIENCE_S):
        self.send(number)
        return self.wait(timeout)

    def finish(self):
        """After a test: ends it if the test did not, and sees that nothing went wrong unseen."""
        if self.code is None and self.process.poll() is None:
            self.send(signal.SIGINT)
        try:
            self.wait()
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        said = "\n".join(self.said())
        for bad in BAD:
            assert bad not in said, said
        assert self.code in self.codes, f"exit code {self.code}:\n{said}"
