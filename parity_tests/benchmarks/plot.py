"""What a benchmark found, as a picture and as a page: cost against the length, both logarithmic."""

import base64
import io

from matplotlib.figure import Figure

from parity_tests.benchmarks import table
from parity_tests.page import template

COLOURS = ("#8b949e", "#b08800", "#1a7f37", "#0b5cad", "#8250df", "#c4341d", "#d4691e", "#0f7b8a", "#b83280", "#57606a")
MARKERS = "osD^v<>Pp*"


def png(benchmark):
    """Return the picture as the bytes of a PNG."""
    panels = [("times", False), ("times", True), *([("memory", False), ("memory", True)] if benchmark.memory else [])]
    figure = Figure(figsize=(11, 4.6 * (len(panels) // 2)), layout="constrained")
    names = list(dict.fromkeys(one.contender for one in (*benchmark.times, *benchmark.memory)))
    for axes, (of, both) in zip(figure.subplots(len(panels) // 2, 2, squeeze=False).flat, panels):
        _panel(axes, benchmark, names, of, both)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    bytes_of_it = io.BytesIO()
    figure.savefig(bytes_of_it, format="png", dpi=110, metadata={"Software": None})
    return bytes_of_it.getvalue()


def page(benchmark):
    """Return the page as text; it needs nothing else."""
    picture = base64.b64encode(png(benchmark)).decode("ascii") if benchmark.times else None
    spread = table.spread_in_words(benchmark) if benchmark.times else None
    return template("benchmark.html.jinja").render(
        benchmark=benchmark, tables=table.tables(benchmark), picture=picture, spread=spread
    )


def _panel(axes, benchmark, names, of, both):
    every = set()
    for number, name in enumerate(names):
        own = benchmark.costs(of, name, both)
        lengths, costs = [T for T, _ in own], [cost if of == "times" else max(cost, 1) / 1e6 for _, cost in own]
        every.update(lengths)
        style = {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)]}
        axes.plot(lengths, costs, label=name, markersize=4, linewidth=1.3, **style)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(sorted(every), [f"{T:,}" for T in sorted(every)], minor=False)
    axes.set_xticks([], minor=True)
    axes.tick_params(axis="x", labelsize=8)
    axes.set_xlabel("T, positions")
    axes.set_ylabel("seconds a head" if of == "times" else "MB beyond inputs and results")
    axes.set_title(f"{'Time' if of == 'times' else 'Memory'}, {table.PASSES[both]}", fontsize=11)
    axes.grid(True, which="major", color="#d0d7de", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
