"""Resumption: on any worker, across daemons that share keys or a secret, and no longer than it may."""

import base64
import os
import signal
import ssl
import time

import pytest

import proxy as proxy_module
import rude

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


def session_of(port, tls, session=None, name="localhost"):
    """Echoes a byte; returns whether the session was resumed, and the newest session."""
    with rude.connect(port, tls=tls, session=session, name=name) as client:
        client.send(b"x")
        assert client.receive_exactly(1) == b"x"
        client.goodbye()
        client.receive_until_end()
        return client.tls.session_reused, client.tls.session


@pytest.fixture
def client(request):
    return rude.context(maximum=request.param)


def secret_file(directory, name="secret", content=None):
    path = directory / name
    path.write_bytes(content if content is not None else os.urandom(48))
    path.chmod(0o600)
    return str(path)


@pytest.mark.parametrize("client", VERSIONS, indirect=True)
def test_a_hundred_sessions_in_a_hundred_resume_on_whichever_worker_comes(serve, client):
    proxy = serve("builtin:echo", workers=3)
    _, session = session_of(proxy.port(), client)
    for _ in range(100):
        reused, _ = session_of(proxy.port(), client, session)
        assert reused


@pytest.mark.basic
@pytest.mark.parametrize("client", VERSIONS, indirect=True)
def test_two_daemons_with_one_secret_resume_each_others_sessions(serve, client, directory):
    shared = {"ticket_secret": secret_file(directory), "ticket_fleet": "edge"}
    one, other = serve("builtin:echo", **shared), serve("builtin:echo", **shared)
    stranger = serve("builtin:echo", ticket_secret=shared["ticket_secret"], ticket_fleet="core")
    _, session = session_of(one.port(), client)
    assert session_of(other.port(), client, session)[0]
    assert not session_of(stranger.port(), client, session)[0]


@pytest.mark.parametrize("client", VERSIONS, indirect=True)
def test_sessions_outlive_a_restart_when_keys_come_from_a_secret(serve, client, directory):
    shared = {"ticket_secret": secret_file(directory)}
    before = serve("builtin:echo", **shared)
    _, session = session_of(before.port(), client)
    assert before.stop() == 0
    assert session_of(serve("builtin:echo", **shared).port(), client, session)[0]


@pytest.mark.parametrize("form", ("binary", "short", "base64"))
def test_two_daemons_with_one_key_file_resume_each_others_sessions(serve, directory, form):
    key = os.urandom(48 if form == "short" else 80)
    content = base64.b64encode(key) + b"\n" if form == "base64" else key
    shared = {"ticket_keys": [secret_file(directory, content=content)]}
    tls = rude.context()
    _, session = session_of(serve("builtin:echo", **shared).port(), tls)
    assert session_of(serve("builtin:echo", **shared).port(), tls, session)[0]


def test_a_reload_reads_key_files_again(serve, directory):
    old, new = os.urandom(80), os.urandom(80)
    path = secret_file(directory, content=base64.b64encode(old))
    proxy = serve("builtin:echo", ticket_keys=path)
    tls = rude.context()
    _, session = session_of(proxy.port(), tls)
    reload_with(proxy, path, base64.b64encode(new) + b"\n" + base64.b64encode(old), 1)
    reused, renewed = session_of(proxy.port(), tls, session)
    assert reused
    reload_with(proxy, path, base64.b64encode(new), 2)
    assert session_of(proxy.port(), tls, renewed)[0]
    assert not session_of(proxy.port(), tls, session)[0]


def test_a_key_file_that_went_bad_changes_nothing(serve, directory):
    path = secret_file(directory, content=base64.b64encode(os.urandom(80)))
    proxy = serve("builtin:echo", ticket_keys=path)
    tls = rude.context()
    _, session = session_of(proxy.port(), tls)
    with open(path, "w") as file:
        file.write("no key at all\n")
    proxy.send(signal.SIGHUP)
    proxy.wait_for_line(r'sallyport\.conf:\d+: error: ".*secret": line 1 is not base64 of a key')
    proxy.wait_for_line("reload failed, the configuration in use stays")
    assert session_of(proxy.port(), tls, session)[0]


def reload_with(proxy, path, content, count):
    with open(path, "wb") as file:
        file.write(content)
    proxy.send(signal.SIGHUP)
    proxy.wait_for_line(rf"reloaded count={count}\b")
    # Workers hear of new keys by mail, each in its next turn.
    time.sleep(0.3)


@pytest.mark.parametrize("client", VERSIONS, indirect=True)
def test_random_keys_rotate_and_old_tickets_are_renewed(serve, client):
    proxy = serve("builtin:echo", ticket_rotation="2s")
    _, session = session_of(proxy.port(), client)
    first = session
    for _ in range(3):
        time.sleep(2.2)
        reused, session = session_of(proxy.port(), client, session)
        assert reused
    # Three keys later the first one is unknown.
    assert not session_of(proxy.port(), client, first)[0]


@pytest.mark.parametrize("client", VERSIONS, indirect=True)
def test_a_chain_of_tickets_ends_with_the_lifetime(serve, client):
    proxy = serve("builtin:echo", session_lifetime="4s")
    reused, session = session_of(proxy.port(), client)
    assert not reused
    time.sleep(1)
    reused, session = session_of(proxy.port(), client, session)
    assert reused
    time.sleep(4.2)
    assert not session_of(proxy.port(), client, session)[0]


def without_tickets():
    tls = rude.context(maximum=ssl.TLSVersion.TLSv1_2)
    tls.options |= ssl.OP_NO_TICKET
    return tls


def test_clients_that_know_no_tickets_resume_on_any_worker_and_after_a_reload(serve):
    proxy = serve("builtin:echo", workers=3)
    tls = without_tickets()
    _, session = session_of(proxy.port(), tls)
    assert not session.has_ticket
    for _ in range(20):
        assert session_of(proxy.port(), tls, session)[0]
    proxy.send(signal.SIGHUP)
    proxy.wait_for_line("reloaded count=1")
    assert session_of(proxy.port(), tls, session)[0]


@pytest.mark.parametrize("settings", ({"session_cache": 0}, {"frontend": {"tickets": 0}}))
def test_without_a_session_cache_they_do_not(serve, settings):
    proxy = serve("builtin:echo", **settings)
    tls = without_tickets()
    _, session = session_of(proxy.port(), tls)
    assert not session_of(proxy.port(), tls, session)[0]


@pytest.mark.parametrize("client", VERSIONS, indirect=True)
def test_no_session_of_one_name_certificate_or_policy_resumes_at_another(serve, client, certs,
                                                                       directory):
    names = ["a.example", "b.example"]
    pem = certs.get("two", names=names).pem_path
    other = certs.get("three", kind="rsa", names=names).pem_path
    shared = {"ticket_secret": secret_file(directory)}
    frontends = {"plain": {"pem-file": pem}, "other-certificate": {"pem-file": other},
                 "old": {"pem-file": pem, "tls-policy": "old"},
                 "groups": {"pem-file": pem, "groups": "P-256"}}
    ports = {}
    for label, frontend in frontends.items():
        ports[label] = serve("builtin:echo", frontend=frontend, **shared).port()
    for made in frontends:
        for name in names:
            _, session = session_of(ports[made], client, name=name)
            for offered in frontends:
                for asked in names:
                    reused, _ = session_of(ports[offered], client, session, asked)
                    assert reused == ((made, name) == (offered, asked)), (made, name, offered,
                                                                          asked)


@pytest.mark.parametrize("content, said", [
    (b"short\n", "a secret has 32 to 1024 bytes, this one 5"),
    (b"\0" * 40, "the secret is all zeros"),
])
def test_a_bad_secret_is_refused_with_its_place(serve, directory, content, said):
    path = secret_file(directory, content=content)
    text = f'ticket-secret = "{path}";\n' + proxy_module.configuration(
        frontends=[{"listen": "127.0.0.1:0", "pem-file": "x", "backend": "b"}],
        backends=[{"name": "b", "servers": [{"address": "builtin:echo"}]}])
    config = directory / "bad.conf"
    config.write_text(text)
    ended = proxy_module.run("-t", "-c", config)
    assert ended.returncode == 3
    assert f'bad.conf:1: error: "{path}": {said}' in ended.stderr


def test_a_secret_can_be_a_credential_of_the_service_manager(serve, directory):
    secret_file(directory, "stek")
    environment = {"CREDENTIALS_DIRECTORY": str(directory)}
    shared = {"ticket_secret": "credential:stek", "environment": environment}
    tls = rude.context()
    _, session = session_of(serve("builtin:echo", **shared).port(), tls)
    assert session_of(serve("builtin:echo", **shared).port(), tls, session)[0]
