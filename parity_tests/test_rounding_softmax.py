"""The bound of weights and of averages by them: as wide as the logits are uncertain, and never wider than sense."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.strategies import generators
from reference import dot_product_attention, softmax, softmax_backward
from reference.rounding import BFLOAT16, FLOAT32, track

SIZE = {"ordinary": 1.0, "large": 64.0}


def of_kind(kind, rng, shape, dtype=np.float32):
    """Values that the dtype can hold, as float64."""
    return (rng.normal(size=shape) * SIZE[kind]).astype(dtype).astype(float)


@pytest.mark.parametrize("arithmetic", [FLOAT32, BFLOAT16])
@settings(max_examples=60)
@given(kind=st.sampled_from(("ordinary", "large")), rng=generators(), T=st.integers(1, 4), S=st.integers(1, 30))
def test_weights_stay_within_their_bound_wherever_the_logits_lie_within_theirs(arithmetic, kind, rng, T, S):
    query, key = (of_kind(kind, rng, (size, 6), ml_dtypes.bfloat16) + 2.0**-7 for size in (T, S))
    record = dot_product_attention(track(query, arithmetic), track(key, arithmetic), key, scale=0.3)
    logits, weights = record.logits, record.weights
    for s in range(S):
        for sign in (-1, 1):
            moved = logits.value.astype(np.longdouble) + sign * np.where(np.arange(S) == s, 1, -1) * logits.error
            assert (np.abs(softmax(moved) - weights.value) <= weights.error)[:, s].all()


@pytest.mark.parametrize("size", [1.0, 8.0, 64.0])
@settings(max_examples=60)
@given(rng=generators(), T=st.integers(1, 4), S=st.integers(1, 30))
def test_outputs_stay_within_their_bound_wherever_the_logits_lie_within_theirs(size, rng, T, S):
    query, key, value = (rng.normal(size=(positions, 4)) * size for positions in (T, S, S))
    record = dot_product_attention(*(track(array, BFLOAT16) for array in (query, key, value)), scale=0.3)
    for v in range(4):
        upwards = np.where(value[:, v] > record.output.value[:, v : v + 1], 1, -1)
        average = softmax(record.logits.value + upwards * record.logits.error) @ value
        assert (np.abs(average - record.output.value) <= record.output.error)[:, v].all()


def gradient_by(errors, exponents, d_weights, b, scale):
    """The gradient of a softmax and its sums with ``b``, each step off by its errors."""
    of_exponents, of_weights, of_d_weights, of_mean, of_products, of_scaled = errors
    weights = softmax(exponents + of_exponents) + of_weights
    d_weights = d_weights + of_d_weights
    mean = np.sum(weights * d_weights, axis=-1, keepdims=True) + of_mean
    gradient = weights * (d_weights - mean) * (1 + of_products)
    return {"gradient": gradient, "sums": (gradient * scale * (1 + of_scaled)) @ b}


@pytest.mark.parametrize("arithmetic", [FLOAT32, BFLOAT16])
@settings(max_examples=60)
@given(rng=generators(), S=st.integers(1, 5), size=st.sampled_from((0.5, 1.0, 2.0)))
def test_a_gradient_stays_within_its_bound_wherever_each_of_its_steps_lies_within_its_own(arithmetic, rng, S, size):
    key, d_weights, b = (of_kind("ordinary", rng, shape) * size for shape in ((S, 4), (1, S), (S, 3)))
    of_weights = dot_product_attention(track(np.ones((1, 4)), arithmetic), track(key, arithmetic), key).weights
    followed = track(d_weights, arithmetic)
    gradient = softmax_backward(followed, of_weights)
    scaled = 0.7 * gradient
    bounds = {"gradient": gradient, "sums": scaled @ track(b, arithmetic)}
    split, mean = of_weights.tracked.softmax, np.sum(followed * of_weights, axis=-1, keepdims=True).tracked.mean
    of_sum = mean.common - mean.carried - np.sum(split.alone * np.abs(d_weights), axis=-1, keepdims=True)
    each = np.ones((1, S)) * arithmetic.unit_roundoff
    most = [split.exponent_error, split.alone, followed.error, of_sum, 2 * each, 2 * each]
    ends = np.cumsum([array.size for array in most])[:-1]

    def off(shares):
        errors = np.split(shares * np.concatenate(most, axis=-1), ends, axis=-1)
        return gradient_by(errors, np.log(of_weights.value), d_weights, b, 0.7)

    none = off(np.zeros((1, sum(array.size for array in most))))
    changed = off(np.eye(ends[-1] + S) * 2.0**-10)
    for name, bound in bounds.items():
        sides = np.sign(changed[name] - none[name]).T
        reached = off(sides * (1 - 2.0**-10))[name]
        assert (np.diagonal(np.abs(reached - none[name])) <= bound.error[0]).all()


@given(generators())
def test_a_weight_that_underflows_is_as_uncertain_as_its_score(rng):
    query, key = (of_kind("large", rng, (size, 16), ml_dtypes.bfloat16) for size in (6, 24))
    record = dot_product_attention(track(query, BFLOAT16), track(key, BFLOAT16), key)
    scores, weights = record.scores, record.weights
    least_of_others = np.where(np.eye(24), -np.inf, (scores.value - scores.error)[:, None, :]).max(axis=-1)
    overtakes = scores.value + scores.error - least_of_others > np.log(24 / BFLOAT16.unit_roundoff)
    assert (weights.error[overtakes & (weights.value == 0)] >= 1 - BFLOAT16.unit_roundoff).all()


def test_there_are_weights_that_underflow_and_are_quite_uncertain():
    rng = np.random.default_rng(2)
    query, key = (of_kind("large", rng, (size, 16), ml_dtypes.bfloat16) for size in (6, 24))
    record = dot_product_attention(track(query, BFLOAT16), track(key, BFLOAT16), key)
    vanished = record.weights.value == 0
    assert (record.weights.error[vanished] > 1 - BFLOAT16.unit_roundoff).any()


@given(st.integers(1, 6), st.integers(1, 20), st.sampled_from((1e3, 1e6)), generators())
def test_a_weight_is_never_off_by_more_than_one_but_for_its_rounding(T, S, size, rng):
    query, key = rng.normal(size=(T, 5)) * size, rng.normal(size=(S, 5)) * size  # scores of 1e6 and 1e12
    error = dot_product_attention(track(query, FLOAT32), track(key, FLOAT32), key).weights.error
    assert (error <= 1 + 2 * (S + 4) * FLOAT32.unit_roundoff).all()


@given(st.integers(1, 6), st.integers(1, 20), st.sampled_from((1.0, 1e3, 1e6)), generators())
def test_an_output_is_never_off_by_more_than_the_values_lie_apart_but_for_its_rounding(T, S, size, rng):
    query, key = rng.normal(size=(T, 5)) * size, rng.normal(size=(S, 5)) * size
    value, mask = of_kind("ordinary", rng, (S, 3)), rng.random((T, S)) < 0.7
    error = dot_product_attention(*(track(array, FLOAT32) for array in (query, key, value)), mask=mask).output.error
    for t, visible in enumerate(mask):
        seen, n = value[visible], visible.sum()
        spread = np.max(seen, axis=0, initial=-np.inf) - np.min(seen, axis=0, initial=np.inf) if n else 0.0
        rounding = (3 * n + 11) * FLOAT32.unit_roundoff * np.max(np.abs(seen), axis=0, initial=0.0)
        assert (error[t] <= spread + rounding + n * 2 * FLOAT32.underflow).all()


def test_a_large_score_that_cancelled_may_fall_far_below_a_smaller_one():
    query, key = [[1.0, 1.0]], [[60000.0, -57000.0], [1500.0, 1.5]]
    record = dot_product_attention(track(query, BFLOAT16), track(key, BFLOAT16), [[0.0], [1.0]])
    assert record.logits.value[0, 0] - record.logits.error[0, 0] < record.logits.value[0, 1]
    assert (record.weights.error >= 1 - BFLOAT16.unit_roundoff).all()
