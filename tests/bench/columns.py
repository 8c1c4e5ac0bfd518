"""What is measured: each column runs one load against one proxy and returns named figures."""

import json
import re
import select
import subprocess
import time

from proxies import Setting

GIB = 1 << 30
CIPHERS = {"aes128": "TLS_AES_128_GCM_SHA256", "aes256": "TLS_AES_256_GCM_SHA384"}
GROUP = "X25519"
GROUPS = ("main", "one-worker", "aes128", "scale", "check", "where")
SCALE = {"connections": (10, 100, 1000, 9000), "certificates": (1, 100, 10000),
         "routes": (1, 100, 10000)}
SETTLE_SECONDS = 0.03  # for the proxy to finish what the load no longer waits for


class LoadFailed(Exception):
    pass


class Load:
    """bench-load at its gates, so that CPU time is read around the work alone."""

    def __init__(self, bench, proxy, port, arguments, cipher, seconds=20):
        command = [bench.tool("load"), arguments[0], "--gate", "--port", str(port),
                   "--seconds", str(seconds)] + [str(argument) for argument in arguments[1:]]
        if proxy.is_plain:
            command.append("--plain")
        else:
            command += ["--tls", bench.tls, "--ciphers", CIPHERS[cipher], "--groups", GROUP]
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
    load_seconds = 20

    def __init__(self, name, arguments, role="echo", certificate="ecdsa", tickets=False,
                 group="main", workers=None, cipher=None, certificates=0, routes=0):
        self.name = name
        self.arguments = arguments
        self.role = role
        self.certificate = certificate
        self.tickets = tickets
        self.group = group  # columns that belong into one table
        self.workers = workers
        self.cipher = cipher
        self.certificates = certificates
        self.routes = routes

    def is_for(self, proxy):
        if proxy.is_plain and (self.tickets or self.certificates or self.routes or self.cipher):
            return False
        if self.workers is not None and not proxy.has_workers:
            return False
        return ((proxy.has_certificates or not self.certificates)
                and (proxy.has_routes or not self.routes))

    def setting(self, bench):
        return Setting(self.certificate, self.tickets, self.workers or bench.workers, self.role,
                       self.certificates, self.routes)

    def measure(self, bench, proxy):
        setting = self.setting(bench)
        process = proxy.start(setting) if self.is_fresh else proxy.instance(setting)
        try:
            return self.run(bench, proxy, process)
        finally:
            if self.is_fresh:
                process.stop()

    def load(self, bench, proxy, process, arguments=None):
        return Load(bench, proxy, process.port, arguments or self.arguments(bench),
                    self.cipher or bench.cipher, self.load_seconds)

    def run(self, bench, proxy, process):
        load = self.load(bench, proxy, process)
        before, tasks_before = process.cpu_ns(), process.task_cpu_ns()
        load.go()
        result = load.result()
        time.sleep(SETTLE_SECONDS)
        used, tasks = process.cpu_ns() - before, process.task_cpu_ns()
        load.end()
        self.check(result)
        busiest_ns = max((tasks[task] - tasks_before.get(task, 0) for task in tasks), default=0)
        return {**self.figures(bench, result, used), **self.capacity(result, busiest_ns)}

    def capacity(self, result, busiest_ns):
        """Operations a second if each worker had its own processor: the busiest is the limit."""
        done = result["operations"] or result["connections"]
        return {f"{self.name}-capacity": done / busiest_ns * 1e9} if busiest_ns else {}

    def check(self, result):
        if self.tickets and result["resumed"] != result["handshakes"]:
            raise LoadFailed("full handshakes where resumed ones were asked for")
        if not self.tickets and result["tickets"]:
            raise LoadFailed(f"{result['tickets']} tickets where none were asked for")


class Cost(Column):
    """CPU time of one operation, in a unit of so many nanoseconds."""

    unit_ns = 1e3

    def figures(self, bench, result, used):
        return {self.name: used / self.unit_ns / self.operations(bench, result)}


class PerConnection(Cost):
    """Microseconds a connection."""

    def operations(self, bench, result):
        return result["connections"]


class PerExchange(Cost):
    """Microseconds an exchange on connections that are open already."""

    def operations(self, bench, result):
        return result["operations"]


class Builtin(PerExchange):
    """The same without a backend: the proxy's own echo."""

    def is_for(self, proxy):
        return proxy.name.startswith("sallyport")


class Crowd(PerExchange):
    """An exchange among more and more connections."""

    rounds_max = 3
    load_seconds = 60


class Choice(PerConnection):
    """A connection to a server of more and more names. One worker, which has seen every name
    before: the first use of a certificate costs more, and when that is paid is another matter."""

    rounds_max = 3
    load_seconds = 180  # a server may listen long before all its certificates are read

    def run(self, bench, proxy, process):
        names = max(self.certificates, self.routes)
        if self.name not in process.warmed:
            load = self.load(bench, proxy, process, ["handshake", "--names", names, "--connections",
                                                     max(names, 100)])
            load.go()
            load.result()
            load.end()
            process.warmed.add(self.name)
        return super().run(bench, proxy, process)


class Transfer(Cost):
    """Seconds a GiB."""

    unit_ns = 1e9

    def operations(self, bench, result):
        return bench.transfer_bytes * result["operations"] / GIB


class Latency(Column):
    """Milliseconds of exchanges at a fixed pace, counted from when each was due."""

    def is_for(self, proxy):
        return not (proxy.is_plain and self.name.startswith("flood"))

    def capacity(self, result, busiest_ns):
        return {}  # its pace is given

    def figures(self, bench, result, used):
        exchange = result["exchange_us"]
        figures = {f"{self.name}-{share}": exchange[share] / 1e3
                   for share in ("p50", "p99", "p999")}
        if "flood" in result:
            figures[f"{self.name}-rate"] = result["flood"]["flights"] / result["seconds"]
        return figures


class Idle(Column):
    """KiB of PSS an idle connection, and what is still held a second after all were closed."""

    rounds_max = 3
    is_fresh = True
    load_seconds = 60

    def run(self, bench, proxy, process):
        self.warm_up(bench, proxy, process)
        before = process.pss_kib()
        load = self.load(bench, proxy, process)
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
        load = self.load(bench, proxy, process, ["request", "--connections", 100])
        load.go()
        load.result()
        load.end()


class Checked(Column):
    """The same HTTP work by our load generator or by h2load, of which nobody here wrote a line: the
    CPU of a proxy, over the whole life of the generator, and the pace that each one got."""

    rounds_max = 3
    load_seconds = 60

    def __init__(self, name, arguments, requests):
        super().__init__(name, arguments, role="http", group="check")
        self.requests = requests

    def is_for(self, proxy):
        return proxy.name in ("sallyport-epoll", "haproxy")

    def run(self, bench, proxy, process):
        requests = bench.scaled(self.requests)
        before = process.cpu_ns()
        seconds = self.work(bench, proxy, process, requests)
        time.sleep(SETTLE_SECONDS)
        used = process.cpu_ns() - before
        return {self.name: used / 1e3 / requests, f"{self.name}-rate": requests / seconds}


class CheckedLoad(Checked):
    def work(self, bench, proxy, process, requests):
        load = self.load(bench, proxy, process, self.arguments(requests))
        load.go()
        result = load.result()
        load.end()
        if result["operations"] != requests:
            raise LoadFailed(f"{result['operations']} requests instead of {requests}")
        return result["seconds"]


class CheckedH2load(Checked):
    def work(self, bench, proxy, process, requests):
        command = ["h2load", "--h1", "-t", "1", "--tls13-ciphers", CIPHERS[bench.cipher],
                   "--groups", GROUP, *self.arguments(requests),
                   f"https://127.0.0.1:{process.port}/"]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                              timeout=self.load_seconds)
        finished = re.search(r"finished in ([\d.]+)(ms|s|us),", done.stdout)
        succeeded = re.search(r"(\d+) succeeded, 0 failed, 0 errored, 0 timeout", done.stdout)
        if not finished or not succeeded or int(succeeded.group(1)) != requests:
            raise LoadFailed(f"h2load: {done.stdout} {done.stderr}")
        return float(finished.group(1)) / {"s": 1, "ms": 1e3, "us": 1e6}[finished.group(2)]


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

    def paced(mode):  # for four seconds: how a flood begins is 1 % of a shorter time
        return lambda bench: [mode, "--connections", 20, "--rate", 2000, "--rounds",
                              bench.scaled(400)]

    def named(mode, names):
        return lambda bench: [mode, "--names", names, "--connections", bench.scaled(1000)]

    def one_worker(kind, name, arguments, **more):
        return kind(f"{name}-1w", arguments, group="one-worker", workers=1, **more)

    def aes128(kind, name, arguments, **more):
        return kind(f"{name}-aes128", arguments, group="aes128", cipher="aes128", **more)

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
        one_worker(PerConnection, "handshake-ecdsa", handshakes),
        one_worker(PerConnection, "handshake-rsa", rsa_handshakes, certificate="rsa"),
        one_worker(PerConnection, "request-ecdsa", requests),
        one_worker(PerExchange, "echo-50", echoes(50, 20000)),
        one_worker(PerExchange, "echo-500", echoes(500, 20000)),
        one_worker(Transfer, "download", transfers("download"), role="source"),
        one_worker(Transfer, "upload", transfers("upload"), role="sink"),
        aes128(PerConnection, "handshake-ecdsa", handshakes),
        aes128(PerConnection, "handshake-rsa", rsa_handshakes, certificate="rsa"),
        aes128(PerConnection, "resumed-ecdsa", resumptions, tickets=True),
        aes128(PerExchange, "echo-50", echoes(50, 20000)),
        aes128(Transfer, "download", transfers("download"), role="source"),
        aes128(Transfer, "upload", transfers("upload"), role="sink"),
        *[Crowd(f"connections-{count}", echoes(count, 20000), group="scale")
          for count in SCALE["connections"]],
        *[Choice(f"certificates-{count}", named("handshake", count), group="scale",
                 workers=1, certificates=count) for count in SCALE["certificates"]],
        *[Choice(f"routes-{count}", named("request", count), group="scale", workers=1,
                 routes=count)
          for count in SCALE["routes"]],
        CheckedLoad("request-load", lambda count: [
            "request", "--http", "--connections", count, "--concurrency", count], 1000),
        CheckedH2load("request-h2load", lambda count: ["-n", count, "-c", count], 1000),
        CheckedLoad("keepalive-load", lambda count: [
            "echo", "--http", "--connections", 50, "--rounds", count // 50], 40000),
        CheckedH2load("keepalive-h2load", lambda count: ["-n", count, "-c", 50], 40000),
    ]
