"""Every wait has a deadline, within a second of its value, and a reason in the log."""

import socket
import time

import pytest

import backends
import rude

SLACK_S = 1.0
SHORT = {"hello": "1s", "handshake": "2s", "connect": "1s", "idle": "1500ms", "half-closed": "1s"}


@pytest.fixture
def timed(serve, backend):
    def make(script=backends.hold, **timeouts):
        return serve(backend(script), timeouts={**SHORT, **timeouts})
    return make


def check_after(began, seconds):
    took = time.monotonic() - began
    assert seconds - 0.1 <= took <= seconds + SLACK_S, took


def silent(port):
    connection = socket.create_connection(("127.0.0.1", port), 20)
    return connection


def test_hello(timed):
    proxy = timed()
    began = time.monotonic()
    with silent(proxy.port()) as connection:
        connection.sendall(b"\x16\x03\x01\x02")  # the beginning of a record
        rude.wait_for_end(connection)
    check_after(began, 1)
    assert proxy.wait_for_end()["end"] == "hello_timeout"


def test_a_byte_now_and_then_does_not_extend_the_hello(timed):
    proxy = timed()
    began = time.monotonic()
    with silent(proxy.port()) as connection:
        connection.settimeout(0.2)
        with pytest.raises((ConnectionResetError, BrokenPipeError, EOFError)):
            for byte in b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100):
                connection.sendall(bytes([byte]))
                try:
                    if not connection.recv(1):
                        raise EOFError
                except TimeoutError:
                    pass
    check_after(began, 1)
    assert proxy.wait_for_end()["end"] == "hello_timeout"


def test_handshake(timed):
    proxy = timed()
    client = rude.Client(proxy.port())
    began = time.monotonic()
    with pytest.raises(Exception):
        client.tls.do_handshake()
    client.flush()  # the hello is out; its answer is not answered
    rude.wait_for_end(client.socket)
    client.close()
    check_after(began, 2)
    assert proxy.wait_for_end()["end"] == "hs_timeout"


def test_idle(timed):
    proxy = timed()
    with rude.connect(proxy.port()) as client:
        client.send(b"x")
        began = time.monotonic()
        client.receive_until_end()
    check_after(began, 1.5)
    assert proxy.wait_for_end()["end"] == "idle_timeout"


def test_bytes_in_either_direction_put_the_idle_deadline_off(timed):
    proxy = timed(backends.echo)
    with rude.connect(proxy.port()) as client:
        for _ in range(4):
            time.sleep(0.8)
            client.send(b"x")
            assert client.receive_exactly(1) == b"x"


def test_half_closed_by_the_client(timed):
    proxy = timed(backends.stay)
    with rude.connect(proxy.port()) as client:
        client.goodbye()
        began = time.monotonic()
        data, end = client.receive_until_end()
    check_after(began, 1)
    assert end != "goodbye"
    assert proxy.wait_for_end()["end"] == "half_closed_timeout"


def test_half_closed_by_the_server(timed):
    proxy = timed(backends.answer_and(b"bye", "fin"))
    with rude.connect(proxy.port()) as client:
        assert client.receive_until_end() == (b"bye", "goodbye")
        began = time.monotonic()
        rude.wait_for_end(client.socket)
        proxy.wait_for_end()
    check_after(began, 1)
    assert proxy.wait_for_end()["end"] == "half_closed_timeout"


def test_lifetime(timed):
    proxy = timed(backends.echo, lifetime="2s", idle="10s")
    began = time.monotonic()
    with rude.connect(proxy.port()) as client:
        client.receive_until_end()
    check_after(began, 2)
    assert proxy.wait_for_end()["end"] == "lifetime"


def test_connect(serve, blackhole):
    proxy = serve(blackhole, options={"retries": 0}, timeouts=SHORT)
    with rude.connect(proxy.port()) as client:
        began = time.monotonic()
        assert client.receive_until_end() == (b"", "reset")
    check_after(began, 1)
    assert proxy.wait_for_end()["end"] == "connect_timeout"


@pytest.fixture
def blackhole():
    """An address that answers nothing: a listener whose queue is full drops every SYN."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        fillers.append(filler)
    time.sleep(0.2)
    yield "127.0.0.1:%d" % listener.getsockname()[1]
    for filler in fillers:
        filler.close()
    listener.close()


def test_a_blackholed_server_is_passed_over_for_one_that_answers(serve, blackhole, backend):
    server = backend(backends.answer_and(b"here", "fin"))
    proxy = serve([blackhole, server], options={"balance": "first"}, timeouts=SHORT)
    with rude.connect(proxy.port()) as client:
        assert client.receive_until_end() == (b"here", "goodbye")


def test_shutdown(serve, backend):
    proxy = serve(backend(backends.echo), timeouts={"shutdown": "1s"})
    with rude.connect(proxy.port()) as client:
        client.send(b"x")
        client.receive_exactly(1)
        began = time.monotonic()
        proxy.send(15)
        assert proxy.wait() == 4
    check_after(began, 1)
    assert proxy.wait_for_end()["end"] == "drained"
