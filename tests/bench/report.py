"""The tables: medians, spread, and ratios to the best peer of the same rounds."""

import statistics

UNITS = {"kept": "KiB", "kept-share": "%", "idle": "KiB"}
CAPACITY = "-capacity"
ONE_WORKER = "-1w"


def unit_of(figure):
    if figure in UNITS:
        return UNITS[figure]
    if figure.endswith(("-calls", "-segments")):
        return "1"
    if figure.startswith(("download", "upload")):
        return "s/GiB"
    if figure.startswith(("paced", "flood")):
        return "1/s" if figure.endswith("rate") else "ms"
    return "1/s" if figure.endswith(("-rate", CAPACITY)) else "us"


def is_ratio_useful(figure):
    return not figure.startswith("kept")


def number(value):
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def known(values):
    return [value for value in values if value is not None]


def cell(values):
    values = known(values)
    if not values:
        return "-"
    return f"{number(statistics.median(values))} ({number(min(values))}-{number(max(values))})"


def median(values):
    values = known(values)
    return statistics.median(values) if values else None


def ours_of(results):
    return [name for name in results["names"] if name.startswith("sallyport")]


def peers_of(results):
    return [name for name in results["names"] if name not in ours_of(results) and name != "relay"]


def figures_of(results, group):
    """Those of a table, in the order they were measured."""
    return [figure for figure in results["figures"]
            if results["groups"][figure] == group and not figure.endswith(CAPACITY)]


def best_peer(figure, rounds, peers):
    """The peer with the best median: the lowest, except for a rate."""
    medians = [(median(rounds[peer].get(figure, [])), peer) for peer in peers if peer in rounds]
    medians = [pair for pair in medians if pair[0] is not None]
    if not medians:
        return None
    return (max if figure.endswith("rate") else min)(medians)[1]


def ratio(figure, rounds, name, peer):
    """Median of the ratios within each round, so that what slowed a whole round cancels out."""
    return median(ratios(rounds[name].get(figure, []), rounds[peer].get(figure, [])))


def ratios(values, others):
    return [value / other for value, other in zip(values, others) if value is not None and other]


def floor_of(figure, rounds, openssl):
    """What OpenSSL alone and a plain relay cost together; None where there is no such figure."""
    relay = median(rounds.get("relay", {}).get(figure, []))
    connect = median(rounds.get("relay", {}).get("handshake-ecdsa", []))
    crypto = {"handshake-ecdsa": ("ecdsa", "handshake_us"),
              "handshake-rsa": ("rsa", "handshake_us"),
              "request-ecdsa": ("ecdsa", "handshake_us"), "resumed-ecdsa": ("ecdsa", "resumed_us"),
              "download": ("ecdsa", "seal_s_per_gib"), "upload": ("ecdsa", "open_s_per_gib"),
              "idle": ("ecdsa", "idle_kib")}.get(figure.removesuffix(ONE_WORKER))
    if figure.removesuffix(ONE_WORKER) in ("handshake-rsa", "resumed-ecdsa"):
        relay = connect
    if crypto is None:
        return relay
    alone = median([run[crypto[1]] for run in openssl.get(crypto[0], [])])
    if figure == "idle":
        return alone
    return None if alone is None or relay is None else alone + relay


def table(results, group):
    """Lines of a Markdown table; none when nothing of the group was measured."""
    rounds, figures = results["rounds"], figures_of(results, group)
    ours, peers = ours_of(results), peers_of(results)
    shown = [name for name in ours + peers
             if any(known(rounds.get(name, {}).get(figure, [])) for figure in figures)]
    ours = [name for name in ours if name in shown]
    if not shown:
        return
    compares = group != "where"
    titles = ["figure", *shown]
    if compares:
        titles += ["floor", "best peer"] + [f"{name[10:]} / best" for name in ours]
    yield "| " + " | ".join(titles) + " |"
    yield "|" + " --- |" * len(titles)
    for figure in figures:
        line = [f"{figure} [{unit_of(figure)}]"]
        line += [cell(rounds.get(name, {}).get(figure, [])) for name in shown]
        if compares:
            line += comparison(results, figure, ours, peers)
        yield "| " + " | ".join(line) + " |"


def comparison(results, figure, ours, peers):
    """Cells: the floor, who the best peer is, and the ratio of each of ours to it."""
    rounds = results["rounds"]
    best = best_peer(figure, rounds, peers)
    floor = floor_of(figure, rounds, results["openssl"])
    cells = [number(floor) if floor is not None else "-", best or "-"]
    for name in ours:
        value = None
        if best is not None and is_ratio_useful(figure) and name in rounds:
            value = ratio(figure, rounds, name, best)
        cells.append(f"{value:.2f}" if value is not None else "-")
    return cells


def scaling_ratios(results, name, figure):
    """Of each round: capacity with all workers to capacity with one."""
    rounds = results["rounds"].get(name, {})
    return ratios(rounds.get(figure + CAPACITY, []), rounds.get(figure + ONE_WORKER + CAPACITY, []))


def scaling(results):
    """Lines of the table of how capacity grows from one worker to all."""
    figures = [figure for figure in results["figures"] if figure + ONE_WORKER in results["figures"]
               and not figure.endswith(CAPACITY)]
    shown = [name for name in ours_of(results) + peers_of(results)
             if any(scaling_ratios(results, name, figure) for figure in figures)]
    if not figures or not shown:
        return
    yield "| capacity, " + f"{results['workers']} workers / 1 | " + " | ".join(shown) + " |"
    yield "|" + " --- |" * (len(shown) + 1)
    for figure in figures:
        yield f"| {figure} | " + " | ".join(
            cell(scaling_ratios(results, name, figure)) for name in shown) + " |"
