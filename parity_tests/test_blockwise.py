"""Attention in blocks is attention: the same results and gradients, in memory that does not grow with T * S."""

import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.benchmarks.result import ALLOCATOR
from parity_tests.calls import BLOCKS, INPUTS, THREADS, TRACKED, calls, generators, of_inputs, tracked
from parity_tests.comparison import compare, within_bound
from reference import (
    blockwise_attention,
    blockwise_attention_backward,
    causal_positions,
    dot_product_attention,
    dot_product_attention_backward,
    padding_positions,
    window_positions,
)
from reference.blockwise import BLOCK
from reference.rounding import FLOAT64, track
from reference.softmax import LOWEST

LONG = (BLOCK[0] + 40, 2 * BLOCK[1] + 100)  # queries, and keys, that take several blocks of the usual size


def long(rng, T=LONG[0], S=LONG[1], d=8):
    """Inputs that take several blocks of the usual size."""
    return {name: rng.normal(size=(length, d)) for name, length in zip(INPUTS, (T, S, S))}


@given(calls(), BLOCKS, THREADS)
def test_the_output_is_that_of_all_at_once_within_the_bound(call, block, threads):
    output = blockwise_attention(**call, block=block, threads=threads).output
    assert within_bound(output, dot_product_attention(**tracked(call)).output).agrees


@given(st.data(), calls(), BLOCKS, THREADS)
def test_every_gradient_is_that_of_all_at_once_within_the_bound(data, call, block, threads):
    attention = blockwise_attention(**call, block=block, threads=threads)
    d_output = data.draw(generators()).normal(size=attention.output.shape)
    bound = of_inputs(call, dot_product_attention_backward(d_output, dot_product_attention(**tracked(call))))
    for name, gradient in of_inputs(call, blockwise_attention_backward(d_output, attention, threads=threads)).items():
        assert within_bound(gradient, bound[name]).agrees


@pytest.mark.parametrize("mask", [None, causal_positions(BLOCK[1]), window_positions(40, 3)])
def test_many_blocks_are_all_at_once_within_the_bound(mask):
    call = long(np.random.default_rng(1))
    T, S = LONG
    d_output = np.random.default_rng(2).normal(size=(T, 8))
    attention = blockwise_attention(**call, scale=0.3, mask=mask)
    whole = None if mask is None else np.broadcast_to(mask(np.arange(T)[:, None], np.arange(S)), (T, S))
    truth = dot_product_attention(**tracked({**call, "scale": 0.3}), mask=whole)
    assert within_bound(attention.output, truth.output).agrees
    bound = of_inputs({**call, "scale": 0.3}, dot_product_attention_backward(d_output, truth))
    for name, gradient in of_inputs(bound, blockwise_attention_backward(d_output, attention)).items():
        assert within_bound(gradient, bound[name]).agrees


@given(calls(), BLOCKS)
def test_weights_by_the_log_sum_exp_are_those_of_all_at_once_within_the_bound(call, block):
    """A machine that has them so rounds at the size of the scores, which its arithmetic says."""
    machine = FLOAT64._replace(log_sum_exp=True)
    of_machine = {
        name: track(array, machine) if name in TRACKED and array is not None else array for name, array in call.items()
    }
    bound = dot_product_attention(**of_machine)
    with np.errstate(invalid="ignore"):  # -inf less -inf, where nothing is visible
        weights = np.exp(bound.logits.value - blockwise_attention(**call, block=block).log_sum_exp[..., None])
    expected, error = (np.broadcast_to(array, weights.shape) for array in (bound.weights.value, bound.weights.error))
    assert compare(np.nan_to_num(weights), expected, error).agrees


@given(calls(), BLOCKS, st.sampled_from((-1e3, 1e3)), st.booleans(), generators())
def test_the_largest_logit_may_be_of_any_size(call, block, size, rising, rng):
    """Far below 0 all along, far above, or larger from key to key."""
    S = call["key"].shape[-2]
    bias = size * (1 + np.arange(S, dtype=float)) if rising else np.full(S, size)
    call = {**call, "bias": np.broadcast_to(bias + rng.integers(-3, 4, S), (call["query"].shape[-2], S))}
    attention, bound = blockwise_attention(**call, block=block), dot_product_attention(**tracked(call))
    assert within_bound(attention.output, bound.output).agrees
    largest = np.max(bound.logits, axis=-1, initial=LOWEST)
    of_all = (np.broadcast_to(array, attention.maximum.shape) for array in (largest.value, largest.error))
    assert compare(attention.maximum, *of_all).agrees


def test_what_is_lower_by_more_than_there_are_numbers_counts_nothing_and_warns_of_nothing():
    for keys, most in (([[-1.5e308], [1.5e308]], 2.0), ([[1.5e308], [-1.5e308]], 1.0)):
        for block in ((1, 1), (1, 2)):
            assert blockwise_attention([[1.0]], keys, [[1.0], [2.0]], block=block).output == most


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
    ("query", "value", "message"),
    [
        (1e200, 1.0, "logits: expected finite numbers or -inf, received inf at index (0,)"),
        (1.0, 1e308, "output: expected finite numbers, received inf at index (0, 0)"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_what_overflows_is_refused_and_never_nan(query, value, message):
    with pytest.raises(ValueError, match="expected finite numbers") as raised:
        blockwise_attention([[query]], [[query]] * 10, [[value]] * 10)
    assert str(raised.value) == message


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_what_overflows_is_told_by_its_place_among_all_queries():
    query, key = np.ones((3, 600, 1)), np.full((3, 5, 1), 1e200)
    query[2, 500] = 1e200
    with pytest.raises(ValueError, match=r"received inf at index \(2, 500\)$"):
        blockwise_attention(query, key, key)


@given(calls(), BLOCKS)
def test_what_is_in_longdouble_is_as_exact_in_blocks(call, block):
    call = {**call, "query": call["query"].astype(np.longdouble)}
    attention, whole = blockwise_attention(**call, block=block), dot_product_attention(**call)
    exact = np.finfo(np.longdouble).eps / np.finfo(float).eps
    bound = dot_product_attention(**tracked({**call, "query": call["query"].astype(float)})).output
    apart = np.abs(attention.output - whole.output)
    assert (apart <= 2 * exact * bound.error + np.finfo(np.longdouble).tiny).all()


@given(calls(), BLOCKS, THREADS, st.data())
def test_a_mask_may_be_another_for_each_item(call, block, threads, data):
    """Its gradients too, and by lengths as by a function of somebody's own."""
    leading, S = np.shape(blockwise_attention(**call).maximum)[:-1], np.shape(call["key"])[-2]
    lengths = data.draw(generators()).integers(0, S + 2, leading)
    query = np.broadcast_to(call["query"], (*leading, *call["query"].shape[-2:]))  # a function says nothing of items
    call = {**call, "query": query, "mask": (np.arange(S) < lengths[..., None])[..., None, :]}
    d_output = data.draw(generators()).normal(size=blockwise_attention(**call).output.shape)
    bound = of_inputs(call, dot_product_attention_backward(d_output, dot_product_attention(**tracked(call))))
    for mask in (padding_positions(lengths), lambda queries, keys, *item: keys < lengths[item]):
        attention = blockwise_attention(**{**call, "mask": mask}, block=block, threads=threads)
        gradients = of_inputs(call, blockwise_attention_backward(d_output, attention, threads=threads))
        assert all(within_bound(gradient, bound[name]).agrees for name, gradient in gradients.items())


def test_arrays_that_carry_a_bound_are_refused():
    with pytest.raises(ValueError, match="query: expected an array of NumPy's own, received Rounded"):
        blockwise_attention(track([[1.0]], FLOAT64), [[1.0]], [[1.0]])


@given(calls(), BLOCKS, THREADS, generators())
def test_neither_inputs_nor_gradients_from_above_are_written_to(call, block, threads, rng):
    for array in call.values():
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    attention = blockwise_attention(**call, block=block, threads=threads)
    d_output, d_log_sum_exp = rng.normal(size=attention.output.shape), rng.normal(size=attention.maximum.shape)
    for array in (d_output, d_log_sum_exp, *attention[8:]):
        array.flags.writeable = False
    blockwise_attention_backward(d_output, attention, d_log_sum_exp, threads=threads)


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


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_there_may_be_no_queries_or_no_keys(shape):
    T, S = shape
    call = {"query": np.ones((2, T, 4)), "key": np.ones((2, S, 4)), "value": np.ones((1, S, 5))}
    attention = blockwise_attention(**call)
    assert np.array_equal(attention.output, np.zeros((2, T, 5)))
    assert np.array_equal(attention.log_sum_exp, np.full((2, T), -np.inf))
    gradients = blockwise_attention_backward(np.ones((2, T, 5)), attention)
    for name in INPUTS:
        assert np.array_equal(getattr(gradients, f"d_{name}"), np.zeros(call[name].shape))


@pytest.mark.parametrize("dtype", [np.longdouble, np.complex128])
def test_what_carries_more_than_float64_keeps_it(dtype):
    query = np.array([[1.0]], dtype=dtype)
    attention = blockwise_attention(query, [[1.0]], [[1.0]], scale=2)
    gradients = blockwise_attention_backward([[1.0]], attention)
    assert attention.output.dtype == attention.log_sum_exp.dtype == gradients.d_value.dtype == dtype


@pytest.mark.parametrize("dtype", [np.longdouble, np.complex128])
def test_gradients_are_as_wide_as_what_is_handed_in(dtype):
    attention = blockwise_attention([[1.0]], [[1.0], [2.0]], [[1.0], [2.0]], softcap=3.0)
    for d_output, d_log_sum_exp in ((np.ones((1, 1), dtype), None), ([[1.0]], np.ones(1, dtype))):
        gradients = blockwise_attention_backward(d_output, attention, d_log_sum_exp)
        assert {gradients.d_query.dtype, gradients.d_key.dtype, gradients.d_value.dtype} == {np.dtype(dtype)}


def test_a_softcap_in_longdouble_makes_all_else_so():
    options = {"softcap": np.longdouble(3)}
    assert blockwise_attention([[1.0]], [[1.0]], [[1.0]], **options).output.dtype == np.longdouble


def test_a_gradient_handed_in_keeps_what_it_carries_more_than_float64():
    attention = blockwise_attention([[1.0]], [[1.0], [1.0]], [[1.0], [1.0]])
    third = 1 / np.array([[3]], dtype=np.longdouble)  # of which the weights take away what they add
    assert not blockwise_attention_backward(third, attention).d_query.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"block": (0, 1)}, "block: expected an integer of at least 1, received 0"),
        ({"block": (1, 1.5)}, "block: expected an integer, received 1.5"),
        ({"block": 128}, "block: expected two sizes, of queries and of keys, received 128"),
        ({"threads": 0}, "threads: expected an integer of at least 1, received 0"),
        ({"mask": lambda queries, keys: keys}, "shape (3,), dtype int64"),
        ({"mask": lambda queries, keys: np.ones((3, 2), dtype=bool)}, "shape (3, 2), dtype bool"),
        ({"mask": np.ones((3, 2), dtype=bool)}, "expected a shape that broadcasts to (..., 2, 3), received (3, 2)"),
        ({"softcap": 0.0}, "softcap: expected a positive number or None, received 0.0"),
        ({"softcap": np.complex128(1)}, "softcap: expected a positive number or None, received np.complex128(1+0j)"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(options, message):
    with pytest.raises(ValueError, match=": expected ") as raised:
        blockwise_attention(np.ones((2, 1)), np.ones((3, 1)), np.ones((3, 1)), **options)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0]],), "d_output: expected shape (2, 1) to match output, received (1, 1)"),
        ((np.ones((2, 1)), [1.0]), "d_log_sum_exp: expected shape (2,) to match log_sum_exp, received (1,)"),
    ],
)
def test_gradients_of_other_shapes_are_refused(arguments, message):
    attention = blockwise_attention(np.ones((2, 1)), np.ones((3, 1)), np.ones((3, 1)))
    d_output, *rest = arguments
    with pytest.raises(ValueError, match="expected") as raised:
        blockwise_attention_backward(d_output, attention, *rest)
    assert str(raised.value) == message


def test_the_last_queries_are_computed_first_as_they_may_see_most():
    begun = []

    def mask(queries, keys):
        begun.append(int(queries[0, 0]))
        return keys <= queries

    x = np.ones((5, 2))
    blockwise_attention(x, x, x, mask=mask, block=(2, 5))
    assert begun == [4, 2, 0]
