"""The control socket of a daemon under test: through sallyportctl, and by hand."""

import socket
import subprocess

import proxy as proxy_module

TOOL = proxy_module.BUILD.absolute() / "src" / "daemon" / "sallyportctl"
WAIT_S = proxy_module.PATIENCE_S


def tell(path, *words, tool=TOOL, **options):
    """The tool, run to its end."""
    return subprocess.run([tool, "--socket", path, *map(str, words)], capture_output=True, text=True,
                          timeout=100, stdin=subprocess.DEVNULL, **options)


def ask(path, *words):
    """The answer to a command that must be a good one."""
    done = tell(path, *words)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def ask_fields(path, *words):
    """The same for lines of one key=value each."""
    return proxy_module.fields(ask(path, *words))


class Connection:
    """A client without a tool."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(WAIT_S)
        self.socket.connect(str(path))
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def answer(self):
        """One answer without the empty line behind it; or what came until the end."""
        while True:
            if self.received.startswith(b"\n"):
                self.received = self.received[1:]
                return ""
            head, end, rest = self.received.partition(b"\n\n")
            if end:
                self.received = rest
                return head.decode() + "\n"
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                head, self.received = self.received, b""
                return head.decode()
            self.received += data

    def ask(self, line):
        self.send(line.encode() + b"\n")
        return self.answer()

    def is_closed(self):
        """Waits for the end."""
        return self.answer() == ""
