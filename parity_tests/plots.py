"""The pictures of a report, as SVG to be put into a page: nothing in them depends on the machine or the day."""

import io
import re
from html import escape

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure

from parity_tests.histogram import EDGES, HIGH, LOW, PER_DECADE

# A page sets these by CSS, as --plot-ink and so on, for a light and a dark background.
COLOURS = {"ink": "#1b1f24", "faint": "#8b949e", "rule": "#d0d7de", "within": "#2f6db3", "beyond": "#c4341d"}
STYLE = {"svg.fonttype": "none", "svg.hashsalt": "parity_tests", "font.size": 11, "text.color": COLOURS["ink"]}
WIDTH, LEFT, RIGHT, TOP, STRIP, BOTTOM = 380, 62, 70, 16, 17, 18  # of a distribution, in pixels
BOUND = 1 - LOW * PER_DECADE  # so many bins lie below 1


def canvas(width, height):
    """Return a figure and axes whose coordinates are pixels, counted from the top left."""
    figure = Figure(figsize=(width / 72, height / 72))
    figure.patch.set_visible(False)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    return figure, axes


def to_svg(figure, label):
    """Return a figure as an SVG element, which a screen reader reads as its label."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    svg = re.search(r"<svg.*</svg>", text.getvalue(), re.DOTALL).group()
    svg = re.sub(r"<defs>.*?</defs>", "", svg, flags=re.DOTALL)  # a style would hold for the page; nothing is clipped
    svg = re.sub(r' (id|clip-path)="[^"]*"|<!--.*?-->', "", svg)  # an id must be the only one of a page
    svg = re.sub(r'(width|height)="([\d.]+)pt"', r'\1="\2"', svg, count=2)
    svg = re.sub(r"'DejaVu Sans'[^;\"]*", "system-ui, sans-serif", svg)
    for name, colour in COLOURS.items():
        svg = svg.replace(colour, f"var(--plot-{name}, {colour})")
    svg = re.sub(r"\s*\n\s*", " ", svg).replace("base64, ", "base64,")
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1)


def decades(*groups):
    """Return the powers of ten between which all histograms lie; at least from 1e-4 to 10."""
    counts = np.sum([one.counts for group in groups for one in group.values()] or [np.zeros(len(EDGES) + 1)], axis=0)
    (used,) = np.nonzero(counts)
    low, high = (LOW + (used[[0, -1]] - [1, 0]) / PER_DECADE) if used.size else (0, 0)
    return max(LOW, min(-4, int(np.floor(low)))), min(HIGH, max(1, int(np.ceil(high))))


def distribution(histograms, span=None):
    """Draw how error / bound is distributed, a strip for each dtype, with a line at the bound.

    Parameters
    ----------
    histograms
        For each dtype its `Histogram`.
    span
        The powers of ten at both ends, by default those of `decades`; what is beyond stands at the end.
    """
    low, high = span or decades(histograms)
    bottom = TOP + STRIP * len(histograms)
    positions = _positions(low, high)
    with matplotlib.style.context(["default", STYLE]):
        figure, axes = canvas(WIDTH, bottom + BOTTOM)
        _scale(axes, low, high, bottom)
        for number, (dtype, one) in enumerate(histograms.items(), start=1):
            base = TOP + STRIP * number
            axes.text(LEFT - 8, base - 4, dtype, ha="right", va="baseline")
            exact = f"exact: {one.exact}" if one.exact else ""
            axes.text(WIDTH - RIGHT + 8, base - 4, exact, va="baseline", color=COLOURS["faint"])
            axes.plot([LEFT, WIDTH - RIGHT], [base, base], color=COLOURS["rule"], linewidth=1)
            _bars(axes, positions, np.array(one.counts), base)
        return to_svg(figure, _in_words(histograms))


def _positions(low, high):
    """Where the edges of all bins are, in pixels; at both ends there is room for the bin that is open."""
    inner = np.interp(np.log10(EDGES), [low, high], [LEFT + 6, WIDTH - RIGHT - 6])
    return np.concatenate([[LEFT], inner, [WIDTH - RIGHT]])


def _scale(axes, low, high, bottom):
    step = 1 if high - low <= 5 else 2
    for power in range(low, high + 1):
        x = np.interp(power, [low, high], [LEFT + 6, WIDTH - RIGHT - 6])
        axes.plot([x, x], [TOP, bottom + 3], color=COLOURS["rule"], linewidth=0.75)
        if power % step == 0:
            label = f"{10.0**power:g}" if abs(power) < 3 else f"1e{power}"
            beyond = {LOW: "≤", HIGH: "≥"}.get(power, "")  # there the bins are open
            axes.text(x, bottom + 14, beyond + label, ha="center", va="baseline", fontsize=10)
        if power == 0:
            axes.plot([x, x], [TOP - 3, bottom + 3], color=COLOURS["beyond"], linewidth=1.5)
            axes.text(x, TOP - 5, "bound", ha="center", va="baseline", fontsize=10, color=COLOURS["beyond"])


def _bars(axes, positions, counts, base):
    tallest = max(1, counts.max())
    heights = np.where(counts > 0, np.maximum(2, (STRIP - 3) * counts / tallest), 0)
    for part, colour in ((slice(None, BOUND), "within"), (slice(BOUND, None), "beyond")):
        if counts[part].any():
            edges = positions[part.start : None if part.stop is None else part.stop + 1]
            axes.stairs(base - heights[part], edges, baseline=base, fill=True, facecolor=COLOURS[colour], linewidth=0)


def _in_words(histograms):
    parts = [
        f"{dtype}: {one.exact} exact, {sum(one.counts[:BOUND])} others within the bound, {sum(one.counts[BOUND:])} "
        f"beyond it, the largest {one.worst:.3g}"
        for dtype, one in histograms.items()
    ]
    return f"Distribution of error / bound over the examples. {'; '.join(parts)}."
