"""Costs -> what is printed, the tables of a Markdown page, and a plot."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contenders import CONTENDERS, Comparison
from contenders.process import Cost

BEGIN, END = "<!-- tables: benchmarks/captioning.py -->", "<!-- end of tables -->"
_OURS, _THEIRS = "#2a6f97", "#b0b7bd"


@dataclass(frozen=True, slots=True)
class Results:
    """All that a run has found: by contender the cost of each of its turns, in the order of the rounds."""

    machine: Sequence[str]
    costs: Mapping[str, Sequence[Cost]]
    missing: Mapping[str, str]
    starts: Sequence[Cost]
    growing: Sequence[Cost]
    comparisons: Sequence[Comparison]


def say(results: Results) -> None:
    """Print everything for a person."""
    print(markdown(results))


def markdown(results: Results) -> str:
    """The tables, and the machine under them."""
    parts = [_ratios(results), _rates(results), _starts(results), _growing(results)]
    parts.append("\n".join(f"- {line}" for line in results.machine))
    return "\n\n".join(part for part in parts if part)


def write_into(page: Path, tables: str) -> None:
    """Put the tables between the marks of a page."""
    text = page.read_text()
    if BEGIN not in text or END not in text:
        raise SystemExit(f"error: {page} has no lines {BEGIN} and {END}: add them where the tables shall stand")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}")


def plot(results: Results, path: Path) -> None:
    """Items per second of the processors' work, for everything that captions pictures, as an SVG."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    matplotlib.rcParams["svg.hashsalt"] = "showtell"
    names = [name for name in results.costs if CONTENDERS[name].unit == "pictures"][::-1]
    rates = [statistics.median(cost.items / cost.clock for cost in results.costs[name]) for name in names]
    figure, axes = pyplot.subplots(figsize=(8, 0.36 * len(names) + 0.9), layout="constrained")
    colours = [_OURS if _is_ours(name) else _THEIRS for name in names]
    bars = axes.barh(names, rates, color=colours)
    axes.bar_label(bars, labels=[f"{rate:.3g}" for rate in rates], padding=3)
    axes.set_xscale("log")
    axes.set_xlabel("pictures a second, by the clock")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.12)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _ratios(results: Results) -> str:
    rows = [
        "| Showtell against | times as fast, by the clock | by the processors' work | wanted |",
        "|---|---|---|---|",
    ]
    for one in results.comparisons:
        ours, theirs = results.costs.get(one.ours), results.costs.get(one.theirs)
        target = "" if one.target is None else f"{'at most ' if one.less else ''}{one.target:g}"
        if ours and theirs:
            clock, work = (_ratio(ours, theirs, cost) for cost in (_clock, _work))
            rows.append(f"| {one.what} | {clock} | {work} | {target} |")
        elif why := results.missing.get(one.theirs) or results.missing.get(one.ours):
            rows.append(f"| {one.what} | not measured: {why} | | {target} |")
    return "\n".join(rows) if len(rows) > 2 else ""


def _rates(results: Results) -> str:
    rows = ["| | a second, by the clock | processor milliseconds for each | most memory, MiB |", "|---|---|---|---|"]
    for name, costs in results.costs.items():
        rate = _spread([cost.items / cost.clock for cost in costs])
        work = _spread([1000 * _work(cost) for cost in costs])
        rows.append(f"| {name} ({CONTENDERS[name].unit}) | {rate} | {work} | {max(c.memory for c in costs):.0f} |")
    return "\n".join(rows) if results.costs else ""


def _starts(results: Results) -> str:
    if not results.starts:
        return ""
    clock, work = (_spread([of(cost) for cost in results.starts]) for of in (_clock, _work))
    rows = "| | seconds by the clock | processor seconds |\n|---|---|---|\n"
    return f"{rows}| `showtell caption one.jpg`, files in the cache | {clock} | {work} |"


def _growing(results: Results) -> str:
    rows = [
        "| pictures, greedy | seconds by the clock | processor ms a picture | most memory, MiB |",
        "|---|---|---|---|",
    ]
    for cost in results.growing:
        rows.append(f"| {cost.items:,} | {cost.clock:.1f} | {1000 * _work(cost):.1f} | {cost.memory:.0f} |")
    return "\n".join(rows) if results.growing else ""


def _ratio(ours: Sequence[Cost], theirs: Sequence[Cost], of: Callable[[Cost], float]) -> str:
    return _spread([of(b) / of(a) for a, b in zip(ours, theirs, strict=True)])


def _clock(cost: Cost) -> float:
    return cost.clock / cost.items


def _work(cost: Cost) -> float:
    return cost.work / cost.items


def _spread(values: Sequence[float]) -> str:
    """Median, least and most."""
    middle, least, most = map(_digits, (statistics.median(values), min(values), max(values)))
    return f"**{middle}** ({least} to {most})"


def _digits(value: float) -> str:
    """Three of them, and zeros."""
    return f"{value:.3g}" if value < 999.5 else f"{float(f'{value:.3g}'):,.0f}"


def _is_ours(name: str) -> bool:
    return "showtell" in name or name.startswith("its ")
