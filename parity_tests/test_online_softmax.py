"""The softmax in blocks of keys: logits of any size, and what is too large for a number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.calls import BLOCKS, TRACKED, calls, generators, tracked
from parity_tests.comparison import compare, within_bound
from reference import blockwise_attention, dot_product_attention
from reference.rounding import FLOAT64, track
from reference.softmax import LOWEST


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
