"""Attention in blocks is attention: the same results and gradients, in memory that does not grow with T * S."""

import tracemalloc
from threading import Barrier

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.calls import INPUTS, TRACKED, calls, generators, of_inputs, tracked
from parity_tests.comparison import compare, within_bound
from reference import (
    blockwise_attention,
    blockwise_attention_backward,
    causal_positions,
    dot_product_attention,
    dot_product_attention_backward,
    padding_mask,
    padding_positions,
    window_positions,
)
from reference.block_inputs import of_item
from reference.blocks import Block, visible
from reference.blockwise import BLOCK
from reference.rounding import FLOAT64, track
from reference.softmax import LOWEST
from reference.threads import in_order

BLOCKS = st.tuples(st.integers(1, 7), st.integers(1, 7))
THREADS = st.sampled_from((1, 1, 2))


def of_positions(mask):
    """A mask as a function; it is called with positions as arrays that broadcast."""

    def shown(queries, keys, *item):
        matrix = of_item(mask, item)
        at = (
            positions if size > 1 else np.zeros_like(positions)
            for positions, size in zip((queries, keys), matrix.shape)
        )
        return matrix[tuple(at)]

    return shown


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


@given(calls(), BLOCKS)
def test_threads_change_no_bit_of_the_output(call, block):
    one, two = (blockwise_attention(**call, block=block, threads=threads) for threads in (1, 2))
    assert np.array_equal(one.output, two.output)
    assert np.array_equal(one.log_sum_exp, two.log_sum_exp)


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
    keys = np.array([[1e150], [1.0]])
    assert blockwise_attention([[1e150]], keys, [[1.0], [2.0]], block=(1, 1)).output == 1.0


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


def test_arrays_that_carry_a_bound_are_refused():
    with pytest.raises(ValueError, match="query: expected an array of NumPy's own, received Rounded"):
        blockwise_attention(track([[1.0]], FLOAT64), [[1.0]], [[1.0]])


def test_threads_compute_at_the_same_time():
    together = Barrier(2, timeout=60)

    def mask(queries, keys, *item):
        together.wait()  # raises if no other thread comes
        return np.True_

    blockwise_attention(np.ones((2, 3, 4)), np.ones((3, 4)), np.ones((3, 4)), mask=mask, threads=2)


def test_few_results_wait_until_they_are_taken():
    begun = []
    results = in_order(lambda number: begun.append(number) or number, range(50), threads=2)
    for number, result in enumerate(results):
        assert result == number
        assert len(begun) <= number + 4  # this one, two that are computed, one that waits


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


@pytest.mark.parametrize("backward", [False, True])
def test_memory_grows_with_the_length_and_not_with_its_square(backward):
    """Beyond inputs and results; what grows is less than the scores of one block of queries, were they held whole."""
    queries, keys = block = (64, 64)

    def beyond(T):
        rng = np.random.default_rng(0)
        query, key, value, d_output = rng.normal(size=(4, T, 4))
        tracemalloc.start()
        attention = blockwise_attention(query, key, value, mask=causal_positions(), block=block)
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
