"""Clients that do not behave: nothing breaks, nobody else suffers, and the log says what it was."""

import os
import re
import select
import socket
import ssl
import subprocess
import time

import pytest

import backends
import rude

FLOOD_COUNT = 400


def test_a_hello_in_single_bytes_is_as_good_as_any(serve, backend):
    proxy = serve(backend(backends.echo))
    with rude.Client(proxy.port(), piece=1) as client:
        client.handshake()
        client.send(b"slow but sure")
        assert client.receive_exactly(13) == b"slow but sure"


@pytest.mark.parametrize("bytes_sent", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00" * 64,
                                        b"\x80\x2e\x01\x00\x02" + b"\x00" * 60,
                                        b"SSH-2.0-OpenSSH_9.2\r\n"])
def test_what_is_no_tls_is_refused_and_named(serve, bytes_sent):
    proxy = serve("builtin:echo")
    with socket.create_connection(("127.0.0.1", proxy.port()), 20) as connection:
        connection.sendall(bytes_sent)
        rude.wait_for_end(connection)
    end = proxy.wait_for_end()
    assert end["end"] == "hello_invalid"
    assert (end["srv"], end["in"], end["out"]) == ("-", "0", "0")


def test_a_hello_that_announces_too_much_is_refused_when_it_does(serve):
    proxy = serve("builtin:echo")
    with socket.create_connection(("127.0.0.1", proxy.port()), 20) as connection:
        connection.sendall(b"\x16\x03\x01\x40\x00" + b"\x01\x01\xff\xff" + b"\x03\x03" + bytes(100))
        rude.wait_for_end(connection)
    assert proxy.wait_for_end()["end"] == "hello_invalid"


def test_a_client_that_says_nothing_and_leaves_makes_no_line(serve):
    proxy = serve("builtin:echo")
    for _ in range(5):
        socket.create_connection(("127.0.0.1", proxy.port()), 20).close()
    with rude.connect(proxy.port()) as client:
        client.goodbye()
        client.receive_until_end()
    proxy.wait_for_ends(1)
    assert len(proxy.connections()) == 1


def test_a_nasty_name_stays_one_word_on_one_line(serve):
    proxy = serve("builtin:echo")
    hello = hello_for(b'x\n" end=client_close \\')
    with socket.create_connection(("127.0.0.1", proxy.port()), 20) as connection:
        connection.sendall(hello)
        select.select([connection], [], [], 5)
    line = proxy.wait_for_line("^conn ").string
    assert len(re.findall(r" end=", line)) == 1
    assert all(" " <= character <= "~" for character in "".join(proxy.said()))


def hello_for(name):
    """A ClientHello whose server name is replaced by another of any bytes."""
    stand_in = b"a" * len(name)
    client = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = rude.context().wrap_bio(*client, server_hostname=stand_in.decode())
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = client[1].read()
    assert hello.count(stand_in) == 1
    return hello.replace(stand_in, name)


def test_a_key_update_is_answered_and_bytes_go_on(serve, backend):
    proxy = serve(backend(backends.echo))
    process = subprocess.Popen(["openssl", "s_client", "-tls1_3", "-connect",
                                f"127.0.0.1:{proxy.port()}"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        # Each in a read of its own, or s_client takes a command for text.
        for line, answer in ((b"before\n", b"before"), (b"K\n", b"KEYUPDATE"),
                             (b"after\n", b"after"), (b"k\n", b"KEYUPDATE"),
                             (b"last words\n", b"last words")):
            process.stdin.write(line)
            process.stdin.flush()
            await_output(process, answer)
        process.stdin.write(b"Q\n")
        process.stdin.flush()
        process.communicate(timeout=20)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def await_output(process, answer):
    said, until = b"", time.monotonic() + 20
    while answer not in said:
        readable, _, _ = select.select([process.stdout], [], [], max(0, until - time.monotonic()))
        more = os.read(process.stdout.fileno(), 4096) if readable else b""
        assert more, f"no {answer} in {said}"
        said += more


def test_renegotiation_is_refused(serve, backend):
    proxy = serve(backend(backends.echo))
    said = subprocess.run(["openssl", "s_client", "-tls1_2", "-connect",
                           f"127.0.0.1:{proxy.port()}"], input=b"R\n", capture_output=True,
                          timeout=30)
    assert b"RENEGOTIATING" in said.stdout + said.stderr
    assert proxy.wait_for_end()["end"] in ("tls_error", "client_close", "tls_truncated")


def test_garbage_after_the_handshake_is_a_tls_error_and_no_clean_end(serve, backend):
    server = backend(backends.collect)
    proxy = serve(server)
    with rude.connect(proxy.port()) as client:
        client.send(b"good")
        client.socket.sendall(b"\x17\x03\x03\x00\x30" + b"\xaa" * 48)
        client.receive_until_end_of_any_kind()
    data, how = server.wait_for()[0]
    assert b"good".startswith(data) and how == "reset"
    end = proxy.wait_for_end()
    assert end["end"] == "tls_error"
    assert end["alert"] == "sent:bad_record_mac(20)"


def test_a_flood_of_failures_is_logged_in_moderation(serve):
    proxy = serve("builtin:echo")
    for _ in range(FLOOD_COUNT):
        with socket.create_connection(("127.0.0.1", proxy.port()), 20) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            rude.wait_for_end(connection)
    proxy.wait_for_ends(FLOOD_COUNT)
    proxy.wait_for_line("suppressed=")
    told = [line for line in proxy.said() if line.startswith("hs_fail ")]
    assert len(told) < FLOOD_COUNT / 2


def test_a_thousand_silent_clients_do_not_delay_an_honest_one(serve, backend):
    proxy = serve(backend(backends.echo))
    silent = [socket.create_connection(("127.0.0.1", proxy.port()), 20) for _ in range(1000)]
    with rude.connect(proxy.port()) as client:
        client.send(b"hello")
        assert client.receive_exactly(5) == b"hello"
    for one in silent:
        one.close()


def test_clients_that_never_read_do_not_stop_others(serve, backend):
    def flood(conversation):
        try:
            while True:
                conversation.send(b"f" * 65536)
        except OSError:
            conversation.note("over")

    proxy = serve(backend(flood))
    deaf = [rude.connect(proxy.port(), buffer_bytes=4096) for _ in range(20)]
    with rude.connect(proxy.port()) as client:
        client.receive_exactly(2_000_000)
    assert int(proxy.status("VmRSS").split()[0]) < 600_000  # KiB, sanitizers and all
    for one in deaf:
        one.close()
