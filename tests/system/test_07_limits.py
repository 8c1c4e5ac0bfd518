"""Limits: connections, descriptors, memory. What does not fit waits, and nothing spins."""

import socket
import time

import pytest

import backends
import rude
import siege

BUSY_CPU_S = 0.5
BURST_BYTES = 10 << 20


def test_more_clients_than_max_connections_wait_and_are_served_later(serve, backend):
    proxy = serve(backend(backends.echo), max_connections=3)
    first = [rude.connect(proxy.port()) for _ in range(3)]
    late = rude.Client(proxy.port())
    late.socket.settimeout(0.7)
    with pytest.raises(TimeoutError):
        late.handshake()
    late.socket.settimeout(rude.WAIT_S)
    first[0].close()
    late.handshake()
    late.send(b"at last")
    assert late.receive_exactly(7) == b"at last"
    for one in first[1:] + [late]:
        one.close()


def test_a_full_proxy_does_not_spin(serve, backend):
    proxy = serve(backend(backends.echo), max_connections=2)
    held = [rude.connect(proxy.port()) for _ in range(2)]
    waiting = [rude.Client(proxy.port()) for _ in range(10)]
    time.sleep(0.3)
    before = proxy.cpu_seconds()
    time.sleep(2)
    assert proxy.cpu_seconds() - before < BUSY_CPU_S
    for one in held + waiting:
        one.close()


def test_an_idle_proxy_does_not_spin(serve, backend):
    proxy = serve(backend(backends.echo))
    held = [rude.connect(proxy.port()) for _ in range(10)]
    before = proxy.cpu_seconds()
    time.sleep(2)
    assert proxy.cpu_seconds() - before < BUSY_CPU_S
    for one in held:
        one.close()


def test_a_few_descriptors_serve_a_few_clients_and_it_recovers(serve, backend):
    proxy = serve(backend(backends.echo), wrapper=["prlimit", "--nofile=64:64"],
                  max_connections=1000)
    clients = []
    for _ in range(60):
        clients.append(socket.create_connection(("127.0.0.1", proxy.port()), 20))
    time.sleep(0.5)
    before = proxy.cpu_seconds()
    time.sleep(2)
    assert proxy.cpu_seconds() - before < BUSY_CPU_S
    for one in clients:
        one.close()
    with rude.connect(proxy.port()) as client:
        client.send(b"recovered")
        assert client.receive_exactly(9) == b"recovered"


def test_the_limit_follows_from_the_descriptors_when_none_is_set(serve, backend):
    proxy = serve(backend(backends.echo), wrapper=["prlimit", "--nofile=64:64"])
    number = int(proxy.wait_for_line(r"connections max=(\d+)").group(1))
    assert 5 <= number < 32


@pytest.mark.basic
def test_two_thousand_idle_clients_are_held(serve, backend):
    proxy = serve(backend(backends.echo))
    tls = rude.context()
    clients = [rude.connect(proxy.port(), tls=tls) for _ in range(2000)]
    for client in clients[::100]:
        client.send(b"x")
        assert client.receive_exactly(1) == b"x"
    for client in clients:
        client.reset()
    assert len(proxy.wait_for_ends(2000, timeout=60)) == 2000


def test_a_frontend_may_have_a_limit_of_its_own(serve, backend):
    proxy = serve(backend(backends.echo), {"max-connections": 1}, workers=1)
    held = rude.connect(proxy.port())
    late = rude.Client(proxy.port())
    late.socket.settimeout(0.5)
    with pytest.raises(TimeoutError):
        late.handshake()
    held.close()
    late.socket.settimeout(rude.WAIT_S)
    late.handshake()
    late.close()


@pytest.mark.release
def test_the_buffers_of_a_burst_go_back_with_the_last_session(serve, backend):
    def flood(conversation):
        conversation.send(bytes(4_000_000))
        conversation.receive_until_end()

    proxy = serve(backend(flood), workers=1)
    if proxy.is_sanitized():
        pytest.skip("a build with sanitizers")
    tls = rude.context()
    first = rude.connect(proxy.port(), tls=tls)
    first.receive_exactly(4_000_000)
    first.reset()
    proxy.wait_for_end()
    before = siege.pss(proxy)
    # More than BURST_SESSIONS, and each is left with a buffer that its client does not read.
    deaf = [rude.connect(proxy.port(), tls=tls, buffer_bytes=4096) for _ in range(160)]
    proxy.wait_for(lambda: siege.pss(proxy) > before + BURST_BYTES, "memory of a burst")
    for one in deaf[1:]:
        one.reset()
    proxy.wait_for_ends(len(deaf))
    deaf[0].reset()
    proxy.wait_for_ends(len(deaf) + 1)
    time.sleep(0.2)
    assert siege.pss(proxy) < before + BURST_BYTES / 2
