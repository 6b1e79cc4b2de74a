"""What a block is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.calls import generators
from reference import padding_positions, window_positions
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


def told(found, shape):
    """The mask that is told of a block."""
    mask = np.zeros(shape, bool)
    mask[:, found.keys] = True
    if found.hidden is not None:
        mask[:, found.keys][:, found.partly] = ~found.hidden
    return mask


REACH, NO_LIMIT = st.integers(0, 5) | st.just(FURTHEST), st.none()
OFFSET = st.integers(-5, 5) | st.sampled_from([-FURTHEST, FURTHEST])


@pytest.mark.parametrize(
    "masks",
    [
        st.builds(window_positions, REACH, REACH, OFFSET),
        st.builds(window_positions, REACH, NO_LIMIT, OFFSET),
        st.builds(window_positions, NO_LIMIT, REACH, OFFSET),
        st.builds(padding_positions, st.integers(0, 9)),
    ],
    ids=["window", "from the left", "to the right", "padding"],
)
@given(st.data(), st.integers(0, 3), st.integers(1, 6), st.integers(0, 3), st.integers(2, 8))
def test_a_mask_that_knows_what_is_seen_hides_its_edge_alone(masks, data, query, t, key, s):
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
