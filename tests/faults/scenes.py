"""The scenes in which a system call fails. START and DROP are traced from exec on, the others from
when the daemon is ready. Each returns when the daemon has ended."""

import os
import pathlib
import re
import signal

from farm import NEW, DOWN, PATIENCE_S, Site, Violation

# The loader of the C library ends so when it cannot map a library; nothing of ours ran yet.
LOADER_FAILED = 127
OF_OUTCOME = {"reloaded": (NEW,), "reload failed": (DOWN,), "unknown": (NEW, DOWN)}
ENDED_BY_ITSELF = (1, 3, LOADER_FAILED)


def start(site):
    """Configuration, sockets, threads, and a first look at whether it serves."""
    if not site.wait_until_ready():
        site.wait(ENDED_BY_ITSELF)
        return
    pid = site.pid()
    site.up()
    site.honest_clients()
    site.look_for_spin(pid)
    site.end(pid)


def drop(site):
    """As root, to be nobody: it is nobody and nothing more, or it does not serve."""
    if not site.wait_until_ready():
        site.wait(ENDED_BY_ITSELF)
        return
    pid = site.pid()
    check_privileges(pid)
    site.down()
    site.honest_clients()
    site.end(pid)


def check_privileges(pid):
    status = dict(line.split(":", 1)
                  for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    bind_service = 1 << 10
    kept = {name: int(status[name], 16) & ~bind_service for name in ("CapPrm", "CapEff", "CapBnd")}
    if "0" in status["Uid"].split() or "0" in status["Gid"].split():
        raise Violation("it serves as root")
    if "0" in status["Groups"].split():
        raise Violation("it serves in root's group")
    if any(kept.values()) or int(status["CapInh"], 16) != 0:
        raise Violation(f"it serves with capabilities: {kept}")
    if status["NoNewPrivs"].strip() != "1":
        raise Violation("it may gain privileges by exec")
    if os.stat(f"/proc/{pid}/mem").st_uid != 0:
        raise Violation("it may be dumped")
    limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
    if not re.search(r"^Max core file size +0 ", limits, re.MULTILINE):
        raise Violation("it may leave a core")


def serve(site):
    """Transfers both ways, half-closes, and a client that breaks off."""
    site.up()
    site.down()
    site.cut()
    if not site.has_ended():
        site.honest_clients()
        site.look_for_spin(site.pid())
    finish(site)


def reload(site):
    """Another backend, one more worker, one more address. It is all new, or all as it was."""
    site.settings["workers"] = 2
    site.settings["backends"] = [site.backend(name, "new" if name == "down" else name)
                                 for name in site.servers]
    site.settings["frontends"] = [*site.settings["frontends"], site.frontend("more", "up")]
    site.proxy.config_path.write_text(site.text())
    os.kill(site.pid(), signal.SIGHUP)
    outcome = reload_outcome(site, 1)
    if outcome is None:
        finish(site)
        return
    site.down(OF_OUTCOME[outcome])
    site.up()
    if not site.has_ended():
        site.end_fault()  # calls are counted by thread, and each reload may bring a new one
        os.kill(site.pid(), signal.SIGHUP)
        again = reload_outcome(site, 2)
        if again == "reload failed":
            raise Violation("after the fault a reload is refused")
        site.honest_clients(OF_OUTCOME[again or "reloaded"])
        site.look_for_spin(site.pid())
    finish(site)


def reload_outcome(site, count):
    """What the daemon says of the count-th reload; None when it ended instead, "unknown" when a
    line was lost."""
    words = re.compile(r"\b(reloaded|reload failed)\b")

    def find():
        said = [found.group(1) for found in map(words.search, site.proxy.said()) if found]
        return said[count - 1] if len(said) >= count else None
    try:
        return site.proxy.wait_for(find, "the outcome of a reload", PATIENCE_S)
    except AssertionError:
        if site.has_ended():
            return None
        if site.loses_lines:
            return "unknown"
        raise Violation("a reload neither succeeds nor fails") from None


def drain(site):
    """TERM while a client is in the middle of its transfer."""
    def talk(client):
        client.send(b"before")
        client.receive_exactly(6)
        os.kill(site.pid(), signal.SIGTERM)
        site.proxy.wait_for_line(r"\b(draining|stopped)\b", timeout=PATIENCE_S)
        client.send(b"after")
        client.receive_exactly(5)
        client.goodbye()
        return client.receive_until_end()
    try:
        site.session("echo", talk, b"")
    except AssertionError:
        pass  # it ended; its code and its last words tell whether it might
    if not site.has_ended():
        site.end(site.pid(), (0, 4))
    else:
        finish(site)


def finish(site):
    if site.has_ended():
        site.wait((0, 1, 4))
    else:
        site.end(site.pid())


FROM_EXEC = {"start": start, "drop": drop}
WHEN_READY = {"serve": serve, "reload": reload, "drain": drain}


def make_site(scene, directory, certificate, driver):
    """A daemon not yet started, as the scene wants it."""
    if scene != "drop":
        return Site(directory, certificate, driver)
    directory.chmod(0o755)
    run = directory / "run"
    run.mkdir()
    os.chown(run, 65534, 65534)
    site = Site(directory, certificate, driver, user="nobody",
                **{"allow-root": None, "pid-file": str(directory / "pid"),
                   "access-log": {"target": "file", "file": str(directory / "access.log")}})
    site.settings["frontends"].append({**site.frontend("unix", "up"),
                                       "listen": [f"unix:{run}/socket"]})
    return site
