"""The sigmoid, its backward, and the bound that covers both forms in which machines compute it."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from parity_tests.calls import generators
from parity_tests.comparison import within_bound
from parity_tests.evaluations import ORDERS
from parity_tests.head_evaluations import sigmoid as evaluated
from parity_tests.machines import MACHINES, somewhere, uncertain
from reference import complex_step_gradient, sigmoid, sigmoid_backward
from reference.rounding import BFLOAT16, FLOAT32, FLOAT64, track
from reference.rounding_model import TANGENT, both_roundings

SHAPES = array_shapes(min_dims=0, max_dims=3, max_side=6)
FORMS = ("plain", "last to first", "coarse exponentials", "coarse, online")


class Gate(NamedTuple):
    gate: Any


def widely(x):
    """A sigmoid in longdouble, whatever it is of."""
    return Gate(sigmoid(np.longdouble(1) * x))


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_it_turns_the_logarithm_of_odds_into_the_chance(one, other):
    odds = np.log(np.longdouble(one) / other)
    expected = np.longdouble(one) / (one + other)
    assert within_bound(np.array(expected), sigmoid(track(odds, FLOAT64))).agrees


@given(SHAPES, generators(), st.sampled_from((1.0, 30.0, 1000.0)))
def test_it_lies_within_its_bound(shape, rng, size):
    x = rng.normal(size=shape) * size
    assert within_bound(sigmoid(x), sigmoid(track(x, FLOAT64))).agrees


@given(SHAPES, generators(), st.sampled_from((1.0, 30.0, 1000.0)))
def test_that_of_x_and_that_of_minus_x_sum_to_one(shape, rng, size):
    x = rng.normal(size=shape) * size
    total = sigmoid(track(x, FLOAT64)) + sigmoid(track(-x, FLOAT64))
    assert within_bound(np.ones(shape), total).agrees


@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
def test_numbers_as_large_as_they_come_are_fine(dtype):
    largest = np.finfo(dtype).max
    assert np.array_equal(sigmoid(np.array([-largest, 0, largest])), [0, 0.5, 1])
    assert sigmoid(np.zeros(1, dtype)).dtype == dtype


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", MACHINES)
@given(rng=generators(), size=st.sampled_from((0.01, 1.0, 8.0, 100.0)))
def test_the_bound_covers_every_form_on_every_machine(dtype, form, rng, size):
    x = (rng.normal(size=50) * size).astype(dtype)
    assert within_bound(evaluated(ORDERS[form], x), sigmoid(track(x, MACHINES[dtype]))).agrees


@pytest.mark.parametrize("form", FORMS)
@given(rng=generators(), size=st.sampled_from((0.25, 1.0, 4.0, 64.0)))
def test_it_stays_within_its_bound_wherever_its_argument_lies_within_its_own(form, rng, size):
    x = uncertain(rng, (5,), size)
    step = away_or_towards(rng)
    assert within_bound(evaluated(ORDERS[form], somewhere(rng, x), step), sigmoid(x)).agrees


def away_or_towards(rng):
    """A machine that rounds every result as badly as bfloat16 may, but for what it can represent."""
    towards = rng.random()

    def step(array):
        sides = np.where(rng.random(np.shape(array)) < towards, -1.0, 1.0)
        return array * (1 + BFLOAT16.unit_roundoff * (1 - 2.0**-20) * sides)

    return step


@given(generators(), st.sampled_from((1.0, 100.0, 1e4, 1e6)))
def test_it_is_never_further_off_than_from_zero_to_one(rng, size):
    x = uncertain(rng, (5,), size)
    u = both_roundings(BFLOAT16).unit_roundoff
    tangent = TANGENT / 2 * u  # besides, a sum and a quotient of 1 and what the tangent adds to it are rounded
    assert (sigmoid(x).error <= 1 + tangent + (2 + u) * u * (1 + tangent) + BFLOAT16.underflow).all()


def test_only_a_quotient_by_one_more_than_its_own_exponential_is_a_sigmoid():
    small = np.exp(track([-20.0, -10.0], FLOAT32))
    assert (small / (1.0 + small)).error[0] > FLOAT32.unit_roundoff
    for other in (0.5 * small / (1.0 + small), small / (1.0 + 1.0 * small), small / (2.0 + small)):
        assert (other.error < 64 * FLOAT32.unit_roundoff * other.value).all()


@given(SHAPES, generators())
def test_the_backward_is_the_complex_step_within_its_bound(shape, rng):
    x, d_y = rng.normal(size=shape) * 3, rng.normal(size=shape)
    bound = sigmoid_backward(track(d_y, FLOAT64), sigmoid(track(x, FLOAT64)))
    derived = complex_step_gradient(widely, {"x": x}, "x", {"gate": d_y})
    assert within_bound(derived, bound).agrees
    assert within_bound(sigmoid_backward(d_y, sigmoid(x)), bound).agrees


@given(generators(), st.sampled_from(FORMS), st.sampled_from((0.01, 1.0, 8.0, 100.0)))
def test_the_backward_of_a_sigmoid_in_float32_lies_within_its_bound(rng, form, size):
    x, d_y = (rng.normal(size=20) * size).astype(np.float32), rng.normal(size=20).astype(np.float32)
    bound = sigmoid_backward(track(d_y, FLOAT32), sigmoid(track(x, FLOAT32)))
    y = evaluated(ORDERS[form], x)
    for actual in (d_y * y * (1 - y), d_y * (y * (1 - y)), (d_y * (1 - y)) * y, d_y * (y - y * y)):
        assert within_bound(actual, bound).agrees


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (sigmoid, ([0.0, np.inf],), "x: expected finite numbers, received inf at index (1,)"),
        (sigmoid_backward, ([1.0], [0.5, 0.5]), "d_y: expected shape (2,) to match y, received (1,)"),
        (sigmoid_backward, ([1.0], [np.nan]), "y: expected finite numbers, received nan at index (0,)"),
    ],
)
def test_what_has_no_sigmoid_is_refused(function, arguments, message):
    with pytest.raises(ValueError, match=r": expected .*, received ") as raised:
        function(*arguments)
    assert str(raised.value) == message
