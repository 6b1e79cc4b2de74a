"""The complex-step derivative, of functions whose gradient is known."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes

from parity_tests.calls import generators
from reference import complex_step_gradient


class Record(NamedTuple):
    result: Any
    other: Any = None


def cube(x, factor=1.0):
    return Record(factor * x * x * x, x + x)


def exponential(x):
    return Record(np.exp(x))


SHAPES = array_shapes(min_dims=0, max_dims=3, max_side=4)


@given(SHAPES, generators())
def test_the_gradient_of_a_cube_is_three_squares(shape, rng):
    x, cotangent = rng.integers(1, 100, shape).astype(float), rng.integers(-99, 100, shape)
    assert np.array_equal(complex_step_gradient(cube, {"x": x}, "x", {"result": cotangent}), 3 * x * x * cotangent)


@given(SHAPES, generators())
def test_every_field_that_the_loss_depends_on_counts(shape, rng):
    x, cotangent = rng.integers(1, 100, shape).astype(float), rng.integers(-99, 100, shape)
    gradient = complex_step_gradient(cube, {"x": x}, "x", {"result": np.ones(shape), "other": cotangent})
    assert np.array_equal(gradient, 3 * x * x + 2 * cotangent)


def test_an_argument_that_broadcasts_receives_the_sum():
    gradient = complex_step_gradient(cube, {"x": [1.0, 2.0], "factor": 3.0}, "factor", {"result": [5.0, 7.0]})
    assert np.array_equal(gradient, 5.0 + 7.0 * 8.0)


@given(generators())
def test_nothing_cancels_and_no_step_is_too_large(rng):
    x = rng.normal(size=5)
    ulp = np.spacing(np.exp(x))
    assert (np.abs(complex_step_gradient(exponential, {"x": x}, "x", {"result": 1.0}) - np.exp(x)) <= ulp).all()


def test_the_argument_is_not_changed():
    x = np.array([1.0, 2.0])
    complex_step_gradient(cube, {"x": x}, "x", {"result": 1.0})
    assert np.array_equal(x, [1.0, 2.0])


@pytest.mark.parametrize(
    ("arguments", "name", "message"),
    [
        ({"x": 1.0, "factor": 2.0}, "y", "name: expected one of x, factor, received 'y'"),
        ({"x": [0.0, np.nan]}, "x", "x: expected finite numbers, received nan at index (1,)"),
        ({"x": "one"}, "x", "x: expected an array of numbers, received dtype <U3"),
    ],
)
def test_what_has_no_gradient_is_refused(arguments, name, message):
    with pytest.raises(ValueError, match=r": expected .*, received ") as raised:
        complex_step_gradient(cube, arguments, name, {"result": 1.0})
    assert str(raised.value) == message
