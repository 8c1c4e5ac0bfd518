"""Floods, small: honest clients are served all along, and afterwards everything is as before. The
large ones: scripts/soak."""

import pytest

import plans
import siege

# Several kinds at a time, since beginning and settling take longer than the flood.
SIEGES = (
    ("silent", "drips", "resets", "leavers"), ("garbage", "big-hellos"), ("handshakes",),
    ("key-updates", "renegotiations", "crumbs"), ("deaf", "pushers"), ("memory",), ("places",),
    ("descriptors",), ("servers",),
)
SECONDS = 0.8
# Who reads nothing is ended for others after a second.
SECONDS_OF = {"memory": 2.0}


def test_every_flood_is_in_some_siege():
    assert {name for names in SIEGES for name in names} == set(plans.PLANS)


@pytest.mark.parametrize("names", SIEGES, ids="+".join)
def test_under_floods_honest_clients_are_served_and_nothing_stays(names, start, driver, certs):
    seconds = SECONDS_OF.get(names[0], SECONDS)
    with siege.of_plan(plans.together(names), plans.SMALL, start, certs, driver, seconds) as one:
        figures = one.run()
    assert figures["problems"] == [], figures
