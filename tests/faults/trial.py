"""One case: the daemon under strace, which makes one system call fail, and the verdict."""

import os
import pathlib
import signal
import tempfile
import time

import farm
import scenes
import table

ATTACH_S = 5
WRITES = ("write", "writev")
NOT_REACHED = "the call was not made"


def run(case, certificate):
    """None when all went as it must, NOT_REACHED, or what went wrong."""
    with tempfile.TemporaryDirectory(prefix="sallyport-fault-") as directory:
        place = pathlib.Path(directory)
        trace = place / "trace"
        options = ["-e", f"trace={case.call}",
                   "-e", f"inject={case.call}:error={case.error}:when={case.when}"]
        site = scenes.make_site(case.scene, place, certificate, case.driver)
        site.loses_lines = case.call in WRITES
        try:
            play(case.scene, site, trace, options)
            injected = trace.read_text(errors="replace").count("(INJECTED)")
            site.check(injected)
            return None if injected > 0 else NOT_REACHED
        except farm.Violation as violation:
            return describe(violation, site, trace)
        finally:
            site.stop()


def count_calls(driver, scene, certificate):
    """Plays the scene without a fault and counts."""
    with tempfile.TemporaryDirectory(prefix="sallyport-fault-") as directory:
        place = pathlib.Path(directory)
        trace = place / "trace"
        site = scenes.make_site(scene, place, certificate, driver)
        try:
            play(scene, site, trace, [])
            site.check(0)
            return table.calls_by_thread(trace.read_text(errors="replace"))
        except farm.Violation as violation:
            raise SystemExit(f"{driver}/{scene} fails without any fault: "
                             f"{describe(violation, site, trace)}") from None
        finally:
            site.stop()


def play(scene, site, trace, options):
    strace = ["strace", "-f", "-qq", "-o", trace, *options]
    tracer = None
    try:
        if scene in scenes.FROM_EXEC:
            site.start([*strace, "--seccomp-bpf"])
            scenes.FROM_EXEC[scene](site)
        else:
            site.start()
            site.proxy.wait_for_line(r"\bready ", timeout=farm.PATIENCE_S)
            pid = site.proxy.pid
            tracer = attach([*strace, "-p", pid], pid)
            site.end_fault = lambda: detach(tracer, pid)
            scenes.WHEN_READY[scene](site)
    finally:
        end_all(site, tracer)


def attach(command, pid):
    """All threads are traced from here on."""
    tracer = os.posix_spawnp("strace", [str(word) for word in command], os.environ,
                             file_actions=[(os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0)])
    until = time.monotonic() + ATTACH_S
    while not all(map(is_traced, threads_of(pid))):
        if time.monotonic() > until:
            raise farm.Violation("strace did not attach")
        time.sleep(0.005)
    return tracer


def detach(tracer, pid):
    """No call fails from here on."""
    os.kill(tracer, signal.SIGTERM)
    until = time.monotonic() + ATTACH_S
    while any(map(is_traced, threads_of(pid))):
        if time.monotonic() > until:
            raise farm.Violation("strace did not detach")
        time.sleep(0.005)


def threads_of(pid):
    return list(pathlib.Path(f"/proc/{pid}/task").glob("*/status"))


def is_traced(status):
    try:
        return "TracerPid:\t0\n" not in status.read_text()
    except OSError:
        return False


def end_all(site, tracer):
    """Whatever is left of it; strace goes with the process it traces."""
    process = site.proxy.process
    if process.poll() is None:
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
        pids = [int(word) for word in children.read_text().split()] if children.exists() else []
        for pid in [*pids, process.pid]:
            kill(pid)
    process.wait()
    if tracer is not None:
        os.waitpid(tracer, 0)


def kill(pid):
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        pass


def describe(violation, site, trace):
    lines = [line for line in trace.read_text(errors="replace").splitlines() if "INJECTED" in line]
    said = site.proxy.said()[-15:]
    return "\n".join([str(violation), *(f"  strace: {line[:150]}" for line in lines[:8]),
                      *(f"  said: {line[:200]}" for line in said)])
