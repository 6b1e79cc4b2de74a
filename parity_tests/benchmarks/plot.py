"""What a benchmark found, as a picture and as a page: cost against the length, both logarithmic."""

import base64
import io
from collections.abc import Callable
from functools import partial
from itertools import chain, cycle
from typing import NamedTuple

from matplotlib.figure import Figure

from parity_tests.benchmarks import table
from parity_tests.benchmarks.contenders import UNIT
from parity_tests.benchmarks.timing import PASSES
from parity_tests.page import template

OF_UNIT = {"color": "black", "linestyle": "--", "marker": "o"}
COLOURS = ("#b08800", "#1a7f37", "#0b5cad", "#8250df", "#c4341d", "#d4691e", "#0f7b8a", "#b83280", "#57606a")
MARKERS = "sD^v<>Pp*"


class Panel(NamedTuple):
    """What one panel of the picture shows, a curve a contender: the title, the axis, and the costs of a contender."""

    title: str
    axis: str
    costs: Callable


def png(benchmark):
    """Return the picture as the bytes of a PNG."""
    bytes_of_it = io.BytesIO()
    drawn(benchmark).savefig(bytes_of_it, format="png", dpi=110, metadata={"Software": None})
    return bytes_of_it.getvalue()


def drawn(benchmark):
    """Return the picture, as a figure of Matplotlib: forward on the left, forward and backward on the right."""
    rows = [[panel(benchmark, both) for both in PASSES] for panel in (_times, _ratios, _memory)]
    names = list(dict.fromkeys(one.contender for one in (*benchmark.times, *benchmark.memory)))
    rows = [row for row in rows if any(panel.costs(name) for panel in row for name in names)]
    figure = Figure(figsize=(11, 4.4 * len(rows)), layout="constrained")
    for axes, panel in zip(figure.subplots(len(rows), 2, squeeze=False).flat, chain(*rows)):
        _draw(axes, panel, names)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    return figure


def page(benchmark):
    """Return the page as text; it needs nothing else."""
    picture = base64.b64encode(png(benchmark)).decode("ascii") if benchmark.times or benchmark.memory else None
    spread = table.spread_in_words(benchmark) if benchmark.times else None
    return template("benchmark.html.jinja").render(
        benchmark=benchmark, tables=table.tables(benchmark), picture=picture, spread=spread
    )


def _times(benchmark, both):
    costs = partial(benchmark.costs, "times", both=both)
    return Panel(f"Time, {PASSES[both]}", "seconds a head", costs)


def _ratios(benchmark, both):
    def costs(name):
        own = [one for one in benchmark.times if one.contender == name and one.both == both and one.ratio is not None]
        return [(one.T, one.ratio) for one in own]

    return Panel(f"Relative time, {PASSES[both]}", "times the matrix products alone", costs)


def _memory(benchmark, both):
    def costs(name):
        return [(T, max(size, 1) / 1e6) for T, size in benchmark.costs("memory", name, both)]

    return Panel(f"Memory, {PASSES[both]}", "MB beyond inputs and results", costs)


def _draw(axes, panel, names):
    every = set()
    styles = ({"color": colour, "marker": marker} for colour, marker in cycle(zip(COLOURS, MARKERS)))
    for name in names:
        lengths, costs = zip(*panel.costs(name)) if panel.costs(name) else ((), ())
        every.update(lengths)
        style = OF_UNIT if name == UNIT.name else next(styles)
        axes.plot(lengths, costs, label=name, markersize=4, linewidth=1.3, **style)
    if every:  # of nothing there is no logarithm
        axes.set_xscale("log")
        axes.set_yscale("log")
    axes.set_xticks(sorted(every), [f"{T:,}" for T in sorted(every)], minor=False)
    axes.set_xticks([], minor=True)
    axes.tick_params(axis="x", labelsize=8, labelrotation=30)
    axes.set_xlabel("T, positions")
    axes.set_ylabel(panel.axis)
    axes.set_title(panel.title, fontsize=11)
    axes.grid(True, which="major", color="#d0d7de", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
