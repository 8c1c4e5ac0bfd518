"""Servers that are down, that die, that are many, or that live on a UNIX socket."""

import socket

import backends
import rude


def closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % taken.getsockname()[1]


def test_a_server_that_is_down_is_a_reset_and_no_empty_answer(serve):
    proxy = serve(closed_port())
    with rude.connect(proxy.port()) as client:
        assert client.receive_until_end() == (b"", "reset")
    assert proxy.wait_for_end()["end"] == "connect_refused"


def test_another_server_is_tried(serve, backend):
    server = backend(backends.answer_and(b"alive", "fin"))
    proxy = serve([closed_port(), closed_port(), server])
    for _ in range(6):
        with rude.connect(proxy.port()) as client:
            assert client.receive_until_end() == (b"alive", "goodbye")


def test_no_more_than_the_retries_are_made(serve, backend):
    server = backend(backends.answer_and(b"alive", "fin"))
    proxy = serve([closed_port(), closed_port(), server],
                  options={"retries": 1, "balance": "first"})
    with rude.connect(proxy.port()) as client:
        assert client.receive_until_end() == (b"", "reset")
    assert proxy.wait_for_end()["end"] == "connect_refused"


def test_a_server_that_resets_at_once_is_a_reset(serve, backend):
    proxy = serve(backend(backends.reset_at_once))
    with rude.connect(proxy.port()) as client:
        assert client.receive_until_end() == (b"", "reset")
    # The RST may come before we look whether the connection was made.
    assert proxy.wait_for_end()["end"] in ("server_reset", "connect_refused")


def test_servers_take_turns_by_weight(serve, backend):
    names = (b"a", b"b", b"c")
    servers = [backend(backends.answer_and(name, "fin")) for name in names]
    proxy = serve([{"address": server.address, "weight": weight}
                   for server, weight in zip(servers, (1, 1, 2))], workers=1)
    answers = []
    for _ in range(8):
        with rude.connect(proxy.port()) as client:
            answers.append(client.receive_until_end()[0])
    assert sorted(answers) == [b"a"] * 2 + [b"b"] * 2 + [b"c"] * 4


def test_a_backup_serves_only_when_nobody_else_does(serve, backend):
    main, backup = (backend(backends.answer_and(name, "fin")) for name in (b"main", b"backup"))
    proxy = serve([{"address": backup.address, "backup": True}, main])
    for expected in (b"main", b"main"):
        with rude.connect(proxy.port()) as client:
            assert client.receive_until_end()[0] == expected
    main.listener.shutdown(socket.SHUT_RDWR)
    main.listener.close()
    with rude.connect(proxy.port()) as client:
        assert client.receive_until_end()[0] == b"backup"


def test_a_server_may_be_on_a_unix_socket(serve, backend, directory):
    server = backend(backends.answer_after_end(b"q" * 200_000), path=directory / "server.sock")
    proxy = serve(server)
    with rude.connect(proxy.port()) as client:
        client.send(b"question")
        client.goodbye()
        assert client.receive_until_end() == (b"q" * 200_000, "goodbye")
    assert server.wait_for()[0] == (b"question", "fin")


def test_a_unix_socket_nobody_listens_on_is_refused(serve, directory):
    proxy = serve(f"unix:{directory}/nobody.sock")
    with rude.connect(proxy.port()) as client:
        assert client.receive_until_end() == (b"", "reset")
    assert proxy.wait_for_end()["end"] == "connect_refused"
