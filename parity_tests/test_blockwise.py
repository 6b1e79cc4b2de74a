"""Attention in blocks is attention: the same results and gradients."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.calls import BLOCKS, INPUTS, LARGEST, OVERFLOWS, THREADS, calls, generators, of_inputs, tracked, twins
from parity_tests.comparison import within_bound
from reference import (
    blockwise_attention,
    blockwise_attention_backward,
    causal_positions,
    dot_product_attention,
    dot_product_attention_backward,
    padding_positions,
    window_mask,
    window_positions,
)
from reference.blockwise import BLOCK
from reference.rounding import FLOAT64, track

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


@pytest.mark.parametrize(
    "mask",
    [
        None,
        causal_positions(BLOCK[1]),
        window_positions(40, 3),
        window_positions(40, None),
        padding_positions(BLOCK[1] + 30),
        causal_positions(BLOCK[1]) & padding_positions(BLOCK[1] + 30),
    ],
    ids=["none", "causal", "window", "open window", "padding", "causal and padding"],
)
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


@pytest.mark.filterwarnings(OVERFLOWS)
@settings(max_examples=300)
@given(twins(), BLOCKS, THREADS, generators())
def test_what_is_hidden_may_be_as_large_as_a_number_can_be(calls, block, threads, rng):
    call, twin = calls
    attention, of_twin = blockwise_attention(**call, block=block), blockwise_attention(**twin, block=block)
    d_output = rng.normal(size=attention.output.shape)
    expected, found = (
        of_inputs(call, blockwise_attention_backward(d_output, record, threads=threads))
        for record in (attention, of_twin)
    )
    assert np.array_equal(of_twin.output, attention.output)
    assert all(np.array_equal(found[name], gradient) for name, gradient in expected.items())


@pytest.mark.filterwarnings(OVERFLOWS)
@pytest.mark.parametrize("hides", [{"mask": [True, False, True]}, {"bias": [0.0, -np.inf, 0.0]}])
@pytest.mark.parametrize("options", [{"scale": np.ones(3)}, {"scale": 2.0}, {"softcap": 3.0, "scale": np.ones(3)}])
def test_a_key_of_weight_0_counts_as_0_however_it_is_hidden(hides, options):
    call = {"query": [[4.0]], "value": [[1.0], [LARGEST], [2.0]], **options}
    call |= {name: np.array(option) for name, option in hides.items()}
    ordinary, large = (
        blockwise_attention_backward([[4.0]], blockwise_attention(**call, key=[[1.0], [hidden], [0.5]]))
        for hidden in (1.0, -LARGEST)
    )
    assert all(np.array_equal(one, other) for one, other in zip(ordinary, large) if one is not None)
    assert np.isfinite(ordinary.d_query).all()


def test_arrays_that_carry_a_bound_are_refused():
    bounded, expected = track([[1.0]], FLOAT64), "expected an array of NumPy's own, received Rounded"
    with pytest.raises(ValueError, match=f"query: {expected}"):
        blockwise_attention(bounded, [[1.0]], [[1.0]])
    attention = blockwise_attention([[1.0]], [[1.0]], [[1.0]])
    with pytest.raises(ValueError, match=f"d_output: {expected}"):
        blockwise_attention_backward(bounded, attention)
    with pytest.raises(ValueError, match=f"d_log_sum_exp: {expected}"):
        blockwise_attention_backward([[1.0]], attention, bounded[0])


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
        ({"block": (2, [3])}, "block: expected two sizes, of queries and of keys, received rows of different lengths"),
        ({"mask": lambda queries, keys: [[True], [True, True]]}, "(2, 3), received rows of different lengths"),
        ({"threads": 0}, "threads: expected an integer of at least 1, received 0"),
        ({"mask": lambda queries, keys: keys}, "shape (3,), dtype int64"),
        ({"mask": lambda queries, keys: np.ones((3, 2), dtype=bool)}, "shape (3, 2), dtype bool"),
        ({"mask": lambda queries, keys: np.ones((1, 2, 3), dtype=bool)}, "shape (1, 2, 3), dtype bool"),
        ({"mask": np.ones((3, 2), dtype=bool)}, "expected a shape that broadcasts to (..., 2, 3), received (3, 2)"),
        ({"mask": causal_positions}, "mask: expected what causal_positions(...) returns, received the function itself"),
        ({"mask": window_mask}, "mask: expected what window_mask(...) returns, received the function itself"),
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
