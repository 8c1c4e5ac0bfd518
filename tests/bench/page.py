"""tests/bench/README.md and its plots, from the results of scripts/bench."""

import os
import textwrap

import columns
import plot
import report

ROUNDS_ENOUGH = 7
NOISE_CORES_MAX = 0.25

BARS = ["handshake-ecdsa", "handshake-rsa", "resumed-ecdsa", "request-ecdsa", "echo-1", "echo-50",
        "echo-500", "download", "upload", "idle", "paced-p99", "flood-ecdsa-p99", "flood-rsa-p99"]
AXES = {"connections": ("CPU us an echo", "connections open"),
        "certificates": ("CPU us a full handshake", "certificates"),
        "routes": ("CPU us a connection with one request", "routes")}

MEANINGS = """
| figure | is |
| --- | --- |
| handshake-* | CPU of all of a proxy's processes for a full TLS 1.3 handshake and a clean end |
| resumed-* | the same with the handshake resumed from a ticket |
| request-* | the same with one request of 47 bytes and its echo |
| echo-N | CPU of a 47-byte echo, on N connections that are open and all busy |
| builtin-echo-N | the same without a backend, for what TLS and the driver alone cost |
| download, upload | CPU for a GiB, on 8 connections |
| idle | PSS for an open connection without traffic |
| kept | PSS a connection still held one second after all were closed |
| kept-share | PSS then, compared with before |
| paced-* | milliseconds of an echo at 2,000 a second on 20 connections, from when it was due |
| flood-* | the same while 128 sockets ask for full handshakes without end; rate: those served |
| *-1w, *-aes128 | with one worker; with AES-128-GCM |
| connections-N | echo among N open connections |
| certificates-N, routes-N | one worker, connections that ask for N names in turn, each name with \
its own certificate or route |
| X-sampled, X-kernel and so on | of X with one worker: see "Where the time goes" |
"""

HOW = """
CPU is the time of all threads of all processes of a proxy, to the nanosecond, so other load on the
machine shows in it only through caches and clock rates; latencies it changes at once. Each round
measures every column for every proxy, in another order each time; a ratio is the median of the
ratios within rounds. Client and backend are ours (`load.c`, `backend.c`) and check every byte. Same
for all proxies: workers, one certificate, the client's only offer of group (X25519) and suite, logs
off, loopback backend; tickets are off except where sessions resume. The floor is OpenSSL in memory
(`floor.c`) plus a plain TCP relay that copies (`relay.c`), for what neither TLS nor the kernel can
be asked to do for less. stunnel has a thread for each connection and no number of workers.

For latencies (`paced`, `flood`) all are ordinary processes, each server in a session of its own, as
a daemon has: who measures, who floods, the backend and two workers want the same two processors,
and what they wait for one another is in the figures.
"""

SCALING = """
Capacity is what a proxy would do each second if every worker had a processor to itself: operations
by the CPU time of its busiest thread. It needs no idle processors to be measured, which a machine
that also runs the clients does not have. 2.00 is perfect; below it, connections were spread
unevenly, or two workers got in each other's way.
"""

CHECK = """
The load generator and h2load (of nghttp2) do the same HTTP work through the same proxy: `request`
opens connections that make one request each, all at once; `keepalive` makes many on 50. CPU is a
proxy's, over the whole life of the generator. If ours were the bottleneck, or spared the proxies
something, it would show here: a lower rate, or another cost. (h2load's time includes its 50
handshakes, ours does not.)
"""

WHERE = """
One worker with an observer beside it: `perf record -e cpu-clock -F 4000`, samples by library times
the CPU time that operations took meanwhile (`sampled`, more than without perf); `strace -f -c` for
system calls; what /proc/net/snmp counts as TCP segments sent, by all of the machine, and each goes
over loopback. These figures explain the others and are not to be compared with them. `own` is the
proxy's program and its modules.
"""

AHEAD = """
- **handshake-\\*, request-\\***: nearly all of it is OpenSSL's and the kernel's. In "Where the time
  goes" libcrypto, libssl and libc are alike within their spread, and so are the segments; what
  differs is our own code, 13 to 15 us of which nginx needs 8, and with epoll the kernel, 132 us of
  which it needs 115, in 33 system calls instead of 19 (io_uring: 17). So what is not our own code is
  376 us with io_uring, of the 386 that nginx takes: to be a tenth below nginx, OpenSSL or the kernel
  would have to do less. epoll's calls: six epoll_ctl, four epoll_wait and two shutdown(2) where nginx has two, one and none. We hand the
  client's end on as FIN, wait for the server's own, and only then say close_notify, since an end
  that nobody saw is no clean one; between two steps of handshakes we look for others' data;
  keep-alive of the server's socket is four calls. What was tried (9 rounds each): turns of 5 ms of
  handshakes instead of 0.1 made 340 us of 345 with epoll and 334 of 337 with io_uring, and would
  cost others' data its place; to leave out keep-alive, SO_ERROR, the second accept and an epoll_ctl
  made 357.5 of 357.9 and 344 of 351 (ranges overlap), one epoll_ctl alone 335.2 of 335.7;
  TCP_DEFER_ACCEPT 336.6 of 334.0 and 322.2 of 322.5, delayed ACKs 332.0 and 322.9; one arena of
  malloc 331.6 of 331.9, larger caches in it 329.3; jemalloc, mimalloc and tcmalloc nothing that can
  be told from chance. X25519 is a fifth of it: 38 us to make a key and 34 to derive the secret, with
  OpenSSL 3.0. libsodium makes the key in 28 and derives in 30; a provider that has it do both made 349
  us of 355 with io_uring and 350 of 358 with epoll, nginx 344 (5 rounds beside other work), too
  little for other hands on the keys.
- **echo-1**: one connection that always waits. What is counted is going to sleep and waking up, and
  the rounds of one proxy lie further apart than the proxies do. io_uring makes four io_uring_enter
  an echo, of which two return at once with a send's completion, since we receive only when the last
  has gone. With more connections they come together.
- **paced-\\*, flood-\\***: milliseconds on two processors that clients, server and two workers share.
  Medians under a flood are the proxy's own: a message waits for the step that is computed when it
  comes, once each way, and no step can be cut (0.25 ms, RSA 0.5). Tails are the scheduler's: it
  leaves a thread that computes its processor for some milliseconds. A worker with a conversation
  offers it to others behind each step (sched_yield): p99 1.2 ms of 4.8, RSA 2.3 of 5.1 (4 rounds of
  2 s, epoll), and beside two processes that compute for ever 5.7 of 16, with as many handshakes.
  Among processes of the same terminal or container there are fewer then, 2,400 a second of 2,960,
  with a slice of 0.2 ms; without one 1,250. p50 without a flood is two wake-ups, as in echo-1. The
  rate of handshakes follows their cost, and between two of them we look for others' data, which
  nginx does not.
- **certificates-\\*, one worker**: the difference to nginx and hitch is that of a full handshake.
- **scaling**: below 1.90 with ECDSA handshakes, 1.83 and 1.84 here, since the cost with two workers
  differs most from round to round there (338 to 395 us); two runs of the same day had 1.92 and 1.90,
  1.92 and 1.89. Above 2.00 in transfers, since a GiB costs every proxy more with one worker than with
  two, and so do echoes with io_uring (tables above). Each worker has as many connections as the
  other; where the kernel's hash alone decides, the busier of two has 5.1 of eight on average. The
  upload's figures lie far apart for every proxy, most of all for io_uring: how much comes with one
  receive decides what a GiB costs, and that follows from who of sender, proxy and server ran last.
- **download, upload** (nobody is ahead): see "Where the time goes". Records are sealed in the send
  buffer: with OpenSSL's own copying, which that left out, a download cost 0.84 instead of 0.77 s/GiB
  (7 rounds of both).
"""


def write(results, directory):
    files = {"bars.svg": plot.bars(bar_panels(results)),
             "scale.svg": plot.lines(line_panels(results))}
    files["README.md"] = text(results)
    for name, content in files.items():
        with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
            file.write(content)


def text(results):
    parts = ["# What it costs", paragraph(about(results))]
    parts += warnings(results)
    parts += ["## With two workers and AES-256-GCM" if results["workers"] == 2 else
              f"## With {results['workers']} workers", table(report.table(results, "main")),
              "![bars of each figure beside the peers'](bars.svg)",
              paragraph("Bars are medians, the strokes in them reach from the lowest to the "
                        "highest round, the dashed line is the floor. Short is good.")]
    sections = [("## With one worker", "", report.table(results, "one-worker")),
                ("## From one worker to two", SCALING, report.scaling(results)),
                ("## With AES-128-GCM", "", report.table(results, "aes128")),
                ("## Many connections, certificates, routes",
                 "![cost over connections, certificates and routes](scale.svg)",
                 report.table(results, "scale")),
                ("## The load generator beside h2load", CHECK, check_table(results)),
                ("## Where the time goes", WHERE, report.table(results, "where"))]
    for title, words, lines in sections:
        lines = list(lines)
        if lines:
            parts += [title, words.strip(), table(lines)]
    parts += ["## Where a peer is ahead, and why", AHEAD.strip()]
    parts += ["## What the figures mean", MEANINGS.strip(), "## How it is measured", HOW.strip(),
              versions(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def paragraph(words):
    return textwrap.fill(words, 100, break_on_hyphens=False)


def table(lines):
    return "\n".join(lines)


def about(results):
    machine = results["machine"]
    return (f"Written by `scripts/bench --page` on {results['date']}, rounds: "
            f"{results['rounds_count']}, on {machine['cpus']} x {machine['model']} "
            f"({machine['memory_gib']} GiB), Linux {machine['kernel']}, {machine['openssl']}, gcc "
            f"{machine['compiler']}, sources at {machine['commit']}. Median (lowest-highest). The "
            "last columns compare io_uring and epoll with the best peer of the row: below 1 is "
            "better, except where the figure is a rate.")


def warnings(results):
    reasons = []
    if results["is_quick"] or results["rounds_count"] < ROUNDS_ENOUGH:
        reasons.append(f"rounds: {results['rounds_count']}" +
                       (", of half the size" if results["is_quick"] else ""))
    if results["noise_median"] > NOISE_CORES_MAX:
        reasons.append(f"other work used {results['noise_median']:.1f} cores of the machine")
    reasons += [f"failed: {failure}" for failure in results["failures"]]
    if not reasons:
        return []
    return [paragraph("**Preliminary, to be renewed.** " + "; ".join(reasons) +
                      f". {ROUNDS_ENOUGH} whole rounds on a machine that does nothing else are "
                      "wanted.")]


def versions(results):
    packages = [f"{name} {version}" for name, version in results["machine"]["packages"].items()
                if version]
    return paragraph("Versions of Debian's packages: " + ", ".join(packages) + ". Other processes "
                     f"used {results['noise_median']:.2f} cores meanwhile (median; at most "
                     f"{results['noise_max']:.2f}). Idle connections: {results['idle_count']:,}.")


def spread(results, name, figure):
    """(median, lowest, highest), or None."""
    values = report.known(results["rounds"].get(name, {}).get(figure, []))
    return (report.median(values), min(values), max(values)) if values else None


def shown_names(results):
    return report.ours_of(results) + report.peers_of(results)


def bar_panels(results):
    panels = []
    for figure in BARS:
        rows = [(name, *spread(results, name, figure)) for name in shown_names(results)
                if spread(results, name, figure)]
        if rows:
            floor = report.floor_of(figure, results["rounds"], results["openssl"])
            panels.append((f"{figure} [{report.unit_of(figure)}]", rows, floor))
    return panels


def line_panels(results):
    panels = []
    for kind, (title, axis) in AXES.items():
        series = {}
        for name in shown_names(results):
            points = [(count, *spread(results, name, f"{kind}-{count}"))
                      for count in columns.SCALE[kind] if spread(results, name, f"{kind}-{count}")]
            if points:
                series[name] = points
        if series:
            panels.append((title, axis, series))
    return panels


def check_table(results):
    """Our load generator beside h2load: a line for each proxy and kind of work."""
    lines = []
    for kind in ("request", "keepalive"):
        for name in shown_names(results):
            cells = [report.cell(results["rounds"].get(name, {}).get(f"{kind}-{figure}", []))
                     for figure in ("load", "h2load", "load-rate", "h2load-rate")]
            if cells[0] != "-":
                lines.append(f"| {kind} | {name} | " + " | ".join(cells) + " |")
    if lines:
        lines[:0] = ["| work | proxy | us CPU, load | us CPU, h2load | 1/s, load | 1/s, h2load |",
                     "|" + " --- |" * 6]
    return lines
