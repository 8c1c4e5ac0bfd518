"""Scripted plaintext servers: one thread a connection, running a function that is the script."""

import hashlib
import os
import socket
import struct
import threading

WAIT_S = 30 * int(os.environ.get("SALLYPORT_SLOWNESS", "1"))


class Server:
    """Runs script(connection) for each connection. `seen` collects what scripts note."""

    def __init__(self, script, path=None, host="127.0.0.1"):
        self.script = script
        self.seen = []
        self.news = threading.Condition()
        self.path = path
        if path is not None:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(path))
            os.chmod(path, 0o777)
            self.address = f"unix:{path}"
        else:
            self.listener = socket.socket()
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind((host, 0))
            self.address = f"{host}:{self.listener.getsockname()[1]}"
        self.listener.listen(512)
        self.accepted = 0
        self.over = threading.Event()
        self.open = set()
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            connection.settimeout(WAIT_S)
            self.open.add(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            self.script(Conversation(self, connection))
        except OSError as error:
            self.note(("error", type(error).__name__))
        finally:
            self.open.discard(connection)
            connection.close()

    def note(self, fact):
        with self.news:
            self.seen.append(fact)
            self.news.notify_all()

    def wait_for(self, count=1, timeout=WAIT_S):
        """Until `count` facts were noted; returns them all."""
        with self.news:
            assert self.news.wait_for(lambda: len(self.seen) >= count, timeout), self.seen
            return list(self.seen)

    def stop(self):
        self.over.set()
        if self.thread.is_alive():
            self.listener.shutdown(socket.SHUT_RDWR)  # or it would wait in accept for ever
            self.thread.join(WAIT_S)
        self.listener.close()
        for connection in list(self.open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        if self.path is not None:
            os.unlink(self.path)


class Conversation:
    """One connection, as scripts see it."""

    def __init__(self, server, connection):
        self.server = server
        self.socket = connection

    def note(self, *fact):
        self.server.note(fact)

    def receive_until_end(self):
        """Everything up to the end: (bytes, "fin") or (bytes, "reset")."""
        parts = []
        try:
            while part := self.socket.recv(65536):
                parts.append(part)
        except ConnectionResetError:
            return b"".join(parts), "reset"
        return b"".join(parts), "fin"

    def receive_exactly(self, count):
        parts = []
        while count > 0:
            part = self.socket.recv(min(count, 65536))
            if not part:
                raise EOFError
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def send(self, data):
        self.socket.sendall(data)

    def end(self):
        """FIN; receiving goes on."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        reset(self.socket)


def reset(connection):
    """RST: closing with a linger of zero seconds."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def digest(data):
    return hashlib.sha256(data).hexdigest()


# --- scripts -------------------------------------------------------------------------------------

def echo(conversation):
    """Sends back what comes until the end, then ends."""
    try:
        while part := conversation.socket.recv(65536):
            conversation.send(part)
        conversation.note("fin")
    except ConnectionResetError:
        conversation.note("reset")


def collect(conversation):
    """Notes all that came and how it ended."""
    data, end = conversation.receive_until_end()
    conversation.note(data, end)


def hold(conversation):
    """Says nothing, reads nothing, until the proxy gives up."""
    data, end = conversation.receive_until_end()
    conversation.note(len(data), end)


def stay(conversation):
    """Neither answers nor ends, whatever the proxy does."""
    conversation.server.over.wait(WAIT_S)


def reset_at_once(conversation):
    conversation.reset()


def answer_after_end(answer):
    """Reads the whole request first; then answers and ends."""
    def script(conversation):
        data, end = conversation.receive_until_end()
        conversation.note(data, end)
        if end == "fin":
            conversation.send(answer)
    return script


def answer_and(answer, how):
    """Speaks first, then ends ("fin"), resets ("reset") or stays ("stay")."""
    def script(conversation):
        conversation.send(answer)
        if how == "reset":
            conversation.receive_exactly(1)  # the client has the answer by now
            conversation.reset()
            return
        if how == "fin":
            conversation.end()
        data, end = conversation.receive_until_end()
        conversation.note(data, end)
    return script
