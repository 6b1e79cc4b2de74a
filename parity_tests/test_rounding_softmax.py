"""The bound of weights and of averages by them: as wide as the logits are uncertain, and never wider than sense."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.calls import generators
from parity_tests.comparison import within_bound
from reference import dot_product_attention, softmax, softmax_backward
from reference.rounding import ARITHMETIC, BFLOAT16, FLOAT32, Arithmetic, Rounded, track
from reference.rounding_model import Softmax, rounded
from reference.rounding_softmax import weights_error

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


@pytest.mark.parametrize("size", [1.0, 50.0, 3e4, 1e6])
@settings(max_examples=30)
@given(rng=generators(), T=st.integers(1, 4), S=st.integers(1, 30))
def test_a_machine_that_takes_the_logarithm_of_the_sum_from_scores_stays_within_its_own_bound(size, rng, T, S):
    scores, d_weights = ((rng.normal(size=(T, S)) * factor).astype(np.float32) for factor in (size, 1.0))
    largest = scores.max(axis=-1, keepdims=True)
    log_sum_exp = np.log(np.sum(np.exp(scores - largest), axis=-1, keepdims=True)) + largest
    actual = np.exp(scores - log_sum_exp)
    d_actual = actual * (d_weights - np.sum(d_weights * actual, axis=-1, keepdims=True))
    weights = softmax(track(scores.astype(float), FLOAT32._replace(log_sum_exp=True)))
    d_scores = softmax_backward(track(d_weights.astype(float), weights.arithmetic), weights)
    assert actual.dtype == d_actual.dtype == np.float32
    assert within_bound(actual, weights).agrees
    assert within_bound(d_actual, d_scores).agrees


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("apart", [1.0, 0.01])
@settings(max_examples=100)
@given(size=st.sampled_from((1.0, 4.0, 8.0, 1e3)), rng=generators(), T=st.integers(1, 64), S=st.integers(1, 30))
def test_such_a_machine_may_take_the_derivative_of_that_logarithm_apart(dtype, apart, size, rng, T, S):
    scores, d_weights = ((rng.normal(size=(T, S)) * factor).astype(dtype) for factor in (size, apart))
    d_weights += np.asarray(2, dtype)  # of which little is left where d_weights are not far apart
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    total = np.sum(exponentials, axis=-1, keepdims=True)
    own = np.exp(scores - (np.log(total) + scores.max(axis=-1, keepdims=True))) * d_weights
    d_actual = own - exponentials * (np.sum(own, axis=-1, keepdims=True) / total)
    machine = ARITHMETIC[dtype]._replace(log_sum_exp=True)
    weights = softmax(track(scores.astype(float), machine))
    assert d_actual.dtype == dtype
    assert within_bound(d_actual, softmax_backward(track(d_weights.astype(float), machine), weights)).agrees


def test_only_such_a_machine_may_have_weights_that_do_not_sum_to_1():
    scores = np.array([[1e6, 1e6]])  # the logarithm of their sum is 1e6 + 0.6931, which float32 has as 1e6 + 0.6875
    actual = np.exp(np.float32(1e6) - np.float32(1e6 + np.log(2))) * np.ones((1, 2), np.float32)
    for log_sum_exp in (False, True):
        weights = softmax(track(scores, FLOAT32._replace(log_sum_exp=log_sum_exp)))
        assert within_bound(actual, weights).agrees == log_sum_exp


def averages_by(errors, exponents, d_weights, b, scale):
    """Averages by weights, the gradient of the softmax and its sums with ``b``, each step off by its errors."""
    of_exponents, of_weights, of_terms, of_d_weights, of_mean, of_products, of_scaled, of_b = errors
    weights = softmax(exponents + of_exponents) + of_weights
    d_weights = d_weights + of_d_weights
    mean = np.sum(weights * d_weights, axis=-1, keepdims=True) + of_mean
    gradient = weights * (d_weights - mean) * (1 + of_products)
    average = np.sum(weights * (1 + of_terms) * (b + of_b), axis=-1, keepdims=True)
    sums = np.sum(gradient * scale * (1 + of_scaled) * (b + of_b), axis=-1, keepdims=True)
    return {"average": average, "mean": mean, "gradient": gradient, "sums": sums}


def bounds_by(weights, d_weights, b, scale):
    mean, gradient = np.sum(d_weights * weights, axis=-1, keepdims=True), softmax_backward(d_weights, weights)
    return {"average": weights @ b.mT, "mean": mean, "gradient": gradient, "sums": scale * gradient @ b.mT}


def check_every_way(most, bounds, exponents, d_weights, b):
    """Whether each element stays within its bound if all errors push it as far as they may, up and down."""
    ends = np.cumsum([array.size for array in most])

    def off(shares):
        errors = np.split(shares * np.concatenate(most, axis=-1), ends[:-1], axis=-1)
        return averages_by(errors, exponents, d_weights, b, 0.7)

    none, changed = off(np.zeros((1, ends[-1]))), off(np.eye(ends[-1]) * 2.0**-10)
    for name, bound in bounds.items():
        sides = np.sign(changed[name] - none[name]).T
        for sign in (-1, 1):
            reached = np.diagonal(off(sign * sides * (1 - 2.0**-10))[name] - none[name])
            assert (np.abs(reached) <= bound.error[0]).all(), name


@pytest.mark.parametrize("arithmetic", [FLOAT32, BFLOAT16])
@settings(max_examples=60)
@given(rng=generators(), S=st.integers(1, 5), size=st.sampled_from((0.5, 1.0, 2.0)))
def test_averages_stay_within_their_bounds_wherever_each_step_lies_within_its_own(arithmetic, rng, S, size):
    key, d_weights, b = (of_kind("ordinary", rng, shape) * size for shape in ((S, 4), (1, S), (1, S)))
    weights = dot_product_attention(track(np.ones((1, 4)), arithmetic), track(key, arithmetic), key).weights
    followed, columns = track(d_weights, arithmetic), track(b, arithmetic)
    bounds = bounds_by(weights, followed, columns, 0.7)
    split, mean = weights.tracked.softmax, bounds["mean"].tracked.mean
    of_mean = mean.common - mean.carried - np.sum(split.alone * np.abs(d_weights), axis=-1, keepdims=True)
    each = np.full((1, S), arithmetic.unit_roundoff)
    own = split.exponent_error, split.alone, (S + 2) * each, followed.error, of_mean
    most = (*own, 2 * each, 2 * each, columns.error)
    check_every_way(most, bounds, np.log(weights.value), d_weights, b)


@settings(max_examples=100)
@given(rng=generators(), S=st.integers(2, 5), far=st.sampled_from((0.01, 0.1, 0.3, 1.0)))
def test_averages_stay_within_their_bounds_however_far_off_the_exponents_are(rng, S, far):
    never_rounds = Arithmetic(0.0, 0.0)
    exponents, d_weights, b = (rng.normal(size=shape) for shape in ((1, S), (1, S), (1, S)))
    p, error = softmax(exponents), far * rng.random((1, S))
    moved, none = weights_error(p, np.ones((1, 1)), np.log(p), error), np.zeros((1, S))
    weights = Rounded(rounded(p, moved, p)._replace(softmax=Softmax(error, moved, none)), never_rounds)
    of_b, of_d_weights = far * rng.random((2, 1, S))
    columns = Rounded(rounded(b, of_b, np.abs(b)), never_rounds)
    followed = Rounded(rounded(d_weights, of_d_weights, np.abs(d_weights)), never_rounds)
    bounds = bounds_by(weights, followed, columns, 0.7)
    most = (error, none, none, of_d_weights, none[:, :1], none, none, of_b)
    check_every_way(most, bounds, np.log(p), d_weights, b)


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
