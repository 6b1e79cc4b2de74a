"""What a block is, and its scores."""

from operator import and_

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.calls import generators, of_inputs, tracked
from parity_tests.comparison import within_bound
from reference import (
    blockwise_attention,
    blockwise_attention_backward,
    dot_product_attention,
    dot_product_attention_backward,
    padding_positions,
    window_positions,
)
from reference.blocks import Block, visible
from reference.inputs import FURTHEST


@given(generators(), st.integers(0, 5), st.integers(0, 5))
def test_a_block_is_what_is_visible_of_it(rng, first, size):
    mask = np.zeros((6, 12), dtype=bool)
    mask[:, first : first + size] = rng.random((6, size)) < 0.7
    found = visible(mask, Block((), slice(0, 6), slice(0, 12)))
    of_any = np.flatnonzero(mask.any(axis=0))
    if not of_any.size:
        assert found is None
        return
    assert found.keys == slice(of_any[0], of_any[-1] + 1)
    assert np.array_equal(told(found, mask.shape), mask)
    assert (found.hidden is None) == mask[:, found.keys].all()


def test_queries_that_may_attend_all_or_nothing_are_told_so():
    def of_queries(*attends):
        return visible(np.array(attends)[:, None], Block((), slice(0, 2), slice(0, 3)))

    assert of_queries(False, False) is None
    assert of_queries(True, True) == (slice(0, 3), slice(0, 0), None)
    assert np.array_equal(told(of_queries(True, False), (2, 3)), [[True] * 3, [False] * 3])


def told(found, shape):
    """The mask that is told of a block."""
    mask = np.zeros(shape, bool)
    mask[:, found.keys] = True
    if found.hidden is not None:
        mask[:, found.keys][:, found.partly] = ~found.hidden
    return mask


REACH, NO_LIMIT = st.integers(0, 5) | st.just(FURTHEST), st.none()
OFFSET = st.integers(-5, 5) | st.sampled_from([-FURTHEST, FURTHEST])


WINDOWS = st.builds(window_positions, REACH, REACH, OFFSET)
LENGTHS = st.builds(padding_positions, st.integers(0, 9))


@pytest.mark.parametrize(
    "masks",
    [
        WINDOWS,
        st.builds(window_positions, REACH, NO_LIMIT, OFFSET),
        st.builds(window_positions, NO_LIMIT, REACH, OFFSET),
        LENGTHS,
        st.builds(and_, WINDOWS, LENGTHS),
        st.builds(and_, WINDOWS, WINDOWS),
        st.just(window_positions(0, 0) & window_positions(0, 0, 1)),
    ],
    ids=[
        "window",
        "from the left",
        "to the right",
        "padding",
        "window and padding",
        "two windows",
        "two windows apart",
    ],
)
@given(st.data(), st.integers(0, 3), st.integers(1, 6), st.integers(0, 3), st.integers(2, 8))
def test_a_mask_that_knows_what_is_visible_hides_its_edge_alone(masks, data, query, t, key, s):
    mask = data.draw(masks)
    queries, keys = slice(query, query + t), slice(key, key + s)
    whole = np.zeros((t, key + s), bool)
    whole[:, keys] = mask(np.arange(query, query + t)[:, None], np.arange(key, key + s))
    found = visible(mask, Block((), queries, keys))
    if found is None:
        assert not whole.any()
        return
    assert np.array_equal(told(found, whole.shape), whole)
    assert whole[:, [found.keys.start, found.keys.stop - 1]].any(axis=0).all()
    of_all = whole[:, found.keys].all(axis=0)
    if found.hidden is not None:
        assert found.hidden.any()
        if of_all[0] or of_all[-1]:
            assert np.array_equal(np.flatnonzero(~of_all), np.arange(of_all.size)[found.partly])
    assert (found.hidden is None) == of_all.all()


@pytest.mark.parametrize("softcap", [None, 1e151])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_scaled_query_may_overflow_where_scaled_scores_do_not(sign, softcap):
    call = {"query": [[1e200]], "key": [[sign * 1e-200], [sign * 2e-200]], "value": [[1.0], [3.0]], "scale": 1e150}
    attention, whole = (attend(**call, softcap=softcap) for attend in (blockwise_attention, dot_product_attention))
    assert attention.output == whole.output
    gradients = blockwise_attention_backward([[1.0]], attention), dot_product_attention_backward([[1.0]], whole)
    assert all(np.array_equal(*both) for both in zip(*(of_inputs(call, one).values() for one in gradients)))


def test_a_gradient_may_overflow_before_it_is_scaled_down():
    call = {"query": [[1e-290]], "key": [[1e300], [2e300]], "value": [[1.0], [3.0]], "scale": 1e-10}
    bound = of_inputs(call, dot_product_attention_backward([[1e10]], dot_product_attention(**tracked(call))))
    gradients = of_inputs(call, blockwise_attention_backward([[1e10]], blockwise_attention(**call)))
    for name, gradient in gradients.items():
        assert np.isfinite(gradient).all()
        assert within_bound(gradient, bound[name]).agrees


@pytest.mark.parametrize(
    ("call", "d_output"),
    [
        ({"query": [[1e-165]], "key": [[1.0], [2.0]], "scale": 1e-160}, 1e305),
        ({"query": [[1.2345e-160]], "key": [[1.0], [2.0]], "scale": 1e-160}, 1e305),
        ({"query": [[1.0]], "key": [[1e-200], [2e-200]], "scale": 1e200}, 1e-130),
        ({"query": [[0.0]], "key": [[1e-200], [2e-200]], "scale": -1e200}, 1e-130),
        ({"query": [[1e250]], "key": [[1e-250], [2e-250]], "scale": 1.0}, 1e-100),
        ({"query": [[1e150]], "key": [[1.1e-150], [2e-150]], "scale": 0.5}, 1e-165),
    ],
)
def test_what_is_too_small_for_all_digits_before_it_is_scaled_keeps_them(call, d_output):
    call = {**call, "value": [[1.0], [3.0]]}
    bound = of_inputs(call, dot_product_attention_backward([[d_output]], dot_product_attention(**tracked(call))))
    gradients = of_inputs(call, blockwise_attention_backward([[d_output]], blockwise_attention(**call)))
    for name, gradient in gradients.items():
        assert within_bound(gradient, bound[name]).agrees, name
