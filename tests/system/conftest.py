"""Fixtures: the driver under test, certificates, a proxy that is looked after, and backends."""

import os
import pathlib
import tempfile

import pytest

import backends
import certificates
import proxy as proxy_module

DRIVERS = os.environ.get("SALLYPORT_DRIVERS", "io_uring,epoll").split(",")


def pytest_configure(config):
    config.addinivalue_line("markers", "basic: a quick look at everything")
    config.addinivalue_line("markers", "release: what only an optimized build can show")
    config.addinivalue_line("markers", "threads: what threads do beside one another")


@pytest.fixture(scope="session")
def certs():
    with tempfile.TemporaryDirectory(prefix="sallyport-certificates-") as directory:
        yield certificates.Certificates(directory)


@pytest.fixture(params=DRIVERS)
def driver(request):
    return request.param


@pytest.fixture
def directory():
    with tempfile.TemporaryDirectory(prefix="sallyport-test-") as path:
        yield pathlib.Path(path)


@pytest.fixture
def start(directory):
    """start(text, ...) gives a Proxy, not waited for; all are ended and checked afterwards."""
    started = []

    def start_one(text, **options):
        place = directory / f"proxy{len(started)}"
        place.mkdir()
        started.append(proxy_module.Proxy(place, text, **options))
        return started[-1]

    yield start_one
    for one in started:
        one.finish()


@pytest.fixture
def serve(start, driver, certs):
    """serve(backend, frontend = {...}, ...) gives a ready Proxy with one frontend named web.

    `backend` is a server of backends.py, an address, or a list of either.
    """

    def serve_one(backend, frontend=None, options=None, arguments=(), environment=None,
                  wrapper=(), **settings):
        servers = backend if isinstance(backend, (list, tuple)) else [backend]
        settings = {
            "io": driver,
            "workers": 2,
            "allow_root": True,
            "frontends": [{"name": "web", "listen": ["127.0.0.1:0"], "backend": "app",
                           "pem-file": certs.get().pem_path, **(frontend or {})}],
            "backends": [{"name": "app",
                          "servers": [server_group(one) for one in servers],
                          **(options or {})}],
            **settings,
        }
        text = proxy_module.configuration(**settings)
        return start(text, arguments=arguments, environment=environment,
                     wrapper=wrapper).wait_until_ready()

    return serve_one


def server_group(server):
    if isinstance(server, dict):
        return server
    return {"address": getattr(server, "address", server)}


@pytest.fixture
def backend():
    """backend(kind, ...) starts a scripted server of backends.py, ended afterwards."""
    started = []

    def start_one(script, **options):
        started.append(backends.Server(script, **options))
        return started[-1]

    yield start_one
    for one in started:
        one.stop()
