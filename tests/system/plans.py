"""Which floods there are, and how large: small ones for every run of the tests, large ones for
scripts/soak."""

import dataclasses

SMALL, LARGE = "small", "large"

# On a machine that has little time for the proxy, honest clients must not be late.
PATIENT = {"timeouts": {"hello": "15s", "handshake": "20s"}}
# Where places or descriptors have to become free by themselves.
SHORT = {"timeouts": {"hello": "2s", "handshake": "5s"}}


@dataclasses.dataclass(frozen=True)
class Plan:
    about: str
    attacks: tuple = ()  # (kind, connections at a time when small, when large)
    settings: dict = dataclasses.field(default_factory=dict)
    large: dict = dataclasses.field(default_factory=dict)  # settings that differ then
    key: str = "ec"
    descriptors: tuple = None  # of the proxy, small and large
    mortal: int = 0  # servers that are killed and revived beside the one that stays
    may_abort: bool = False  # a request may meet the end of its server

    def plan(self, size):
        """(kind, count, hosts): a host has ports for some thousand connections."""
        at = 1 if size == SMALL else 2
        return [(attack[0], attack[at], 1 + attack[at] // 3000) for attack in self.attacks]

    def chosen(self, size):
        return {**PATIENT, **self.settings, **(self.large if size == LARGE else {})}

    def wrapper(self, size):
        if self.descriptors is None:
            return ()
        limit = self.descriptors[0 if size == SMALL else 1]
        return ("prlimit", f"--nofile={limit}:{limit}")


def together(names):
    """One that is all of these, which must not differ in anything but attacks and settings."""
    chosen = [PLANS[name] for name in names]
    settings = {}
    for plan in chosen:
        settings.update(plan.settings)
    if len(chosen) > 1:
        assert all(plan.descriptors is None and plan.mortal == 0 and plan.key == "ec"
                   for plan in chosen)
        return Plan(", ".join(names), tuple(attack for plan in chosen for attack in plan.attacks),
                    settings)
    return chosen[0]


PLANS = {
    "silent": Plan("clients that say nothing", (("silent", 300, 10_000),),
                   {"max_connections": 12_000, "timeouts": {"hello": "5s"}}),
    "drips": Plan("hellos byte by byte", (("drips", 100, 1000),)),
    "resets": Plan("connections reset at once", (("resets", 50, 500),)),
    "leavers": Plan("clients that leave in mid-handshake", (("leavers", 50, 500),)),
    "garbage": Plan("bytes and records of chance", (("garbage", 30, 200), ("forgeries", 5, 100))),
    "big-hellos": Plan("hellos of 131 kB, and of less that never end", (("big_hellos", 60, 2000),)),
    "handshakes": Plan("full RSA handshakes", (("handshakes", 50, 500),), key="rsa"),
    "key-updates": Plan("requests for new keys", (("key_updates", 10, 200),)),
    "renegotiations": Plan("attempts to renegotiate", (("renegotiations", 10, 200),)),
    "crumbs": Plan("records of one byte", (("crumbs", 8, 50),)),
    "deaf": Plan("clients that never read", (("deaf", 40, 500),)),
    "pushers": Plan("servers that never read", (("pushers", 40, 500),)),
    "memory": Plan("more than memory-max holds", (("deaf", 80, 600), ("pushers", 40, 200)),
                   {"memory_max": "8m", "max_connections": 300},
                   {"memory_max": "48m", "max_connections": 1500}),
    "places": Plan("more than max-connections", (("silent", 100, 5000),),
                   {"max_connections": 40, **SHORT}, {"max_connections": 1000}),
    "descriptors": Plan("more than descriptors last for", (("silent", 150, 3000),),
                        {"max_connections": 5000, **SHORT}, descriptors=(100, 1000)),
    "servers": Plan("servers killed and revived", (("deaf", 5, 50),), mortal=2, may_abort=True),
}
