"""A TLS client with no manners of its own: it decides when to say goodbye, when to end, when to
reset, and how small the pieces are that it sends."""

import os
import socket
import ssl

import backends

WAIT_S = 20 * int(os.environ.get("SALLYPORT_SLOWNESS", "1"))


def context(maximum=None, minimum=None, alpn=()):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if maximum is not None:
        made.maximum_version = maximum
    if minimum is not None:
        made.minimum_version = minimum
    if alpn:
        made.set_alpn_protocols(list(alpn))
    return made


class Client:
    def __init__(self, port, tls=None, name="localhost", piece=None, host="127.0.0.1",
                 session=None, buffer_bytes=None):
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if buffer_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        self.socket.settimeout(WAIT_S)
        self.socket.connect((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.piece = piece
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.tls = (tls or context()).wrap_bio(self.incoming, self.outgoing,
                                               server_hostname=name, session=session)
        self.has_ended = False  # FIN came
        self.said_goodbye = False  # close_notify came

    # --- pieces ---

    def flush(self):
        data = self.outgoing.read()
        step = self.piece or max(len(data), 1)
        for start in range(0, len(data), step):
            self.socket.sendall(data[start:start + step])

    def fill(self):
        """Receives once; False at the end."""
        data = self.socket.recv(65536)
        if data:
            self.incoming.write(data)
        else:
            self.has_ended = True
        return bool(data)

    def handshake(self):
        while True:
            try:
                self.tls.do_handshake()
                self.flush()
                return self
            except ssl.SSLWantReadError:
                self.flush()
                if not self.fill():
                    raise EOFError("the end in the handshake") from None
            except ssl.SSLError:
                self.flush()
                raise

    def send(self, data):
        view = memoryview(data)
        while view:
            written = self.tls.write(view[:16384])
            view = view[written:]
            self.flush()

    def receive(self):
        """Some plaintext; b"" at close_notify or FIN, whichever came (see said_goodbye)."""
        while True:
            try:
                data = self.tls.read(65536)
                if data:
                    return data
                self.said_goodbye = True
                return b""
            except ssl.SSLZeroReturnError:
                self.said_goodbye = True
                return b""
            except ssl.SSLWantReadError:
                self.flush()
                if self.has_ended or not self.fill():
                    return b""

    def receive_exactly(self, count):
        parts, left = [], count
        while left > 0:
            part = self.receive()
            if not part:
                raise EOFError(f"{left} of {count} bytes are missing")
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def receive_until_end(self):
        """(bytes, how): how is "goodbye", "fin" (without close_notify) or "reset"."""
        parts = []
        try:
            while part := self.receive():
                parts.append(part)
        except ConnectionResetError:
            return b"".join(parts), "reset"
        return b"".join(parts), "goodbye" if self.said_goodbye else "fin"

    def receive_until_end_of_any_kind(self):
        """Whatever the server does, alerts included."""
        try:
            self.receive_until_end()
        except ssl.SSLError:
            pass

    # --- ends ---

    def goodbye(self):
        """Sends close_notify, and goes on receiving."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            pass
        self.flush()

    def fin(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        backends.reset(self.socket)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def connect(port, **options):
    return Client(port, **options).handshake()


def wait_for_end(connection):
    """Of a plain socket: all that came and "fin" or "reset"."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        return b"".join(parts), "reset"
    return b"".join(parts), "fin"
