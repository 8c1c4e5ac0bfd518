"""Where the time of one operation goes: samples by library, system calls, TCP segments.

With perf and strace beside them proxies are slower, so these figures explain the others and are
not compared with them.
"""

import collections
import os
import re
import signal
import subprocess
import tempfile
import time

import columns

PACKAGES = ["linux-perf", "strace"]
PERF, STRACE = "/usr/bin/perf", "/usr/bin/strace"
LIBRARIES = ("kernel", "libcrypto", "libssl", "libc", "own")
FREQUENCY = 4000
ATTACH_SECONDS = 0.5
LONGER = 3


def library_of(name):
    """Which of LIBRARIES what perf calls a DSO belongs to. A proxy's modules are its own."""
    if name.startswith("[") and name != "[vdso]":
        return "kernel"
    stem = name.split(".so")[0]
    return stem if stem in LIBRARIES else "own"


def shares(report):
    """Of each library, from perf's report with the separator ";"."""
    samples = collections.Counter()
    for line in report.splitlines():
        fields = [field.strip() for field in line.split(";")]
        if len(fields) == 3 and not line.startswith("#"):
            samples[library_of(fields[2])] += int(fields[1])
    total = sum(samples.values())
    if not total:
        raise columns.LoadFailed("perf took no samples")
    return {library: samples[library] / total for library in LIBRARIES}


def calls(summary):
    """All there were, from the last line of what strace -c writes."""
    total = re.search(r"^100\.00\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?total$", summary, re.M)
    if not total:
        raise columns.LoadFailed("strace gives no total")
    return int(total.group(1))


def segments():
    """All that this machine has sent, to itself too (netstat(8), RFC 2012: tcpOutSegs)."""
    with open("/proc/net/snmp") as snmp:
        names, values = [line.split() for line in snmp if line.startswith("Tcp:")]
    return int(values[names.index("OutSegs")])


class Observer:
    """perf or strace, attached to a proxy's processes while a load works."""

    def __init__(self, command, process):
        self.path = tempfile.NamedTemporaryFile(prefix="bench-")
        command = command + ["-o", self.path.name, "-p"]
        self.popen = subprocess.Popen(command + [",".join(map(str, process.pids))],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(ATTACH_SECONDS)
        if self.popen.poll() is not None:
            raise columns.LoadFailed(f"{os.path.basename(command[0])} cannot attach")

    def end(self):
        self.popen.send_signal(signal.SIGINT)
        try:
            self.popen.wait(timeout=20)
        finally:
            self.popen.kill()
            self.popen.wait()


class Longer:
    """A bench whose loads have more to do, for enough samples."""

    def __init__(self, bench):
        self.bench, self.transfer_bytes = bench, bench.transfer_bytes

    def scaled(self, count):
        return self.bench.scaled(LONGER * count)


class Where(columns.Column):
    """What one operation of another column is made of, with one worker."""

    rounds_max = 3
    load_seconds = 60

    def __init__(self, cost):
        super().__init__(f"{cost.name}-{self.suffix}", cost.arguments, role=cost.role, workers=1,
                         group="where")
        self.cost = cost

    def is_for(self, proxy):
        return super().is_for(proxy) and not proxy.is_plain

    def observed(self, bench, proxy, process, command):
        """(Result of the load, CPU nanoseconds, segments, the observer's file.)"""
        load = self.load(bench, proxy, process)
        observer = Observer(command, process)
        try:
            before, sent_before = process.cpu_ns(), segments()
            load.go()
            result = load.result()
            time.sleep(columns.SETTLE_SECONDS)
            used, sent = process.cpu_ns() - before, segments() - sent_before
        finally:
            observer.end()
        load.end()
        return result, used, sent, observer.path


class ByLibrary(Where):
    suffix = "by-library"

    def __init__(self, cost):
        super().__init__(cost)
        self.arguments = lambda bench: cost.arguments(Longer(bench))

    def run(self, bench, proxy, process):
        command = [PERF, "record", "-e", "cpu-clock", "-F", str(FREQUENCY)]
        result, used, sent, path = self.observed(bench, proxy, process, command)
        report = subprocess.run([PERF, "report", "-i", path.name, "--sort", "dso", "-n", "-t", ";",
                                 "--stdio"], capture_output=True, text=True, timeout=60)
        cost = self.cost.figures(bench, result, used)[self.cost.name]
        figures = {f"{self.cost.name}-sampled": cost}
        for library, share in shares(report.stdout).items():
            figures[f"{self.cost.name}-{library}"] = cost * share
        figures[f"{self.cost.name}-segments"] = sent / self.cost.operations(bench, result)
        return figures


class Calls(Where):
    suffix = "calls"

    def run(self, bench, proxy, process):
        result, _, _, path = self.observed(bench, proxy, process, [STRACE, "-f", "-c"])
        with open(path.name) as summary:
            count = calls(summary.read())
        return {f"{self.cost.name}-calls": count / self.cost.operations(bench, result)}


def all_columns():
    costs = {column.name: column for column in columns.all_columns()}
    kinds = [(ByLibrary, name) for name in ("handshake-ecdsa", "request-ecdsa", "echo-1",
                                            "echo-50", "download")]
    kinds += [(Calls, name) for name in ("handshake-ecdsa", "request-ecdsa", "echo-1", "echo-50")]
    return [kind(costs[name]) for kind, name in kinds]
