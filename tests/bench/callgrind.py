"""Runs a program under callgrind, and reads what it counted: instructions, calls, system calls."""

import os
import re
import subprocess

OPTIONS = ["--collect-atstart=no", "--toggle-collect=counted_run", "--dump-before=counted_begin",
           "--dump-before=counted_end", "--collect-systime=yes", "--compress-strings=no",
           "--compress-pos=no"]
STATUS_SKIPPED = 77
RUN_SECONDS_MAX = 300


class CountFailed(Exception):
    pass


class Counts:
    """Of one operation, a round: those of our own functions apart from the rest."""

    def __init__(self, rounds):
        self.rounds = rounds
        self.own = self.total = self.calls = self.syscalls = 0
        self.functions = {}  # name to instructions, of our own only

    def figures(self):
        return {measure: getattr(self, measure) / self.rounds
                for measure in ("own", "calls", "syscalls", "total")}


def functions(paths):
    """The names of all functions in objects or archives, static ones too, without suffixes."""
    output = subprocess.run(["nm", *map(str, paths)], check=True, capture_output=True,
                            text=True).stdout
    return {plain(match) for match in re.findall(r"^[0-9a-f]+ [tTiW] (\S+)$", output, re.MULTILINE)}


def plain(function):
    """"flow_run.part.0" is a piece of flow_run; callgrind marks recursion with "'2"."""
    return re.split(r"[.'@]", function)[0]


def read(path, rounds, own):
    """Lines of a dump: where the next costs belong, or a cost. The cost behind "calls=" is what the
    callee used, which stands with the callee's own lines again."""
    counts, function, is_callees = Counts(rounds), "", False
    with open(path, encoding="utf-8", errors="replace") as dump:
        for line in dump:
            if line.startswith("fn="):
                function = plain(line[3:].strip())
            elif line.startswith("cfn="):
                callee = plain(line[4:].strip())
            elif line.startswith("calls="):
                is_callees = True
                if function in own and callee not in own:
                    counts.calls += int(line[6:].split()[0])
            elif line[0].isdigit():
                if not is_callees:
                    add(counts, function, line.split()[1:], own)
                is_callees = False
    return counts


def add(counts, function, costs, own):
    instructions = int(costs[0]) if costs else 0
    counts.total += instructions
    counts.syscalls += int(costs[1]) if len(costs) > 1 else 0
    if function in own:
        counts.own += instructions
        counts.functions[function] = counts.functions.get(function, 0) + instructions


def run(program, subject, directory, own):
    """[(operation, Counts)], or None where the subject cannot be had. The program's dumps come in
    pairs: what was before an operation, and the operation."""
    path = os.path.join(directory, f"callgrind.{subject}")
    command = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={path}", *OPTIONS,
               str(program), subject]
    # OpenSSL looks at the CPU; a configuration file could change what it does.
    environment = dict(os.environ, OPENSSL_CONF="/dev/null", LC_ALL="C")
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS_MAX,
                          env=environment)
    if done.returncode == STATUS_SKIPPED:
        return None
    if done.returncode != 0:
        raise CountFailed(f"{subject}: status {done.returncode}\n{done.stderr}")
    operations = [line.split() for line in done.stdout.splitlines()]
    return [(name, read(f"{path}.{2 * index + 2}", int(rounds), own))
            for index, (name, rounds) in enumerate(operations)]
