"""Attention in blocks takes memory that does not grow with T * S, and asks for it once."""

import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from parity_tests.benchmarks.result import ALLOCATOR
from reference import blockwise_attention, blockwise_attention_backward, causal_positions


@pytest.mark.parametrize("bias", [None, 0.0])
@pytest.mark.parametrize("backward", [False, True])
def test_memory_grows_with_the_length_and_not_with_its_square(backward, bias):
    """Beyond inputs and results; what grows is less than the scores of one block of queries, were they held whole.

    A bias may be stretched to as many numbers as there are pairs.
    """
    queries, keys = block = (64, 64)

    def beyond(T):
        rng = np.random.default_rng(0)
        query, key, value, d_output = rng.normal(size=(4, T, 4))
        stretched = None if bias is None else np.broadcast_to(bias, (T, T))
        tracemalloc.start()
        attention = blockwise_attention(query, key, value, bias=stretched, mask=causal_positions(), block=block)
        results = attention[8:]
        if backward:
            results = (*results, *blockwise_attention_backward(d_output, attention))
        kept, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert kept >= sum(result.nbytes for result in results if result is not None)
        return peak - kept

    small, large = beyond(512), beyond(1024)
    assert large - small < queries * (1024 - 512) * 8
    assert large < 1024 * 1024  # a byte a pair would be more, and a mask is that
    assert small < 8 * queries * keys * 8  # a few blocks


PAGES = """
import mmap
from resource import RUSAGE_SELF, getrusage
import numpy as np
from reference import blockwise_attention, blockwise_attention_backward
query, d_output = np.ones((2, 2048, 64))
key, value = np.ones((2, 4096, 64))
for call in range(3):  # the first two ask for memory that the third may find again
    before = getrusage(RUSAGE_SELF).ru_minflt
    attention = blockwise_attention(query, key, value, block=(256, 1024))
    if {backward}:
        blockwise_attention_backward(d_output, attention)
print((getrusage(RUSAGE_SELF).ru_minflt - before) * mmap.PAGESIZE)
"""


@pytest.mark.parametrize("backward", [False, True])
def test_blocks_get_the_same_memory_again(backward):
    """What the system clears is less than half of the scores; in a new process, as what was freed before decides.

    Where there is no allocator that gives memory back, as glibc's does, this holds whatever the blocks do.
    """
    pytest.importorskip("resource", reason="Windows does not count pages so")
    script = [sys.executable, "-c", PAGES.format(backward=backward)]
    settings = {name: value for name, value in os.environ.items() if not name.startswith(ALLOCATOR)}
    settings |= {"NUMPY_MADVISE_HUGEPAGE": "0"}  # of which one would count as a page
    cleared = int(subprocess.run(script, capture_output=True, text=True, check=True, env=settings).stdout)
    assert cleared < 2048 * 4096 * 8 / 2
