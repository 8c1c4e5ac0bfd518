"""What only a build without sanitizers can show: how the binary is hardened, and what happens when a
tracer stretches its turns (LeakSanitizer allows no tracer)."""

import signal
import subprocess
import time

import pytest

import proxy as proxy_module

pytestmark = pytest.mark.release


def readelf(flag):
    return subprocess.run(["readelf", "-W", flag, proxy_module.BINARY], check=True,
                          capture_output=True, text=True).stdout


def test_the_binary_is_hardened():
    dynamic, headers, symbols = readelf("-d"), readelf("-l"), readelf("--dyn-syms")
    if "__asan_init" in symbols:
        pytest.skip("a build with sanitizers")
    assert "BIND_NOW" in dynamic or "NOW" in dynamic
    assert "PIE" in readelf("-h") or "DYN" in readelf("-h")
    assert "GNU_RELRO" in headers
    stack = next(line for line in headers.splitlines() if "GNU_STACK" in line)
    assert "RWE" not in stack
    assert "__stack_chk_fail" in symbols
    assert "_chk@" in symbols.replace("__stack_chk", "")


def test_a_signal_in_the_last_turn_changes_nothing(serve, driver):
    """The control thread hears in one turn that the last worker is empty, and of a second TERM."""
    proxy = serve("builtin:echo")
    if proxy.is_sanitized():
        pytest.skip("a build with sanitizers")
    wait = {"epoll": "epoll_pwait2", "io_uring": "io_uring_enter"}[driver]
    tracer = subprocess.Popen(["strace", "-qq", "-o", "/dev/null", "-e", f"trace={wait}", "-e",
                               f"inject={wait}:delay_exit=300ms", "-p", str(proxy.pid)])
    try:
        wait_for_tracer(proxy)
        proxy.send(signal.SIGTERM)
        proxy.wait_for_line("draining")
        time.sleep(0.15)  # its next wait is over by now, and held
        proxy.send(signal.SIGTERM)
        assert proxy.wait() == 0
        assert not any("again" in line for line in proxy.said())
    finally:
        tracer.terminate()
        tracer.wait()


def wait_for_tracer(proxy):
    until = time.monotonic() + proxy_module.PATIENCE_S
    while proxy.status("TracerPid") == "0":
        assert time.monotonic() < until
        time.sleep(0.01)
