"""Parity is within the bound, for every element, and never by accident."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.comparison import compare, within_bound
from reference.rounding import FLOAT32, track

EXPECTED = np.array([[[1.0, 2.0], [3.0, 4.0]]])
BOUND = np.full((1, 2, 2), 0.5)


def actual_with(element):
    actual = EXPECTED.copy()
    actual[0, 1, 0] = element
    return actual


@given(st.floats(-0.5, 0.5))
def test_what_is_within_the_bound_agrees(error):
    assert compare(EXPECTED + error, EXPECTED, np.full((1, 2, 2), np.abs(EXPECTED + error - EXPECTED).max())).agrees


@pytest.mark.parametrize("element", [3.75, 2.25, np.nan, np.inf, -np.inf])
def test_one_element_out_of_bounds_disagrees(element):
    outcome = compare(actual_with(element), EXPECTED, BOUND)
    assert not outcome.agrees
    assert outcome.index == (0, 1, 0)
    assert outcome.ratio > 1


@pytest.mark.parametrize("bound", [np.nan, np.inf])
def test_a_bound_that_is_no_number_disagrees(bound):
    outcome = compare(EXPECTED, EXPECTED, np.full((1, 2, 2), bound))
    assert not outcome.agrees
    assert outcome.message.startswith("the bound is not finite")


def test_a_bound_of_zero_asks_for_the_very_number():
    assert compare(EXPECTED, EXPECTED, np.zeros((1, 2, 2))).agrees
    outcome = compare(actual_with(np.nextafter(3, 4)), EXPECTED, np.zeros((1, 2, 2)))
    assert not outcome.agrees
    assert outcome.ratio == np.inf


def test_another_shape_disagrees_even_if_it_broadcasts():
    outcome = compare(EXPECTED[:, :1], np.repeat(EXPECTED[:, :1], 2, axis=1), BOUND)
    assert outcome.message == "expected shape (1, 2, 2), received (1, 1, 2)"


def test_rows_that_are_not_judged_do_not_count():
    assert compare(actual_with(np.nan), EXPECTED, BOUND, judged=np.array([[True, False]])).agrees
    assert not compare(actual_with(np.nan), EXPECTED, BOUND, judged=np.array([[False, True]])).agrees


def test_a_disconnected_gradient_agrees_only_with_zero():
    assert within_bound(None, track(np.zeros((2, 2)), FLOAT32)).agrees
    assert not within_bound(None, track(np.array([0.0, 1e-30]), FLOAT32)).agrees


def test_what_disagrees_keeps_its_arrays():
    arrays = compare(actual_with(np.nan).astype(np.float32), EXPECTED, BOUND).arrays
    np.testing.assert_array_equal(arrays.actual, actual_with(np.nan))
    np.testing.assert_array_equal(arrays.expected, EXPECTED)
    np.testing.assert_array_equal(arrays.bound, BOUND)
    assert {array.dtype for array in vars(arrays).values()} == {np.dtype(np.float64)}
    assert compare(EXPECTED, EXPECTED, BOUND).arrays is None


def test_rows_that_are_not_judged_have_no_bound_in_what_is_kept():
    arrays = compare(actual_with(np.nan), EXPECTED, BOUND, judged=np.array([[False, True]])).arrays
    np.testing.assert_array_equal(arrays.bound, [[[np.inf, np.inf], [0.5, 0.5]]])


def test_outcomes_of_the_same_numbers_are_the_same():
    assert compare(actual_with(np.nan), EXPECTED, BOUND).arrays == compare(actual_with(np.nan), EXPECTED, BOUND).arrays
    assert compare(actual_with(9.0), EXPECTED, BOUND) == compare(actual_with(9.0), EXPECTED, BOUND)
    assert compare(actual_with(9.0), EXPECTED, BOUND).arrays != compare(actual_with(8.0), EXPECTED, BOUND).arrays
