"""How connections end: nothing lost, and no clean end after an abort (invariants I1, I2, I3, I6)."""

import os
import socket
import ssl
import struct
import threading
import time

import pytest

import backends
import rude

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
MIB = 1 << 20


@pytest.fixture(params=VERSIONS, ids=["tls12", "tls13"])
def tls(request):
    return rude.context(maximum=request.param, minimum=request.param)


def test_a_reply_comes_whole_after_the_client_said_goodbye(serve, backend, tls):
    answer = os.urandom(MIB)
    server = backend(backends.answer_after_end(answer))
    proxy = serve(server)
    with rude.connect(proxy.port(), tls=tls) as client:
        client.send(b"the question")
        client.goodbye()
        data, end = client.receive_until_end()
    assert end == "goodbye"
    assert backends.digest(data) == backends.digest(answer)
    assert server.wait_for()[0] == (b"the question", "fin")
    assert proxy.wait_for_end()["end"] == "client_close"


def test_an_upload_goes_on_after_the_server_ended(serve, backend, tls):
    upload = os.urandom(MIB)
    server = backend(backends.answer_and(b"enough", "fin"))
    proxy = serve(server)
    with rude.connect(proxy.port(), tls=tls) as client:
        assert client.receive_until_end() == (b"enough", "goodbye")
        client.send(upload)
        client.goodbye()
        data, end = server.wait_for()[0]
    assert end == "fin"
    assert backends.digest(data) == backends.digest(upload)
    assert proxy.wait_for_end()["end"] == "server_close"


@pytest.mark.parametrize("policy, seen", [("reset", "reset"), ("fin", "fin")])
def test_a_client_that_ends_without_goodbye_is_no_clean_end(serve, backend, tls, policy, seen):
    def script(conversation):
        conversation.send(b"hello")
        data, end = conversation.receive_until_end()
        conversation.note(data, end)

    server = backend(script)
    proxy = serve(server, {"truncation": policy},
                  timeouts={"half-closed": "1s"})
    with rude.connect(proxy.port(), tls=tls) as client:
        assert client.receive_exactly(5) == b"hello"
        client.send(b"half a sentence")
        client.fin()
        assert server.wait_for()[0] == (b"half a sentence", seen)
    assert proxy.wait_for_end()["end"] == "tls_truncated"


def test_the_reply_still_comes_to_a_client_that_ended_without_goodbye(serve, backend):
    def script(conversation):
        conversation.receive_exactly(4)
        time.sleep(0.3)  # the client's FIN is there by now
        conversation.send(b"late" * 1000)
        conversation.end()
        data, end = conversation.receive_until_end()
        conversation.note(data, end)

    server = backend(script)
    proxy = serve(server)
    with rude.connect(proxy.port()) as client:
        client.send(b"ask!")
        client.fin()
        assert client.receive_until_end() == (b"late" * 1000, "goodbye")
    assert server.wait_for()[0] == (b"", "reset")


def test_a_reset_by_the_server_is_a_reset_for_the_client_after_all_its_bytes(serve, backend):
    server = backend(backends.answer_and(b"y" * 100_000, "reset"))
    proxy = serve(server)
    with rude.connect(proxy.port()) as client:
        assert client.receive_exactly(100_000) == b"y" * 100_000
        client.send(b"now")
        data, end = client.receive_until_end()
    assert (data, end) == (b"", "reset")
    assert not client.said_goodbye
    assert proxy.wait_for_end()["end"] == "server_reset"


def test_a_reset_by_the_client_is_a_reset_for_the_server(serve, backend):
    server = backend(backends.collect)
    proxy = serve(server)
    client = rude.connect(proxy.port())
    client.send(b"some")
    while proxy.descriptors() and not server.accepted:
        time.sleep(0.01)
    client.reset()
    assert server.wait_for()[0][1] == "reset"
    assert proxy.wait_for_end()["end"] == "client_reset"


def test_a_reply_during_the_upload_comes_whole_and_then_the_end(serve, backend):
    answer = b"HTTP/1.1 413 too much\r\n\r\n" + b"z" * 50_000

    def script(conversation):
        conversation.receive_exactly(10_000)
        conversation.send(answer)
        conversation.end()
        data, end = conversation.receive_until_end()
        conversation.note(len(data), end)

    server = backend(script)
    proxy = serve(server)
    with rude.connect(proxy.port()) as client:
        client.send(b"u" * 3_000_000)
        client.goodbye()
        assert client.receive_until_end() == (answer, "goodbye")
    assert server.wait_for()[0] == (2_990_000, "fin")


def test_a_server_that_dies_in_the_upload_never_looks_like_a_complete_answer(serve, backend):
    def script(conversation):
        conversation.receive_exactly(10_000)
        conversation.reset()

    proxy = serve(backend(script))
    with rude.connect(proxy.port()) as client:
        try:
            for _ in range(1000):
                client.send(b"u" * 16384)
            end = client.receive_until_end()[1]
        except (ConnectionResetError, BrokenPipeError):
            end = "reset"
    assert end == "reset"
    assert proxy.wait_for_end()["end"] == "server_reset"


def test_data_and_goodbye_in_one_segment_are_both_delivered(serve, backend, tls):
    server = backend(backends.collect)
    proxy = serve(server)
    with rude.connect(proxy.port(), tls=tls) as client:
        client.tls.write(b"last words")
        client.goodbye()  # flushes both together
        client.fin()
        assert client.receive_until_end() == (b"", "goodbye")
    assert server.wait_for()[0] == (b"last words", "fin")
    assert proxy.wait_for_end()["end"] == "client_close"


def test_nothing_is_left_open_when_sessions_are_over(serve, backend):
    proxy = serve(backend(backends.echo))
    before = proxy.descriptors()
    for how in ("goodbye", "reset", "close"):
        client = rude.connect(proxy.port())
        client.send(b"x")
        client.receive_exactly(1)
        if how == "goodbye":
            client.goodbye()
            client.receive_until_end()
            client.close()
        else:
            getattr(client, how)()
    proxy.wait_for_ends(2)
    proxy.send(2)
    proxy.wait_for_ends(3)
    assert proxy.wait() == 0
    assert before > 0


# struct tcp_info: tcpi_segs_in (linux/tcp.h).
SEGMENTS_IN_AT = 140


def segments(client):
    info = client.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return struct.unpack_from("=I", info, SEGMENTS_IN_AT)[0]


def test_close_notify_and_fin_are_one_segment(serve, backend, tls):
    told = threading.Event()

    def script(conversation):
        conversation.send(b"hello")
        assert told.wait(rude.WAIT_S)
        conversation.end()
        conversation.receive_until_end()

    proxy = serve(backend(script))
    with rude.connect(proxy.port(), tls=tls) as client:
        assert client.receive_exactly(5) == b"hello"
        before = segments(client)
        told.set()
        assert client.receive_until_end() == (b"", "goodbye")
        assert segments(client) - before == 1
        client.goodbye()
    assert proxy.wait_for_end()["end"] == "server_close"
