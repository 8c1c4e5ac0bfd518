"""System calls the daemon does not get, as on an older kernel or in a container."""

import errno

IO_URING_SETUP, EPOLL_PWAIT2 = 425, 441

REFUSE = """
import ctypes, os, struct, sys
# BPF: load the call's number; that one call fails, all else goes through.
number, code = int(sys.argv[1]), int(sys.argv[2])
code = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x50000 | code),
        (0x06, 0, 0, 0x7fff0000)]
program = b"".join(struct.pack("HBBI", *one) for one in code)
buffer = ctypes.create_string_buffer(program)
head = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code), ctypes.addressof(buffer)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, head, 0, 0) == 0
os.execv(sys.argv[3], sys.argv[3:])
"""


def refused(call, code=errno.EPERM):
    """A wrapper for Proxy: `call` fails with errno `code`."""
    return ["/usr/bin/python3", "-c", REFUSE, str(call), str(code)]
