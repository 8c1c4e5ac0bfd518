"""The daemon of tests/scarce, whose allocations fail when told."""

import mmap
import struct

import proxy as proxy_module

BINARY = proxy_module.BUILD.absolute() / "tests" / "scarce" / "sallyport-scarce"
LAYOUT = struct.Struct("=QQQQQ")  # struct scarce: first, last, count, failed, is_own
FOR_EVER = 2**63


class Orders:
    """What the daemon's allocator is told, and what it tells."""

    def __init__(self, path):
        self.path = path
        path.write_bytes(bytes(LAYOUT.size))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), LAYOUT.size)

    def fail(self, first, last=None, is_own=False):
        """From now on: allocation `first`, or all from there to `last`; of everybody's, or of the
        daemon's own code."""
        for offset, value in ((32, int(is_own)), (24, 0), (16, 0), (8, last or first), (0, first)):
            struct.pack_into("=Q", self.memory, offset, value)

    def end(self):
        """Memory is there again; how many allocations failed."""
        struct.pack_into("=Q", self.memory, 0, 0)
        return LAYOUT.unpack(self.memory)[3]

    def count(self):
        return LAYOUT.unpack(self.memory)[2]

    @property
    def environment(self):
        return {"SALLYPORT_SCARCE": str(self.path)}
