"""Processes under test: started in the foreground, measured as a whole tree, ended by number."""

import os
import resource
import signal
import socket
import subprocess
import time


def clock_of(pid):
    """CPU clock of another process: every thread it has or had, in nanoseconds."""
    return (~pid << 3) | 2


def cpu_ns(pids):
    """What utime + stime of these processes show, without their rounding to 10 ms."""
    total = 0
    for pid in pids:
        try:
            total += time.clock_gettime_ns(clock_of(pid))
        except OSError:
            pass
    return total


def task_cpu_ns(pids):
    """CPU time of each thread, by number."""
    used = {}
    for pid in pids:
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat") as schedstat:
                    used[task] = int(schedstat.read().split()[0])
        except OSError:
            pass
    return used


def pss_kib(pids):
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup") as rollup:
                for line in rollup:
                    if line.startswith("Pss:"):
                        total += int(line.split()[1])
        except OSError:
            pass
    return total


def machine_busy_ns():
    """CPU time all processes of the machine have used, in steps of 10 ms."""
    with open("/proc/stat") as stat:
        fields = [int(field) for field in stat.readline().split()[1:]]
    user, nice, system, _idle, _wait, irq, softirq = fields[:7]
    return (user + nice + system + irq + softirq) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def our_cpu_ns():
    """CPU time of this program and of everything it started, ended or not."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = sum(process.cpu_ns() for process in Process.running)
    return int((ended.ru_utime + ended.ru_stime) * 1e9) + time.process_time_ns() + running


class Bystanders:
    """How much of the machine others used between two moments, in cores."""

    def __init__(self):
        self.began, self.busy, self.ours = time.monotonic_ns(), machine_busy_ns(), our_cpu_ns()

    def cores(self):
        others = machine_busy_ns() - self.busy - (our_cpu_ns() - self.ours)
        return max(0.0, others / (time.monotonic_ns() - self.began))


def descendants(pid):
    """The process and all below it, parents first."""
    found = [pid]
    for parent in found:
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children") as children:
                    found.extend(int(child) for child in children.read().split())
        except OSError:
            pass
    return found


def started_at(pid):
    """Distinguishes a process from a later one of the same number; None when there is none."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[19]
    except OSError:
        return None


def wait_for_port(port, seconds, popen):
    """False when it takes too long, or the process that should open it ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and popen.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.02)
    return False


class Process:
    """One server and its children. Its standard input stays open as long as it shall live."""

    running = []

    def __init__(self, command, log_path, environment=None, port=None, start_seconds=5):
        self.name = os.path.basename(command[0])
        self.warmed = set()  # names of columns that have made it ready for them
        self.log_path = log_path
        with open(log_path, "ab") as log:
            self.popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log,
                                          env=environment, start_new_session=True)
        Process.running.append(self)
        if port is not None and not wait_for_port(port, start_seconds, self.popen):
            self.stop()
            raise RuntimeError(f"{self.name} does not listen: see {log_path}")
        time.sleep(0.05)
        self.pids = descendants(self.popen.pid)

    def cpu_ns(self):
        return cpu_ns(self.pids)

    def task_cpu_ns(self):
        return task_cpu_ns(self.pids)

    def pss_kib(self):
        return pss_kib(self.pids)

    def stop(self):
        """INT, which every one of them takes as "at once"; then KILL for what is still there."""
        pids = {pid: started_at(pid) for pid in descendants(self.popen.pid)}
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGINT)
            self.popen.stdin.close()
        try:
            self.popen.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        for pid, began in pids.items():
            if began is not None and started_at(pid) == began:
                os.kill(pid, signal.SIGKILL)
        if self in Process.running:
            Process.running.remove(self)

    @classmethod
    def stop_all(cls):
        for process in list(cls.running):
            process.stop()
