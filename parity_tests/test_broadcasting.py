"""The gradient of broadcasting."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from parity_tests.calls import generators
from parity_tests.comparison import within_bound
from reference.broadcasting import sum_to_shape
from reference.rounding import FLOAT64, track

PAIRS = mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_side=4)


def integers(rng, shape):
    return rng.integers(-99, 100, size=shape).astype(np.float64)


@given(PAIRS, generators())
def test_summing_is_the_adjoint_of_repeating(shapes, rng):
    small, large = shapes.input_shapes[0], shapes.result_shape
    array, gradient = integers(rng, small), integers(rng, large)
    assert np.sum(np.broadcast_to(array, large) * gradient) == np.sum(array * sum_to_shape(gradient, small))


@given(PAIRS, generators())
def test_the_sum_has_the_shape_asked_for(shapes, rng):
    small, large = shapes.input_shapes[0], shapes.result_shape
    assert sum_to_shape(integers(rng, large), small).shape == small


@given(PAIRS, generators())
def test_each_element_receives_what_all_its_copies_receive(shapes, rng):
    small, large = shapes.input_shapes[0], shapes.result_shape
    gradient, expected = integers(rng, large), np.zeros(small)
    for index in np.ndindex(large):
        own = index[len(large) - len(small) :]
        expected[tuple(0 if size == 1 else i for i, size in zip(own, small))] += gradient[index]
    assert np.array_equal(sum_to_shape(gradient, small), expected)


@given(st.lists(st.integers(1, 4), max_size=3).map(tuple), generators())
def test_what_was_not_broadcast_is_left_alone(shape, rng):
    gradient = integers(rng, shape)
    assert sum_to_shape(gradient, shape) is gradient


@given(PAIRS, generators())
def test_the_sum_lies_within_its_bound(shapes, rng):
    small, large = shapes.input_shapes[0], shapes.result_shape
    gradient = rng.normal(size=large)
    assert within_bound(sum_to_shape(gradient, small), sum_to_shape(track(gradient, FLOAT64), small)).agrees
