"""What only an optimized build can show: how the binary is hardened."""

import subprocess

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
