"""What a block is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.calls import generators
from reference import padding_positions, window_positions
from reference.blocks import Block, visible


@given(generators(), st.integers(0, 5), st.integers(0, 5))
def test_a_block_is_what_is_visible_of_it(rng, first, size):
    mask = np.zeros((6, 12), dtype=bool)
    mask[:, first : first + size] = rng.random((6, size)) < 0.7
    found = visible(mask, Block((), slice(0, 6), slice(0, 12)))
    seen = np.flatnonzero(mask.any(axis=0))
    if not seen.size:
        assert found is None
        return
    assert found.block.keys == slice(seen[0], seen[-1] + 1)
    assert np.array_equal(told(found, 12), mask)
    assert (found.mask is None) == mask[:, found.block.keys].all()


def told(found, S):
    """The mask that is told of a block of all keys."""
    queries, keys = found.block.queries, found.block.keys
    mask = np.zeros((queries.stop - queries.start, S), bool)
    mask[:, keys] = True
    if found.mask is not None:
        mask[:, keys][:, found.partly] = found.mask
    return mask


REACH, NO_LIMIT, OFFSET = st.integers(0, 5), st.none(), st.integers(-5, 5)


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
def test_a_mask_that_knows_what_is_seen_is_asked_for_its_edge_alone(masks, data, query, t, key, s):
    mask = data.draw(masks)
    queries, keys = slice(query, query + t), slice(key, key + s)
    whole = np.zeros((t, key + s), bool)
    whole[:, keys] = mask(np.arange(query, query + t)[:, None], np.arange(key, key + s))
    found = visible(mask, Block((), queries, keys))
    if found is None:
        assert not whole.any()
        return
    assert np.array_equal(told(found, key + s), whole)
    assert whole[:, [found.block.keys.start, found.block.keys.stop - 1]].any(axis=0).all()
    of_all = whole[:, found.block.keys].all(axis=0)
    if found.mask is not None:
        assert not np.all(found.mask, axis=0).all()
        if of_all[0] or of_all[-1]:
            assert np.array_equal(np.flatnonzero(~of_all), np.arange(of_all.size)[found.partly])
    assert (found.mask is None) == of_all.all()
