"""Heat-maps show the matrix of the worst element, whatever numbers stand in it."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from parity_tests.comparison import Compared
from parity_tests.heat_maps import heat_maps

EXPECTED = np.arange(12.0).reshape(2, 2, 3)
BOUND = np.full((2, 2, 3), 0.5)


def maps_with(element, expected=EXPECTED, bound=BOUND):
    actual = expected.copy()
    actual[1, 0, 2] = element
    return heat_maps(Compared(actual, expected, bound), (1, 0, 2))


def texts(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def numbers(svg):
    """The numbers in the cells, without those of rows, columns and colours."""
    rows, columns = map(int, re.search(r"(\d+) rows, (\d+) columns", svg).groups())
    return texts(svg)[rows + columns :][: rows * columns]


def image(svg):
    """The picture of the cells."""
    return re.search('base64,([^"]*)', svg).group(1)


def test_the_matrix_of_the_worst_element_is_shown():
    maps = maps_with(9.0)
    assert numbers(maps["actual"]) == ["6", "7", "9", "9", "10", "11"]
    assert numbers(maps["expected"]) == ["6", "7", "8", "9", "10", "11"]


def test_the_difference_is_in_units_of_the_bound():
    assert numbers(maps_with(9.0)["difference / bound"]) == ["0", "0", "2", "0", "0", "0"]


def test_where_no_error_is_allowed_the_difference_is_itself():
    assert numbers(maps_with(9.0, bound=0 * BOUND)["difference; the bound is 0"]) == ["0", "0", "1", "0", "0", "0"]


def test_actual_and_expected_share_their_colours():
    maps = maps_with(-100.0)
    assert texts(maps["actual"])[-3:] == texts(maps["expected"])[-3:] == ["-100", "0", "100"]


def test_too_much_and_too_little_differ_in_colour():
    exact, more, less = (image(maps_with(element)["difference / bound"]) for element in (8.0, 13.0, 3.0))
    assert len({exact, more, less}) == 3


def test_the_worst_element_is_named_in_words():
    assert "The outlined element in row 0, column 2 is 2." in maps_with(9.0)["difference / bound"]


def test_rows_that_are_not_judged_are_left_out():
    bound = BOUND.copy()
    bound[1, 1] = np.inf
    shown = maps_with(9.0, bound=bound)["actual"]
    assert "11" not in texts(shown)
    assert texts(shown)[-1] == "9"  # nor do they count for the colours


@pytest.mark.parametrize("element", [np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324])
@pytest.mark.parametrize("bound", [BOUND, 0 * BOUND, 0 * BOUND + 5e-324])
def test_any_number_can_be_drawn(element, bound):
    maps = maps_with(element, bound=bound)
    assert f"{element:.3g}" in texts(maps["actual"])
    assert image(maps["actual"]) != image(maps["expected"])


@pytest.mark.parametrize("shape", [(), (1,), (5,), (1, 1), (3, 70), (150, 2)])
def test_arrays_of_any_rank_and_size_are_drawn(shape):
    index = tuple(size - 1 for size in shape)
    maps = heat_maps(Compared(np.ones(shape), np.zeros(shape), np.ones(shape)), index)
    assert len(maps) == 3
    for svg in maps.values():
        assert "The outlined element in row " in ElementTree.fromstring(svg).get("aria-label")
