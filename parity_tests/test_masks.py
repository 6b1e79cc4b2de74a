"""Masks, each against its definition by loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from parity_tests.calls import generators
from reference import causal_mask, padding_mask, window_mask
from reference.inputs import FURTHEST

SIZES = st.integers(0, 6)
OFFSETS = st.integers(-7, 7)
REACHES = st.none() | st.integers(0, 7)


def by_loops(T, S, may_attend):
    mask = np.zeros((T, S), dtype=bool)
    for t in range(T):
        for s in range(S):
            mask[t, s] = may_attend(t, s)
    return mask


@given(SIZES, SIZES)
def test_causal_sees_no_later_key(T, S):
    def not_after(t, s):
        return s <= t

    assert np.array_equal(causal_mask(T, S), by_loops(T, S, not_after))


@given(SIZES, SIZES)
def test_causal_with_a_cache_lets_the_last_query_see_all(T, S):
    def not_after_counted_from_the_last(t, s):
        return S - 1 - s >= T - 1 - t

    assert np.array_equal(causal_mask(T, S, offset=S - T), by_loops(T, S, not_after_counted_from_the_last))


@given(SIZES, SIZES, OFFSETS)
def test_causal_takes_any_offset(T, S, offset):
    def not_after(t, s):
        return s <= t + offset

    assert np.array_equal(causal_mask(T, S, offset), by_loops(T, S, not_after))


@given(SIZES, SIZES, REACHES, REACHES, OFFSETS)
def test_a_window_is_a_band(T, S, left, right, offset):
    def near(t, s):
        before = (t + offset) - s
        return (left is None or before <= left) and (right is None or -before <= right)

    assert np.array_equal(window_mask(T, S, left, right, offset), by_loops(T, S, near))


@given(SIZES, SIZES, OFFSETS)
def test_a_window_that_reaches_back_without_end_is_causal(T, S, offset):
    assert np.array_equal(window_mask(T, S, None, 0, offset), causal_mask(T, S, offset))


@given(array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3), SIZES, generators())
def test_padding_hides_what_lies_beyond_the_length(shape, S, rng):
    lengths = rng.integers(0, S + 1, size=shape)
    mask = padding_mask(lengths, S)
    expected = np.zeros((*shape, 1, S), dtype=bool)
    for index in np.ndindex(shape):
        expected[index][0, : lengths[index]] = True
    assert np.array_equal(mask, expected)


@pytest.mark.parametrize("mask", [causal_mask(2, 3), window_mask(2, 3, 1, 1), padding_mask([1], 2)])
def test_masks_are_boolean(mask):
    assert mask.dtype == np.bool_


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (causal_mask, (-1, 3), "T: expected an integer of at least 0, received -1"),
        (causal_mask, (3, -2), "S: expected an integer of at least 0, received -2"),
        (causal_mask, (3.0, 3), "T: expected an integer, received 3.0"),
        (causal_mask, (3, "3"), "S: expected an integer, received '3'"),
        (causal_mask, (3, 3, 0.5), "offset: expected an integer, received 0.5"),
        (causal_mask, (3, 3, 2**63), f"offset: expected an integer from -{FURTHEST} to {FURTHEST}, received {2**63}"),
        (window_mask, (3, 3, -1, 0), "left: expected an integer of at least 0, received -1"),
        (window_mask, (3, 3, 0, -1), "right: expected an integer of at least 0, received -1"),
        (window_mask, (3, 3, 1.5, 0), "left: expected an integer, received 1.5"),
        (padding_mask, ([1, 4], 3), "lengths: expected integers from 0 to 3, received 4 at index (1,)"),
        (padding_mask, ([[-1]], 3), "lengths: expected integers from 0 to 3, received -1 at index (0, 0)"),
        (padding_mask, ([1.0], 3), "lengths: expected integers, received dtype float64"),
        (padding_mask, ([True], 3), "lengths: expected integers, received dtype bool"),
        (padding_mask, ([0], -1), "S: expected an integer of at least 0, received -1"),
    ],
)
def test_what_is_no_size_is_refused(function, arguments, message):
    with pytest.raises(ValueError, match=r": expected .*, received ") as raised:
        function(*arguments)
    assert str(raised.value) == message
