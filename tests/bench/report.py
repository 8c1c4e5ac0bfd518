"""The table: medians, spread, and ratios to the best peer of the same rounds."""

import statistics

UNITS = {"kept": "KiB", "kept-share": "%", "idle": "KiB", "download": "s/GiB", "upload": "s/GiB"}


def unit_of(figure):
    if figure in UNITS:
        return UNITS[figure]
    if figure.startswith(("paced", "flood")):
        return "1/s" if figure.endswith("rate") else "ms"
    return "us"


def is_ratio_useful(figure):
    return not figure.startswith("kept")


def number(value):
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def cell(values):
    values = [value for value in values if value is not None]
    if not values:
        return "-"
    return f"{number(statistics.median(values))} ({number(min(values))}-{number(max(values))})"


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def best_peer(figure, rounds, peers):
    """The peer with the best median: the lowest, except for a rate."""
    medians = [(median(rounds[peer].get(figure, [])), peer) for peer in peers if peer in rounds]
    medians = [pair for pair in medians if pair[0] is not None]
    if not medians:
        return None
    return (max if figure.endswith("rate") else min)(medians)[1]


def ratio(figure, rounds, name, peer):
    """Median of the ratios within each round, so that what slowed a whole round cancels out."""
    ours, theirs = rounds[name].get(figure, []), rounds[peer].get(figure, [])
    ratios = [a / b for a, b in zip(ours, theirs) if a is not None and b]
    return statistics.median(ratios) if ratios else None


def floor_of(figure, rounds, openssl):
    """What OpenSSL alone and a plain relay cost together; None where there is no such figure."""
    relay = median(rounds.get("relay", {}).get(figure, []))
    connect = median(rounds.get("relay", {}).get("handshake-ecdsa", []))
    crypto = {"handshake-ecdsa": ("ecdsa", "handshake_us"), "handshake-rsa": ("rsa", "handshake_us"),
              "request-ecdsa": ("ecdsa", "handshake_us"), "resumed-ecdsa": ("ecdsa", "resumed_us"),
              "download": ("ecdsa", "seal_s_per_gib"), "upload": ("ecdsa", "open_s_per_gib"),
              "idle": ("ecdsa", "idle_kib")}.get(figure)
    if figure in ("handshake-rsa", "resumed-ecdsa"):
        relay = connect
    if crypto is None:
        return relay
    alone = median([run[crypto[1]] for run in openssl.get(crypto[0], [])])
    if figure == "idle":
        return alone
    return None if alone is None or relay is None else alone + relay


def table(results):
    """Lines of a Markdown table."""
    rounds, names = results["rounds"], results["names"]
    ours = [name for name in names if name.startswith("sallyport")]
    peers = [name for name in names if name not in ours and name != "relay"]
    shown = ours + peers
    yield "| figure | " + " | ".join(shown + ["floor", "best peer"] +
                                      [f"{name[10:]} / best" for name in ours]) + " |"
    yield "|" + " --- |" * (len(shown) + 3 + len(ours))
    for figure in results["figures"]:
        best = best_peer(figure, rounds, peers)
        floor = floor_of(figure, rounds, results["openssl"])
        line = [f"{figure} [{unit_of(figure)}]"]
        line += [cell(rounds.get(name, {}).get(figure, [])) for name in shown]
        line += [number(floor) if floor is not None else "-", best or "-"]
        for name in ours:
            value = None
            if best is not None and is_ratio_useful(figure) and name in rounds:
                value = ratio(figure, rounds, name, best)
            line.append(f"{value:.2f}" if value is not None else "-")
        yield "| " + " | ".join(line) + " |"
