"""The plot of a distribution says what the histogram holds, and is the same wherever it is drawn."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from parity_tests.histogram import EDGES, Histogram, histogram
from parity_tests.plots import COLOURS, decades, distribution

SOME = {"float16": [0.0, 0.0, 0.3], "float32": [0.01, 0.02]}


def texts(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_a_plot_names_each_dtype_and_counts_what_is_exact():
    shown = texts(distribution(histogram(SOME)))
    assert {"float16", "float32", "exact: 2", "bound"} <= set(shown)
    assert sum(text.startswith("exact") for text in shown) == 1


def test_a_plot_is_told_in_words():
    label = ElementTree.fromstring(distribution(histogram({"float32": [0.0, 0.5, 3.0]}))).get("aria-label")
    assert "float32: 1 exact, 1 others within the bound, 1 beyond it, the largest 3" in label


@pytest.mark.parametrize(("ratio", "side"), [(1.0, "within"), (np.nextafter(1, 2), "beyond"), (np.inf, "beyond")])
def test_bars_beyond_the_bound_have_another_colour(ratio, side):
    bars = re.findall(r"<path[^>]*fill: var\(--plot-(\w+)", distribution(histogram({"float32": [ratio]})))
    assert bars == [side]


def test_counts_of_a_hundred_thousand_examples_are_drawn_as_samples_are():
    counts = np.array(histogram({"float32": [0.01, 0.02, 0.02]})["float32"].counts)
    many = {"float32": Histogram(tuple(counts * 33333), 1, 0.02)}
    assert "99999 others within the bound" in distribution(many)
    few = {"float32": Histogram(tuple(counts), 1, 0.02)}
    assert distribution(few).partition(">")[2] == distribution(many).partition(">")[2]


def test_the_same_histogram_gives_the_same_bytes():
    assert distribution(histogram(SOME)) == distribution(histogram(SOME))


def test_a_plot_can_stand_beside_others_in_a_page():
    svg = distribution(histogram(SOME))
    assert svg.startswith("<svg")
    for word in ("<style", " id=", "url(", "<metadata", "<!"):
        assert word not in svg


def test_every_colour_is_one_that_a_page_can_set():
    svg = distribution(histogram({"float32": [0.0, 0.5, 3.0]}))
    named = re.sub(r"var\(--plot-\w+, #\w{6}\)", "", svg)
    assert not re.search("#[0-9a-f]{6}", named)
    assert {f"--plot-{name}" for name in COLOURS} == set(re.findall(r"--plot-\w+", svg))


@pytest.mark.parametrize(
    ("ratios", "span"),
    [
        ([], (-4, 1)),
        ([0.0], (-4, 1)),
        ([0.02, 0.5], (-4, 1)),
        ([9.9e-5], (-5, 1)),
        ([3e-6, 20.0], (-6, 2)),
        ([1e-20, np.inf], (-6, 4)),
    ],
)
def test_the_axis_holds_all_that_is_drawn(ratios, span):
    assert decades(histogram({"float32": ratios})) == span


def test_the_axis_can_be_that_of_several_plots():
    assert decades(histogram({"float32": [20.0]}), {}, histogram({"float64": [3e-6]})) == (-6, 2)
    assert EDGES[0] == 10.0**-6
