"""The softmax and its backward."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from parity_tests.calls import generators
from parity_tests.comparison import within_bound
from parity_tests.exact import ulps_apart
from reference import complex_step_gradient, softmax, softmax_backward
from reference.rounding import FLOAT64, track

SHAPES = array_shapes(max_dims=3, max_side=6)


class Weights(NamedTuple):
    weights: Any


def softmax_record(logits):
    return Weights(softmax(logits))


def some_hidden(logits, rng):
    return np.where(rng.random(logits.shape) < 0.3, -np.inf, logits)


@given(SHAPES, generators())
def test_rows_sum_to_one(shape, rng):
    logits = rng.normal(size=shape) * 10
    total = np.sum(softmax(track(logits, FLOAT64)), axis=-1)
    assert within_bound(np.ones(shape[:-1]), total).agrees


@given(SHAPES, generators())
def test_computed_rows_sum_to_one(shape, rng):
    logits = rng.normal(size=shape) * 10
    total = np.sum(softmax(track(logits, FLOAT64)), axis=-1)
    assert within_bound(np.sum(softmax(logits), axis=-1), total).agrees


@given(SHAPES, generators())
def test_weights_stand_to_one_another_as_the_exponentials(shape, rng):
    logits = rng.integers(-9, 10, size=shape)
    exponentials = np.exp(np.longdouble(1)) ** logits
    expected = exponentials / np.sum(exponentials, axis=-1, keepdims=True)
    bound = softmax(track(logits, FLOAT64)).error
    assert (np.abs(softmax(logits) - expected) <= bound).all()


@given(SHAPES, generators(), st.integers(-(10**6), 10**6))
def test_a_shift_of_all_logits_changes_nothing(shape, rng, shift):
    logits = rng.integers(-20, 20, size=shape)
    assert np.array_equal(softmax(logits + shift), softmax(logits))


@given(SHAPES, generators())
def test_a_shift_of_each_row_by_its_own_number_changes_nothing(shape, rng):
    logits = rng.integers(-20, 20, size=shape)
    shifts = rng.integers(-1000, 1000, size=(*shape[:-1], 1))
    assert np.array_equal(softmax(logits + shifts), softmax(logits))


@given(SHAPES, generators())
def test_a_larger_logit_has_a_larger_weight(shape, rng):
    logits = rng.normal(size=shape)
    assert np.array_equal(np.argsort(softmax(logits), axis=-1), np.argsort(logits, axis=-1))


@given(SHAPES)
def test_a_row_that_is_hidden_altogether_has_weights_zero(shape):
    assert np.array_equal(softmax(np.full(shape, -np.inf)), np.zeros(shape))


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 4), (2, 0, 3)])
def test_empty_rows_stay_empty(shape):
    assert softmax(np.zeros(shape)).shape == softmax_backward(np.zeros(shape), np.zeros(shape)).shape == shape


@given(SHAPES, generators())
def test_hidden_positions_have_weight_zero(shape, rng):
    logits = some_hidden(rng.normal(size=shape), rng)
    assert np.array_equal(softmax(logits) == 0, logits == -np.inf)


@given(SHAPES, generators())
def test_hidden_positions_might_as_well_not_be_there(shape, rng):
    logits = rng.integers(-9, 10, size=shape)
    with_hidden = np.concatenate([np.full(shape, -np.inf), logits], axis=-1)
    bound = softmax(track(logits, FLOAT64)).error
    assert (np.abs(softmax(with_hidden)[..., shape[-1] :] - softmax(logits)) <= bound).all()


@pytest.mark.parametrize("depth", [1e3, 1e6, 1e300])
def test_a_row_far_below_another_is_its_own(depth):
    logits = np.array([[0.0, 1.0], [0.0, 1.0]])
    logits[1] -= depth
    alone = [softmax(row) for row in logits]
    assert np.array_equal(softmax(logits), alone)


@pytest.mark.parametrize("largest", [1e308, float(np.finfo(np.float64).max), -1e308])
def test_logits_as_large_as_they_come_are_fine(largest):
    assert np.array_equal(softmax([largest, largest, -np.inf]), [0.5, 0.5, 0.0])


def test_the_largest_logit_may_lie_a_world_above_the_rest():
    assert np.array_equal(softmax([8e307, -8e307, 0.0]), [1.0, 0.0, 0.0])


@given(SHAPES, generators())
def test_the_backward_agrees_with_the_complex_step_to_a_few_hundred_ulp(shape, rng):
    logits = some_hidden(rng.normal(size=shape), rng)
    visible = np.isfinite(logits)
    d_weights = rng.normal(size=shape)

    def of_visible(shown):
        return softmax_record(np.where(visible, shown, -np.inf))

    shown = {"shown": np.where(visible, logits, 0.0)}
    derived = complex_step_gradient(of_visible, shown, "shown", {"weights": d_weights})
    tracked = softmax_backward(track(d_weights, FLOAT64), softmax(track(logits, FLOAT64)))
    assert ulps_apart(softmax_backward(d_weights, softmax(logits)), derived, tracked.tracked.magnitude) <= 300


@given(SHAPES, generators())
def test_rows_of_the_backward_sum_to_zero(shape, rng):
    weights = softmax(track(rng.normal(size=shape) * 3, FLOAT64))
    d_logits = softmax_backward(track(rng.normal(size=shape), FLOAT64), weights)
    assert within_bound(np.zeros(shape[:-1]), np.sum(d_logits, axis=-1)).agrees


@given(SHAPES, generators())
def test_the_backward_is_zero_where_the_weight_is(shape, rng):
    logits = some_hidden(rng.normal(size=shape), rng)
    d_logits = softmax_backward(rng.normal(size=shape), softmax(logits))
    assert np.array_equal(d_logits[logits == -np.inf], np.zeros(np.sum(logits == -np.inf)))


@given(SHAPES, generators())
def test_a_constant_cotangent_has_no_gradient(shape, rng):
    weights = softmax(track(rng.normal(size=shape), FLOAT64))
    assert within_bound(np.zeros(shape), softmax_backward(track(np.full(shape, 3.0), FLOAT64), weights)).agrees
