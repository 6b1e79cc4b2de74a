"""What a block is."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.calls import generators
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
    block, shown = found
    assert block.keys == slice(seen[0], seen[-1] + 1)
    own = mask[:, block.keys]
    assert own.all() if shown is None else np.array_equal(own, shown)
