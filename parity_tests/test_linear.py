"""The linear projection and its backward."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from parity_tests.calls import generators
from parity_tests.comparison import within_bound
from parity_tests.exact import ulps_apart
from reference import complex_step_gradient, linear, linear_backward
from reference.rounding import FLOAT64, track

LEADING = array_shapes(min_dims=0, max_dims=2, max_side=4)
SIZES = st.integers(1, 6)


class Projection(NamedTuple):
    y: Any


def projection(x, W, b):
    return Projection(linear(x, W, b))


@given(LEADING, SIZES, SIZES, generators())
def test_the_projection_is_the_sum_by_loops(leading, d_in, d_out, rng):
    x, W, b = rng.integers(-9, 10, (*leading, d_in)), rng.integers(-9, 10, (d_in, d_out)), rng.integers(-9, 10, d_out)
    expected = np.zeros((*leading, d_out))
    for *position, j in np.ndindex(*expected.shape):
        expected[(*position, j)] = b[j] + sum(x[(*position, i)] * W[i, j] for i in range(d_in))
    assert np.array_equal(linear(x, W, b), expected)


@given(LEADING, SIZES, SIZES, generators())
def test_the_gradients_are_the_sums_by_loops(leading, d_in, d_out, rng):
    x, W = rng.integers(-9, 10, (*leading, d_in)), rng.integers(-9, 10, (d_in, d_out))
    d_y = rng.integers(-9, 10, (*leading, d_out))
    d_b, d_W, d_x = np.zeros(d_out), np.zeros((d_in, d_out)), np.zeros(x.shape)
    for *position, j in np.ndindex(*d_y.shape):
        d_b[j] += d_y[(*position, j)]
        for i in range(d_in):
            d_W[i, j] += x[(*position, i)] * d_y[(*position, j)]
            d_x[(*position, i)] += W[i, j] * d_y[(*position, j)]
    for actual, expected in zip(linear_backward(d_y, x, W), (d_b, d_W, d_x)):
        assert np.array_equal(actual, expected)


@pytest.mark.parametrize("name", ["x", "W", "b"])
@settings(max_examples=30)
@given(leading=LEADING, d_in=SIZES, d_out=SIZES, rng=generators())
def test_every_gradient_agrees_with_the_complex_step_to_a_few_hundred_ulp(name, leading, d_in, d_out, rng):
    x, W, b = rng.normal(size=(*leading, d_in)), rng.normal(size=(d_in, d_out)), rng.normal(size=d_out)
    d_y = rng.normal(size=(*leading, d_out))
    derived = complex_step_gradient(projection, {"x": x, "W": W, "b": b}, name, {"y": d_y})
    tracked = linear_backward(*(track(array, FLOAT64) for array in (d_y, x, W)))
    sizes = getattr(tracked, f"d_{name}").tracked.magnitude
    assert ulps_apart(getattr(linear_backward(d_y, x, W), f"d_{name}"), derived, sizes) <= 300


@given(LEADING, SIZES, SIZES, generators())
def test_the_projection_lies_within_its_bound(leading, d_in, d_out, rng):
    arguments = [rng.normal(size=shape) for shape in ((*leading, d_in), (d_in, d_out), (d_out,))]
    assert within_bound(linear(*arguments), linear(*(track(array, FLOAT64) for array in arguments))).agrees


@given(LEADING, SIZES, SIZES, generators())
def test_a_bias_of_zero_is_no_bias(leading, d_in, d_out, rng):
    x, W = rng.normal(size=(*leading, d_in)), rng.normal(size=(d_in, d_out))
    assert np.array_equal(linear(x, W, np.zeros(d_out)), linear(x, W))


@pytest.mark.parametrize(("leading", "d_in", "d_out"), [((0,), 2, 3), ((2, 0), 2, 3), ((2,), 0, 3), ((2,), 2, 0)])
def test_empty_axes_give_empty_sums(leading, d_in, d_out):
    x, W, d_y = np.ones((*leading, d_in)), np.ones((d_in, d_out)), np.ones((*leading, d_out))
    assert np.array_equal(linear(x, W), np.full((*leading, d_out), float(d_in)))
    assert [gradient.shape for gradient in linear_backward(d_y, x, W)] == [(d_out,), W.shape, x.shape]
