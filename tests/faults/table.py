"""Which system calls fail, how, and when. How often a scene makes a call is counted first, so that
every case is one that happens: `when` is spread from the first call of a thread to its last."""

import collections
import dataclasses
import re

# Of the catalogue: every call below is tried with each of them somewhere.
COMMON = ("EINTR", "EAGAIN", "ENOMEM", "EMFILE", "ENOBUFS", "EIO", "EPERM")
NETWORK = ("ENETUNREACH", "ETIMEDOUT")

# Errors that a call is known for, besides. A call that is not here is not made to fail: a close
# that does nothing leaves a connection open, which no kernel does; brk has no way to tell an error;
# futex, munmap, rt_sig* and exit are the C library's ground to stand on.
OWN = {
    "accept4": ("ECONNABORTED", "ENFILE", "EPROTO"),
    "bind": ("EADDRINUSE", "EACCES"),
    "capget": ("EINVAL",),
    "capset": ("EINVAL",),
    "chmod": ("EACCES",),
    "chown": ("EACCES",),
    "clone3": (),
    "connect": ("ECONNREFUSED", "EADDRNOTAVAIL", *NETWORK),
    "epoll_create1": ("ENFILE",),
    "epoll_ctl": ("ENOSPC",),
    "epoll_pwait2": ("ENOSYS", "EINVAL"),
    "eventfd2": ("ENFILE",),
    "fchmod": ("EACCES",),
    "fchown": ("EACCES",),
    "getpeername": ("ENOTCONN",),
    "getrandom": ("ENOSYS",),
    "getsockname": ("ENOTCONN",),
    "getsockopt": ("EINVAL",),
    "io_uring_enter": ("EBUSY", "EBADR"),
    "io_uring_register": ("EINVAL", "ENOSYS", "EEXIST"),
    "io_uring_setup": ("ENOSYS", "EINVAL"),
    "ioctl": ("EINVAL",),
    "lchown": ("EACCES",),
    "listen": ("EADDRINUSE",),
    "madvise": ("EINVAL",),
    "mmap": (),
    "mprotect": ("EACCES",),
    "newfstatat": ("ENOENT", "EACCES"),
    "openat": ("ENOENT", "EACCES", "ENFILE"),
    "prctl": ("EINVAL", "EACCES"),
    "pread64": (),
    "prlimit64": ("EINVAL",),
    "read": (),
    "recvfrom": ("ECONNRESET", *NETWORK),
    "rename": ("EACCES",),
    "sendto": ("ECONNRESET", "EPIPE", *NETWORK),
    "setgroups": ("EINVAL",),
    "setresgid": ("EINVAL",),
    "setresuid": ("EINVAL",),
    "setsockopt": ("EINVAL",),
    "setuid": ("EINVAL",),
    "shutdown": ("ENOTCONN",),
    "signalfd4": ("ENFILE",),
    "socket": ("ENFILE", "EACCES"),
    "socketpair": ("ENFILE",),
    "umask": (),
    "unlink": ("EACCES", "ENOENT"),
    "unlinkat": ("EACCES",),
    "write": ("EPIPE", "ENOSPC"),
    "writev": ("EPIPE", "ENOSPC"),
}
SET_ID = ("setgroups", "setresgid", "setresuid", "setuid", "prctl", "capset", "capget")

SCENES = {"start": ("auto", "io_uring", "epoll"), "drop": ("auto",),
          "serve": ("io_uring", "epoll"), "reload": ("io_uring", "epoll"),
          "drain": ("io_uring", "epoll")}
SPREAD = {"start": 8, "drop": 6, "serve": 8, "reload": 6, "drain": 6}
ERRORS_A_TIME = 3
IN_A_ROW = 5
CALL = re.compile(r"^(\d+)\s+(\w+)\(")


@dataclasses.dataclass(frozen=True)
class Case:
    driver: str
    scene: str
    call: str
    error: str
    when: str  # N, or N..M for several in a row

    @property
    def name(self):
        return f"{self.driver}/{self.scene}/{self.call}/{self.error}/{self.when}"


def calls_by_thread(trace):
    """{call: (first, last)}: numbers of the calls that the busiest thread made, without those of
    the loader, before the daemon looked for its configuration: it may end as it pleases."""
    counts, before = collections.Counter(), collections.Counter()
    for line in trace.splitlines():
        found = CALL.match(line)
        if found and found.group(2) in OWN:
            if not before and "/sallyport.conf" in line:
                before = counts.copy()
            counts[(found.group(2), found.group(1))] += 1
    numbers = {}
    for (call, thread), count in counts.items():
        first, last = numbers.get(call, (1, 0))
        numbers[call] = (max(first, 1 + before[(call, thread)]), max(last, count))
    return {call: (first, last) for call, (first, last) in numbers.items() if first <= last}


def cases_of(driver, scene, numbers):
    """Errors take turns, so that every one is tried, but not at every place."""
    for call, (first, last) in sorted(numbers.items()):
        count = last - first + 1
        errors = COMMON + OWN[call]
        each = len(errors) if scene == "drop" and call in SET_ID else ERRORS_A_TIME
        for turn, when in enumerate(spread(count, SPREAD[scene])):
            for step in range(each):
                error = errors[(turn * each + step) % len(errors)]
                yield Case(driver, scene, call, error, str(first - 1 + when))
        for turn, error in enumerate(errors if scene in ("serve", "reload") else ()):
            at = first + turn * max(count - IN_A_ROW, 0) // len(errors)
            yield Case(driver, scene, call, error, f"{at}..{at + IN_A_ROW - 1}")


def spread(count, most):
    """From 1 to count, dense at the beginning, `most` at most."""
    if count <= most:
        return list(range(1, count + 1))
    dense = most // 2
    far = [dense + 1 + (count - dense - 1) * i // (most - dense - 1) for i in range(most - dense)]
    return list(range(1, dense + 1)) + far
