"""Masks as functions of positions: the same as the arrays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from parity_tests.calls import generators
from reference import (
    causal_mask,
    causal_positions,
    padding_mask,
    padding_positions,
    window_mask,
    window_positions,
)
from reference.inputs import FURTHEST

SIZES = st.integers(0, 6)
OFFSETS = st.integers(-7, 7)
REACHES = st.none() | st.integers(0, 7)


def of_all(mask, T, S, *item):
    """A function of positions, asked for all."""
    return np.broadcast_to(mask(np.arange(T)[:, None], np.arange(S), *item), (T, S))


@given(SIZES, SIZES, OFFSETS)
def test_causal_positions_are_those_of_the_causal_mask(T, S, offset):
    assert np.array_equal(of_all(causal_positions(offset), T, S), causal_mask(T, S, offset))


@given(SIZES, SIZES, REACHES, REACHES, OFFSETS)
def test_positions_within_a_window_are_those_of_the_window_mask(T, S, left, right, offset):
    assert np.array_equal(of_all(window_positions(left, right, offset), T, S), window_mask(T, S, left, right, offset))


@given(array_shapes(max_dims=3, max_side=3), SIZES, generators())
def test_positions_that_are_no_padding_are_those_of_the_padding_mask(shape, S, rng):
    lengths = rng.integers(0, S + 1, shape)
    leading = tuple(4 if size == 1 else size for size in (3, *shape))
    for item in np.ndindex(leading):
        own = tuple(0 if size == 1 else index for size, index in zip(shape, item[1:]))
        expected = np.broadcast_to(padding_mask(lengths, S)[own], (2, S))
        assert np.array_equal(of_all(padding_positions(lengths), 2, S, *item), expected)


@pytest.mark.parametrize("offset", [-FURTHEST, FURTHEST])
@pytest.mark.parametrize("reach", [0, FURTHEST])
def test_the_furthest_positions_do_not_overflow(offset, reach):
    keys = np.arange(2)
    before, after = window_positions(None, reach, offset), window_positions(reach, None, offset)
    assert before(5, keys).tolist() == [key <= 5 + offset + reach for key in (0, 1)]
    assert after(5, keys).tolist() == [key >= 5 + offset - reach for key in (0, 1)]


@pytest.mark.parametrize(
    ("lengths", "item", "received"),
    [
        ([1, 2], (), "shape (2,)"),
        ([1, 2], (2,), "shape (2,)"),
        ([1.0], (0,), "dtype float64"),
        ([-1], (0,), "[-1]"),
    ],
)
def test_lengths_that_are_none_or_too_few_are_refused(lengths, item, received):
    with pytest.raises(ValueError, match=r"lengths: expected .*, received ") as raised:
        padding_positions(lengths)(0, np.arange(3), *item)
    assert str(raised.value).endswith(received)
