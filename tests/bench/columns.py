"""What is measured: each column runs one load against one proxy and returns named figures."""

import json
import select
import subprocess
import time

from proxies import Setting

GIB = 1 << 30
SETTLE_SECONDS = 0.03  # for the proxy to finish what the load no longer waits for


class LoadFailed(Exception):
    pass


class Load:
    """bench-load at its gates, so that CPU time is read around the work alone."""

    def __init__(self, bench, proxy, port, arguments, seconds=20):
        command = [bench.tool("load"), arguments[0], "--gate", "--port", str(port),
                   "--seconds", str(seconds)] + [str(argument) for argument in arguments[1:]]
        if proxy.is_plain:
            command.append("--plain")
        else:
            command += ["--tls", bench.tls, "--ciphers", bench.cipher, "--groups", "X25519"]
        self.limit = seconds + 20
        self.popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True)
        if self.line() != "ready":
            self.fail("does not get ready")

    def line(self):
        readable, _, _ = select.select([self.popen.stdout], [], [], self.limit)
        return self.popen.stdout.readline().strip() if readable else ""

    def go(self):
        self.popen.stdin.write("\n")
        self.popen.stdin.flush()

    def result(self):
        line = self.line()
        if not line:
            self.fail("gives no result")
        result = json.loads(line)
        if result["failures"] or result["timed_out"]:
            self.fail(f"{result['failures']} failures, timed out: {result['timed_out']}")
        return result

    def end(self):
        self.popen.stdin.close()
        try:
            self.popen.wait(timeout=self.limit)
        finally:
            self.popen.kill()
            self.popen.wait()

    def fail(self, what):
        self.popen.kill()
        _, errors = self.popen.communicate()
        raise LoadFailed(f"load {what} {errors.strip()}")


class Column:
    """A load, and what one of its operations is."""

    rounds_max = None
    is_fresh = False  # a proxy just started, rather than the long-lived one

    def __init__(self, name, arguments, role="echo", certificate="ecdsa", tickets=False):
        self.name = name
        self.arguments = arguments
        self.role = role
        self.certificate = certificate
        self.tickets = tickets

    def is_for(self, proxy):
        return not (self.tickets and proxy.is_plain)

    def setting(self, bench):
        return Setting(self.certificate, self.tickets, bench.workers, self.role)

    def measure(self, bench, proxy):
        setting = self.setting(bench)
        process = proxy.start(setting) if self.is_fresh else proxy.instance(setting)
        try:
            return self.run(bench, proxy, process)
        finally:
            if self.is_fresh:
                process.stop()

    def run(self, bench, proxy, process):
        load = Load(bench, proxy, process.port, self.arguments(bench))
        before = process.cpu_ns()
        load.go()
        result = load.result()
        time.sleep(SETTLE_SECONDS)
        used = process.cpu_ns() - before
        load.end()
        self.check(result)
        return self.figures(bench, result, used)

    def check(self, result):
        if self.tickets and result["resumed"] != result["handshakes"]:
            raise LoadFailed("full handshakes where resumed ones were asked for")
        if not self.tickets and result["tickets"]:
            raise LoadFailed(f"{result['tickets']} tickets where none were asked for")


class PerConnection(Column):
    """CPU microseconds a connection."""

    unit = "us"

    def figures(self, bench, result, used):
        return {self.name: used / 1e3 / result["connections"]}


class PerExchange(Column):
    """CPU microseconds an exchange on connections that are open already."""

    unit = "us"

    def figures(self, bench, result, used):
        return {self.name: used / 1e3 / result["operations"]}


class Builtin(PerExchange):
    """The same without a backend: the proxy's own echo."""

    def is_for(self, proxy):
        return proxy.name.startswith("sallyport")


class Transfer(Column):
    """CPU seconds a GiB."""

    unit = "s/GiB"

    def figures(self, bench, result, used):
        return {self.name: used / 1e9 * GIB / (bench.transfer_bytes * result["operations"])}


class Latency(Column):
    """Milliseconds of exchanges at a fixed pace, counted from when each was due."""

    unit = "ms"

    def is_for(self, proxy):
        return not (proxy.is_plain and self.name.startswith("flood"))

    def figures(self, bench, result, used):
        exchange = result["exchange_us"]
        figures = {f"{self.name}-{share}": exchange[share] / 1e3 for share in ("p50", "p99", "p999")}
        if "flood" in result:
            figures[f"{self.name}-rate"] = result["flood"]["flights"] / result["seconds"]
        return figures


class Idle(Column):
    """KiB of PSS an idle connection, and what is still held a second after all were closed."""

    unit = "KiB"
    rounds_max = 3
    is_fresh = True

    def run(self, bench, proxy, process):
        self.warm_up(bench, proxy, process)
        before = process.pss_kib()
        load = Load(bench, proxy, process.port, self.arguments(bench), seconds=60)
        time.sleep(0.2)
        during = process.pss_kib()
        load.go()
        count = load.result()["connections"]
        load.end()
        time.sleep(1.0)
        after = process.pss_kib()
        return {"idle": (during - before) / count, "kept": (after - before) / count,
                "kept-share": 100.0 * after / before}

    def warm_up(self, bench, proxy, process):
        load = Load(bench, proxy, process.port, ["request", "--connections", 100])
        load.go()
        load.result()
        load.end()


def all_columns():
    def handshakes(bench):
        return ["handshake", "--connections", bench.scaled(1000)]

    def rsa_handshakes(bench):
        return ["handshake", "--connections", bench.scaled(700)]

    def resumptions(bench):
        return ["handshake", "--resumed", "--connections", bench.scaled(1000)]

    def requests(bench):
        return ["request", "--connections", bench.scaled(1000)]

    def echoes(connections, exchanges):
        return lambda bench: ["echo", "--connections", connections, "--rounds",
                              max(1, bench.scaled(exchanges) // connections)]

    def transfers(mode):
        return lambda bench: [mode, "--connections", 8, "--bytes", bench.transfer_bytes]

    def paced(mode):
        return lambda bench: [mode, "--connections", 20, "--rate", 2000, "--rounds",
                              bench.scaled(100)]

    return [
        PerConnection("handshake-ecdsa", handshakes),
        PerConnection("handshake-rsa", rsa_handshakes, certificate="rsa"),
        PerConnection("resumed-ecdsa", resumptions, tickets=True),
        PerConnection("request-ecdsa", requests),
        PerExchange("echo-1", echoes(1, 4000)),
        PerExchange("echo-50", echoes(50, 20000)),
        PerExchange("echo-500", echoes(500, 20000)),
        Builtin("builtin-echo-50", echoes(50, 20000), role="builtin"),
        Transfer("download", transfers("download"), role="source"),
        Transfer("upload", transfers("upload"), role="sink"),
        Idle("idle", lambda bench: ["idle", "--connections", bench.idle_count]),
        Latency("paced", paced("echo")),
        Latency("flood-ecdsa", paced("flood")),
        Latency("flood-rsa", paced("flood"), certificate="rsa"),
    ]
