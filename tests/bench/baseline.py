"""The committed figures of scripts/instructions, and the verdict on new ones.

A figure is known by (operation, measure), such as ("epoll/echo-47", "own").
"""

TOLERANCE = 0.02
SURROUNDINGS = ("compiler", "libraries", "kernel")
HEAD = """\
# What scripts/instructions counted. Change it only with its --accept, in the commit that makes the
# difference, with the reason in that commit's message (tests/README.md).
"""


def read(text):
    """(surroundings, figures) of a baseline's text."""
    around, figures = {}, {}
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word in SURROUNDINGS:
            around[word] = rest
        elif line and not line.startswith("#"):
            operation, measure, figure = line.split()
            figures[operation, measure] = float(figure)
    return around, figures


def write(around, figures):
    lines = [f"{key} {around[key]}" for key in SURROUNDINGS]
    lines += [f"{operation} {measure} {figure:.1f}"
              for (operation, measure), figure in figures.items()]
    return HEAD + "\n".join(lines) + "\n"


def depends_on(operation, measure):
    """Which of the surroundings have a say in a figure. What io_uring does at once, and what later,
    is the kernel's choice."""
    parts = {"own": {"compiler"}, "calls": {"compiler"}, "syscalls": set(),
             "total": {"compiler", "libraries"}}[measure]
    return parts | ({"kernel"} if operation.startswith("io_uring/") else set())


class Verdicts:
    """Judges figures, and counts the verdicts."""

    def __init__(self, around, old_around, left_out):
        self.changed = {key for key in SURROUNDINGS if around.get(key) != old_around.get(key)}
        self.left_out = left_out  # operations that cannot be had here begin with one of these
        self.counts = {"pass": 0, "FAIL": 0, "skip": 0}

    def of(self, key, figure, old):
        verdict, note = self.judge(key, figure, old)
        self.counts[verdict] += 1
        return verdict, note

    def judge(self, key, figure, old):
        if figure is None:
            if key[0].startswith(tuple(f"{subject}/" for subject in self.left_out)):
                return "skip", "cannot be had here"
            return "FAIL", "counted no more: --accept"
        if old is None:
            return "FAIL", "not in the baseline: --accept"
        changed = self.changed & depends_on(*key)
        if changed:
            return "skip", "another " + " and ".join(sorted(changed)) + " than the baseline's"
        if figure > old * (1 + TOLERANCE):
            return "FAIL", f"more than {TOLERANCE:.0%} worse"
        if figure < old * (1 - TOLERANCE):
            return "pass", f"more than {TOLERANCE:.0%} better: renew the baseline, --accept"
        return "pass", ""
