#!/usr/bin/env python3
"""Requests whose answers can be checked: bytes one way, their SHA-256 and other bytes back. The
server is a program of its own, so that it can be killed and so that a thousand connections are no
burden to the tests. Killed, it resets its connections: the kernel would else end one that had read
its request as if the answer was whole, and nobody could tell.

usage: checked.py PORT
"""

import asyncio
import contextlib
import hashlib
import socket
import struct
import sys

# What is wanted, bytes up, bytes down, and a number that decides which.
HEAD = struct.Struct(">cIIQ")
CHECK, FLOOD, HOLD = b"C", b"F", b"H"
DIGEST_BYTES = 32
# Not all at once: a thousand readers that do not read would fill what the kernel has for TCP.
FLOOD_PIECE, FLOOD_PAUSE_S = bytes(65536), 0.02
HOLD_S = 60
# What SO_LINGER takes (socket(7)): with zero seconds a close, and so a death, is a reset.
RESETS, ENDS = struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)


def body(seed, count):
    return hashlib.shake_128(seed.to_bytes(8, "big")).digest(count)


def request(seed, up, down):
    """What a client sends."""
    return HEAD.pack(CHECK, up, down, seed) + body(seed, up)


def answer(seed, up, down):
    """What it gets for it."""
    return hashlib.sha256(body(seed, up)).digest() + body(seed + 1, down)


def only(kind):
    """A request for bytes without end, or for none and for reading none."""
    return HEAD.pack(kind, 0, 0, 0)


async def converse(reader, writer):
    kind, up, down, seed = HEAD.unpack(await reader.readexactly(HEAD.size))
    while kind == FLOOD:
        writer.write(FLOOD_PIECE)
        await writer.drain()
        await asyncio.sleep(FLOOD_PAUSE_S)
    if kind == HOLD:
        await asyncio.sleep(HOLD_S)
        return
    came = hashlib.sha256(await reader.readexactly(up)).digest()
    writer.write(came + body(seed + 1, down))
    await writer.drain()
    await reader.read()  # the client ends first


async def serve_one(reader, writer):
    try:
        await converse(reader, writer)
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        with contextlib.suppress(OSError):  # who was reset is closed already
            linger(writer.get_extra_info("socket"), ENDS)
        writer.close()


def linger(sock, how):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, how)


async def serve(port):
    listener = socket.create_server(("127.0.0.1", port), backlog=4096)
    linger(listener, RESETS)  # what it accepts inherits this
    server = await asyncio.start_server(serve_one, sock=listener, backlog=4096)
    print("serving %d" % server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
