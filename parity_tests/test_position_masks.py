"""Masks as functions of positions: the same as the arrays, and hide the same of attention in blocks."""

import operator
from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from parity_tests.calls import BLOCKS, THREADS, calls, generators
from reference import (
    blockwise_attention,
    causal_mask,
    causal_positions,
    dot_product_attention,
    padding_mask,
    padding_positions,
    window_mask,
    window_positions,
)
from reference.block_inputs import of_item
from reference.inputs import FURTHEST

SIZES = st.integers(0, 6)
OFFSETS = st.integers(-7, 7)
REACHES = st.none() | st.integers(0, 7)


def asked_one_by_one(T, S, attends):
    """What holds of each query and key, by the definition: the masks as arrays are made of those as functions."""
    return np.array([[attends(query, key) for key in range(S)] for query in range(T)], bool).reshape(T, S)


def of_all(mask, T, S, *item):
    """A function of positions, asked for all."""
    return np.broadcast_to(mask(np.arange(T)[:, None], np.arange(S), *item), (T, S))


@given(SIZES, SIZES, OFFSETS)
def test_causal_positions_are_those_up_to_the_query(T, S, offset):
    expected = asked_one_by_one(T, S, lambda query, key: key <= query + offset)
    assert np.array_equal(of_all(causal_positions(offset), T, S), expected)
    assert np.array_equal(causal_mask(T, S, offset), expected)


@given(SIZES, SIZES, REACHES, REACHES, OFFSETS)
def test_positions_within_a_window_reach_as_far_as_it(T, S, left, right, offset):
    def attends(query, key):
        away = key - (query + offset)
        return (left is None or -away <= left) and (right is None or away <= right)

    expected = asked_one_by_one(T, S, attends)
    assert np.array_equal(of_all(window_positions(left, right, offset), T, S), expected)
    assert np.array_equal(window_mask(T, S, left, right, offset), expected)


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
    for query in (-FURTHEST, FURTHEST):
        assert causal_positions(offset)(query, keys).tolist() == [key <= query + offset for key in (0, 1)]


def test_a_window_without_limits_shows_positions_of_any_integers():
    positions = np.arange(3, dtype=np.int32)
    assert of_all(window_positions(None, None), 2, 3).all()
    assert np.all(window_positions(None, None)(positions[:, None], positions))


@pytest.mark.parametrize(
    ("lengths", "item", "received"),
    [
        ([1, 2], (), "shape (2,)"),
        ([1, 2], (2,), "shape (2,)"),
        ([1.0], (0,), "dtype float64"),
        ([1, -1], (0,), "-1 at index (1,)"),
        (-1, (), "-1"),
        ([[1, 2], [3]], (0, 0), "rows of different lengths"),
    ],
)
def test_lengths_that_are_none_or_too_few_are_refused(lengths, item, received):
    with pytest.raises(ValueError, match=r"lengths: expected .*, received ") as raised:
        padding_positions(lengths)(0, np.arange(3), *item)
    assert str(raised.value).endswith(received)


def of_positions(mask):
    """A mask as a function; it is called with positions as arrays that broadcast."""

    def attends(queries, keys, *item):
        matrix = of_item(mask, item)
        at = (
            positions if size > 1 else np.zeros_like(positions)
            for positions, size in zip((queries, keys), matrix.shape)
        )
        return matrix[tuple(at)]

    return attends


@given(calls(), BLOCKS, THREADS, generators())
def test_a_mask_may_be_a_function_of_positions(call, block, threads, rng):
    *leading, T = blockwise_attention(**{**call, "mask": None}).maximum.shape
    S = call["key"].shape[-2]
    shapes = [
        (*(size if rng.random() < 0.5 else 1 for size in leading), *of_scores) for of_scores in ((T, S), (T, 1), (1, S))
    ]
    mask = rng.random(shapes[rng.integers(3)]) < 0.7
    by_array = blockwise_attention(**{**call, "mask": mask}, block=block)
    by_function = blockwise_attention(**{**call, "mask": of_positions(mask)}, block=block, threads=threads)
    assert np.array_equal(by_function.output, by_array.output)
    assert np.array_equal(by_function.log_sum_exp, by_array.log_sum_exp)


POSITION_MASKS = st.one_of(
    st.builds(window_positions, REACHES, REACHES, OFFSETS),
    st.builds(padding_positions, st.lists(st.integers(0, 6), min_size=2, max_size=2)),
    st.builds(padding_positions, st.integers(0, 6)),
)


@given(st.lists(POSITION_MASKS, min_size=2, max_size=4), SIZES, SIZES, st.integers(0, 1))
def test_what_is_combined_may_be_attended_by_all(masks, T, S, item):
    together = reduce(operator.and_, masks)
    expected = reduce(operator.and_, [of_all(mask, T, S, item) for mask in masks])
    assert np.array_equal(of_all(together, T, S, item), expected)
    assert together.leading_axes == np.broadcast_shapes(*(mask.leading_axes for mask in masks))


@given(calls(), BLOCKS, REACHES, REACHES, OFFSETS, generators())
def test_a_window_and_lengths_together_hide_what_both_masks_hide(call, block, left, right, offset, rng):
    *leading, T = blockwise_attention(**{**call, "mask": None}).maximum.shape
    S = call["key"].shape[-2]
    lengths = rng.integers(0, S + 1, leading)
    by_array = window_mask(T, S, left, right, offset) & padding_mask(lengths, S)
    by_function = window_positions(left, right, offset) & padding_positions(lengths)
    expected, found = (blockwise_attention(**{**call, "mask": mask}, block=block) for mask in (by_array, by_function))
    assert np.array_equal(found.output, expected.output)
    assert np.array_equal(found.log_sum_exp, expected.log_sum_exp)


def test_two_windows_together_are_what_is_within_both():
    both = window_positions(3, 1) & window_positions(1, 3) & window_positions(2, None)
    assert np.flatnonzero(both(5, np.arange(12))).tolist() == [4, 5, 6]
    apart = window_positions(0, 1, offset=-3) & window_positions(1, 0, offset=3)
    assert not apart(5, np.arange(12)).any()


def test_lengths_together_are_the_shorter():
    both = padding_positions([[1], [3]]) & padding_positions([2, 5])
    assert [[int(both(0, np.arange(6), *item).sum()) for item in [(i, 0), (i, 1)]] for i in (0, 1)] == [[1, 1], [2, 3]]


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_lengths_are_those_that_were_given(dtype):
    lengths = np.array([2], dtype)
    mask = padding_positions(lengths)
    lengths[:] = 0
    assert mask(0, np.arange(3), 0).tolist() == [True, True, False]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.uint32, np.int32])
def test_positions_may_be_narrow_integers(dtype):
    queries, keys = np.arange(90, 100, dtype=dtype), np.arange(80, 100, dtype=dtype)
    mask = window_positions(1, 100) & causal_positions(100) & padding_positions(95)
    expected = mask(queries.astype(np.int64)[:, None], keys.astype(np.int64))
    assert np.array_equal(mask(queries[:, None], keys), expected)
    assert expected.any()
    assert not expected.all()


@pytest.mark.parametrize("combine", [lambda a, b: a and b, lambda a, b: a or b, lambda a, b: not a])
def test_what_would_drop_one_of_two_masks_is_refused(combine):
    with pytest.raises(ValueError, match="mask: expected masks of positions combined by &, received and, or, or not"):
        combine(causal_positions(), padding_positions([1, 2]))


def test_lengths_of_two_masks_must_fit_together():
    with pytest.raises(
        ValueError, match=r"lengths: expected leading axes that broadcast with \(2,\) .*, received \(3,\)"
    ):
        padding_positions([1, 2]) & padding_positions([1, 2, 3])


@pytest.mark.parametrize(
    ("other", "received"),
    [
        (lambda queries, keys, *item: keys < 3, "function"),
        (np.ones((2, 3), bool), "(ndarray|an array)"),
        (np.bool_(True), "(bool|an array)"),
        (None, "NoneType"),
    ],
    ids=["function", "array", "boolean", "None"],
)
def test_a_position_mask_is_combined_with_none_but_its_like(other, received):
    message = f"mask: expected a mask of positions to combine with another, received {received}"
    for one in (causal_positions(), padding_positions([1, 2])):
        for combine in (lambda mask: mask & other, lambda mask: other & mask):
            with pytest.raises(ValueError, match=message):
                combine(one)


@given(calls(), BLOCKS, generators())
def test_lengths_hide_what_a_padding_mask_hides_and_have_its_leading_axes(call, block, rng):
    *leading, _ = blockwise_attention(**{**call, "mask": None}).maximum.shape
    S = call["key"].shape[-2]
    lengths = rng.integers(0, S + 1, (3, *(size if rng.random() < 0.5 else 1 for size in leading)))
    by_array = blockwise_attention(**{**call, "mask": padding_mask(lengths, S)}, block=block)
    by_function = blockwise_attention(**{**call, "mask": padding_positions(lengths)}, block=block)
    assert np.array_equal(by_function.output, by_array.output)


def test_lengths_of_another_batch_are_refused():
    x = np.ones((2, 3, 4))
    with pytest.raises(ValueError, match=r"mask: expected leading axes that broadcast with \(2,\) .*, received \(5,\)"):
        blockwise_attention(x, x, x, mask=padding_positions([1, 2, 3, 4, 5]))


def test_a_function_is_refused_where_a_mask_is_an_array():
    x = np.ones((2, 3))
    with pytest.raises(
        ValueError, match=r"mask: expected a boolean mask .*, received a function, which only blockwise"
    ):
        dot_product_attention(x, x, x, mask=causal_positions())
