"""Heat-maps of a disagreement: what the layer computed, what is true, and how many bounds lie between."""

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.patches import Rectangle

from parity_tests.plots import COLOURS, STYLE, canvas, to_svg

WIDTH, LEFT, TOP, BAR, BOTTOM = 300, 30, 18, 9, 38  # of a heat-map, in pixels
CELL_WIDTH, CELL_HEIGHT = 66, 26  # the largest
VALUES, DIFFERENCES = "PuOr_r", "RdBu_r"  # both diverge from white


def heat_maps(arrays, index):
    """Draw the matrix in which an element lies.

    Parameters
    ----------
    arrays
        What was `Compared`.
    index
        Of the worst element, which is outlined.

    Returns
    -------
    maps : dict
        From what is shown to its SVG.
    """
    actual, expected, bound = (np.atleast_2d(one[index[:-2]]) for one in (arrays.actual, arrays.expected, arrays.bound))
    worst = (0, 0, *index)[-2:]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        difference = actual - expected
        name = "difference; the bound is 0"
        if bound.any():
            difference = np.where(difference == 0, 0.0, difference / bound)
            name = "difference / bound"
    actual, expected, difference = (np.ma.masked_where(np.isinf(bound), one) for one in (actual, expected, difference))
    largest = _largest(actual, expected)
    scale, least = (_beyond, 10.0) if bound.any() else (_linear, 0.0)
    with matplotlib.style.context(["default", STYLE]):
        return {
            "actual": _heat_map("actual", actual, largest, _linear, worst, VALUES),
            "expected": _heat_map("expected", expected, largest, _linear, worst, VALUES),
            name: _heat_map(name, difference, max(least, _largest(difference)), scale, worst, DIFFERENCES),
        }


def _largest(*arrays):
    finite = [np.abs(array.data[np.isfinite(array.filled(np.nan))]).max(initial=0.0) for array in arrays]
    return float(max(finite)) or 1.0


def _linear(values, largest):
    """Where values stand between -1 and 1."""
    return values / largest


def _beyond(values, largest):
    """The same for a difference in bounds: pale up to the bound, from there on logarithmic."""
    size = np.abs(values)
    beyond = 0.2 + 0.8 * np.log10(np.maximum(1, size)) / np.log10(largest)
    return np.sign(values) * np.where(size <= 1, 0.2 * size, beyond)


def _heat_map(name, values, largest, scale, worst, colours):
    rows, columns = values.shape
    cell = np.array([min(CELL_WIDTH, (WIDTH - LEFT - 4) / columns), min(CELL_HEIGHT, 300 / rows)])
    right, bottom = LEFT + columns * cell[0], TOP + rows * cell[1]
    figure, axes = canvas(WIDTH, bottom + BOTTOM)
    palette = matplotlib.colormaps[colours].with_extremes(bad=COLOURS["faint"])  # bad is NaN
    with np.errstate(invalid="ignore", over="ignore"):
        painted = palette(np.clip((1 + scale(values.data, largest)) / 2, 0, 1))
    painted[np.ma.getmaskarray(values)] = 0  # transparent
    axes.imshow(painted, extent=(LEFT, right, bottom, TOP), aspect="auto", interpolation="none")
    _indices(axes, rows, columns, cell, bottom)
    if cell[0] >= 48 and cell[1] >= 14:
        _numbers(axes, values, painted, cell)
    _outline(axes, worst, cell)
    _colour_bar(axes, palette, largest, scale, bottom + 12)
    axes.set(xlim=(0, WIDTH), ylim=(bottom + BOTTOM, 0))  # which imshow has changed
    return to_svg(
        figure,
        f"Heat-map of {name}: {rows} rows, {columns} columns. The outlined element in row {worst[0]}, column "
        f"{worst[1]} is {values.data[worst]:.6g}.",
    )


def _indices(axes, rows, columns, cell, bottom):
    """The numbers of rows and columns, as many as there is room for."""
    for row in range(0, rows, int(np.ceil(14 / cell[1]))):
        y = TOP + (row + 0.5) * cell[1]
        axes.text(LEFT - 5, y + 4, str(row), ha="right", va="baseline", fontsize=10, color=COLOURS["faint"])
    for column in range(0, columns, int(np.ceil(24 / cell[0]))):
        x = LEFT + (column + 0.5) * cell[0]
        axes.text(x, TOP - 5, str(column), ha="center", va="baseline", fontsize=10, color=COLOURS["faint"])


def _numbers(axes, values, painted, cell):
    for (row, column), value in np.ma.ndenumerate(values):  # all but the masked ones
        dark = painted[row, column, :3] @ [0.3, 0.6, 0.1] < 0.5
        x, y = LEFT + (column + 0.5) * cell[0], TOP + (row + 0.5) * cell[1] + 3.5
        colour = "#ffffff" if dark else "#000000"
        axes.text(x, y, f"{value:.3g}", ha="center", va="baseline", fontsize=10, color=colour)


def _outline(axes, worst, cell):
    """A frame around the worst element, large enough to be seen."""
    size = np.maximum(cell, 8)
    corner = np.array([LEFT, TOP]) + (np.array(worst[::-1]) + 0.5) * cell - size / 2
    for colour, width in (("#ffffff", 4), ("#000000", 2)):
        axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=colour, linewidth=width))


def _colour_bar(axes, palette, largest, scale, top):
    painted = palette(np.linspace(0, 1, 129))[None]
    left, right = LEFT, WIDTH - 4
    axes.imshow(painted, extent=(left, right, top + BAR, top), aspect="auto", interpolation="none")
    ticks = [-largest, 0, largest] if scale is _linear else [-largest, -1, 0, 1, largest]
    for tick in ticks:
        x = left + (right - left) * (1 + float(scale(np.float64(tick), largest))) / 2
        place = "left" if tick == -largest else "right" if tick == largest else "center"
        axes.plot([x, x], [top + BAR, top + BAR + 3], color=COLOURS["faint"], linewidth=0.75)
        axes.text(x, top + BAR + 14, f"{tick:.3g}", ha=place, va="baseline", fontsize=10)
