"""A proxy under attack: servers behind it, honest clients in front of it all along, floods for a
while. Measures before, during and afterwards, and says what is not as it should be."""

import collections
import contextlib
import json
import pathlib
import random
import signal
import socket
import subprocess
import sys
import threading
import time

import crowd
import proxy as proxy_module

HERE = pathlib.Path(__file__).parent
EPHEMERAL = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
# Ends of connections that no deadline of ours has to bring about come at once; those of a deadline
# within the longest one that a flood configures, and sanitizers are slow.
SETTLE_S = 30
IDLE_S = 0.6
IDLE_CPU_SHARE_MAX = 0.25
SAMPLE_S = 0.1
MIB = 1 << 20
# Memory goes back after bursts of more than 128 sessions a worker; what fewer had is kept, up to
# 72 KiB each. Of a larger burst glibc keeps 0.7 to 2.3 KiB a session, measured.
KEPT_BYTES = 16 * MIB
KEPT_BYTES_EACH = 3 * 1024
# An established session costs 20 to 24 KiB, one that shakes hands up to 72 KiB.
SESSION_BYTES_MAX = 72 * 1024
DROPPED = "log lines dropped"


class Server:
    """checked.py as a process, at the same port each time it is started."""

    def __init__(self):
        self.port, self.process = lasting_port(), None
        self.start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        self.process = subprocess.Popen([sys.executable, HERE / "checked.py", str(self.port)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        words = self.process.stdout.readline().split()
        assert words and words[0] == "serving", self.process.communicate()[1]

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


def lasting_port():
    """One that no connection is given by chance while its server is down."""
    lowest = int(EPHEMERAL.read_text().split()[0])
    while True:
        port = random.randrange(lowest // 2, lowest)
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


class Flood:
    """Processes that run floods.py."""

    def __init__(self, kind, port, count, seconds, hosts=1):
        self.kind = kind
        command = [sys.executable, HERE / "floods.py", kind, "--port", port, "--seconds", seconds]
        self.processes = [
            subprocess.Popen([str(word) for word in (*command, "--count", count // hosts, "--host",
                                                     f"127.0.0.{2 + i}", "--seed", i + 1)],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for i in range(hosts)]

    def counters(self, patience_s):
        total = collections.Counter()
        for process in self.processes:
            said, complaints = process.communicate(timeout=patience_s)
            assert process.returncode == 0, f"{self.kind}: {complaints}"
            total.update(json.loads(said))
        return dict(total)

    def kill(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.communicate()


class Watch:
    """Samples what the proxy costs while something goes on."""

    def __init__(self, proxy):
        self.proxy, self.over = proxy, threading.Event()
        self.pss_most = self.descriptors_most = 0
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def look(self):
        while not self.over.wait(SAMPLE_S):
            self.pss_most = max(self.pss_most, pss(self.proxy))
            self.descriptors_most = max(self.descriptors_most, self.proxy.descriptors())

    def stop(self):
        self.over.set()
        self.thread.join()


def pss(proxy):
    """Bytes of memory that are the proxy's alone, shared ones in their share."""
    text = pathlib.Path(f"/proc/{proxy.pid}/smaps_rollup").read_text()
    return 1024 * next(int(line.split()[1]) for line in text.splitlines()
                       if line.startswith("Pss:"))


class Siege:
    """
        with Siege(start, settings, plan) as siege:
            figures = siege.run()

    start(text) gives a proxy that is not yet ready; `settings` are those of its configuration but
    for frontends and backends; plan is a list of (kind, count, hosts). While `seconds` go by, the
    servers named in `mortal` are killed and revived.
    """

    def __init__(self, start, pem_path, plan, seconds, settings=None, wrapper=(), mortal=0,
                 may_abort=False, crowd_options=None):
        self.plan, self.seconds, self.may_abort = plan, seconds, may_abort
        self.resources = contextlib.ExitStack()
        self.crowd_options = crowd_options or {}
        self.settings = settings or {}
        self.flooders = []
        try:
            self.servers = [self.keep(Server()) for _ in range(1 + mortal)]
            text = proxy_module.configuration(**{
                "workers": 2, "allow_root": True,
                "frontends": [{"name": "web", "listen": ["127.0.0.1:0"], "backend": "app",
                               "pem-file": pem_path}],
                "backends": [{"name": "app", "retries": 1 + mortal,
                              "servers": [{"address": one.address} for one in self.servers]}],
                **self.settings})
            self.proxy = start(text, wrapper=wrapper).wait_until_ready()
        except BaseException:
            self.resources.close()
            raise

    def keep(self, one):
        self.resources.callback(one.kill)
        return one

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.resources.close()

    # --- the course of it ---

    def run(self):
        """Figures; what is wrong is under `problems`."""
        self.warm_up()
        before = {"descriptors": self.proxy.descriptors(), "pss": pss(self.proxy)}
        people = crowd.Crowd(self.proxy.port(), **self.crowd_options)
        time.sleep(min(self.seconds / 4, 3))
        calm = people.mark()
        watch = Watch(self.proxy)
        began = time.monotonic()
        attackers = self.attack()
        attackers_s = time.monotonic() - began
        watch.stop()
        time.sleep(0.2)
        people.stop()
        figures = {"seconds": round(attackers_s, 1), "attackers": attackers,
                   **self.of_people(people, calm), **self.of_memory(before, watch)}
        problems = self.judge_people(people) + self.settle(before, figures)
        problems += self.judge_memory(before, figures) + self.judge_rest(figures)
        problems += self.judge_accounts(figures, people)
        return {**figures, "problems": problems}

    def warm_up(self):
        """Whatever is made at the first connections is there before anything is measured."""
        people = crowd.Crowd(self.proxy.port(), clients=8, pause_s=0)
        until = time.monotonic() + SETTLE_S
        while people.served < 40 and time.monotonic() < until:
            time.sleep(0.02)
        people.stop()
        assert people.served >= 40 and not people.wrong and not people.aborted, vars(people)
        self.warmed = people.connected
        self.wait_until_quiet()

    def wait_until_quiet(self):
        """Until no connection is left, which the log says."""
        self.proxy.wait_for_ends(self.warmed)
        time.sleep(0.1)

    def attack(self):
        floods = [self.keep(Flood(kind, self.proxy.port(), count, self.seconds, hosts))
                  for kind, count, hosts in self.plan]
        self.unsettle_servers()
        return {flood.kind: flood.counters(self.seconds + SETTLE_S) for flood in floods}

    def unsettle_servers(self):
        """Kills and revives all but the first, again and again."""
        until = time.monotonic() + self.seconds
        turn = 0
        while len(self.servers) > 1 and time.monotonic() < until:
            server = self.servers[1 + turn % (len(self.servers) - 1)]
            server.kill()
            time.sleep(0.1 + 0.1 * (turn % 3))
            server.start()
            time.sleep(0.1)
            turn += 1

    # --- judging ---

    @staticmethod
    def of_people(people, calm):
        return {"served": people.served + len(calm), "aborted": len(people.aborted),
                "wrong": len(people.wrong),
                "calm_ms": [crowd.milliseconds(calm, share) for share in (0.5, 0.99)],
                "flood_ms": [crowd.milliseconds(people.seconds, share) for share in (0.5, 0.99)]}

    @staticmethod
    def of_memory(before, watch):
        return {"pss_before": before["pss"], "pss_most": watch.pss_most,
                "descriptors_before": before["descriptors"],
                "descriptors_most": watch.descriptors_most}

    def judge_people(self, people):
        found = [f"an honest client got {problem}" for problem in people.wrong]
        if people.aborted and not self.may_abort:
            found.append(f"{len(people.aborted)} honest requests failed: {people.aborted[:5]}")
        if people.served == 0:
            found.append("no honest client was served")
        return found

    def settle(self, before, figures):
        until = time.monotonic() + SETTLE_S
        while self.proxy.descriptors() != before["descriptors"] and time.monotonic() < until:
            time.sleep(0.1)
        figures["descriptors_after"] = self.proxy.descriptors()
        if figures["descriptors_after"] != before["descriptors"]:
            return [f"descriptors: {before['descriptors']} before, "
                    f"{figures['descriptors_after']} afterwards"]
        return []

    def judge_memory(self, before, figures):
        figures["pss_after"] = after = pss(self.proxy)
        connections = figures["descriptors_most"]
        if self.proxy.is_sanitized():
            return []  # freed memory is kept in quarantine
        found = []
        left_max = before["pss"] + KEPT_BYTES + connections * KEPT_BYTES_EACH
        budget = before["pss"] + connections * SESSION_BYTES_MAX + memory_max(self.settings)
        if after > left_max:
            found.append(f"memory: {after // 1024} KiB left, {left_max // 1024} would be fair")
        if figures["pss_most"] > budget:
            found.append(f"memory: {figures['pss_most'] // 1024} KiB of {budget // 1024}")
        return found

    def judge_rest(self, figures):
        before = self.proxy.cpu_seconds()
        time.sleep(IDLE_S)
        figures["idle_cpu"] = round((self.proxy.cpu_seconds() - before) / IDLE_S, 3)
        if figures["idle_cpu"] > IDLE_CPU_SHARE_MAX:
            return [f"it does not rest: {figures['idle_cpu']} of a processor"]
        return []

    def judge_accounts(self, figures, people):
        """Drains it, which nothing can hold up; then every connection must be accounted for."""
        self.proxy.send(signal.SIGTERM)
        code = self.proxy.wait()
        said = self.proxy.wait_for_line(r"stopped cut=(\d+) connections=(\d+) probes=(\d+)")
        cut, accepted, probes = (int(number) for number in said.groups())
        reasons = collections.Counter(end["end"] for end in self.proxy.connections())
        dropped = sum(int(line.rsplit("=", 1)[1]) for line in self.proxy.said() if DROPPED in line)
        known = sum(reasons.values()) + probes
        # The kernel may finish a connect that its client had no time to see.
        opened = people.connected + len(people.aborted) + self.warmed + sum(
            counters["begun"] for counters in figures["attackers"].values())
        figures.update(connections=accepted, probes=probes, reasons=dict(reasons), dropped=dropped)
        found = []
        if not known <= accepted <= known + dropped:
            found.append(f"{accepted} connections, {known} known ends, {dropped} lines dropped")
        if accepted > opened:
            found.append(f"{accepted} connections of {opened} that were opened")
        if (code, cut) != (0, 0):
            found.append(f"exit code {code}, {cut} connections were left")
        return found


def memory_max(settings):
    """Bytes; the plans write it in whole mebibytes."""
    return int(settings.get("memory_max", "256m").rstrip("m")) * MIB


def of_plan(plan, size, start, certs, driver, seconds):
    """The siege that plans.py describes."""
    pem_path = certs.get(f"siege-{plan.key}", kind=plan.key).pem_path
    return Siege(start, pem_path, plan.plan(size), seconds,
                 settings={"io": driver, **plan.chosen(size)}, wrapper=plan.wrapper(size),
                 mortal=plan.mortal, may_abort=plan.may_abort)
