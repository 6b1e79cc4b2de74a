"""Sums of products, of which no array is made."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, mutually_broadcastable_shapes

from parity_tests.calls import generators
from parity_tests.comparison import within_bound
from reference.broadcasting import sum_to_shape
from reference.products import dot_rows, sum_products_to_shape
from reference.rounding import FLOAT64, track

PAIRS = mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_side=4).map(
    lambda shapes: (shapes.input_shapes[0], shapes.result_shape)
)
DTYPES = st.sampled_from([np.float64, np.longdouble, np.complex128])


def drawn(rng, shape, dtype=np.float64):
    """An array of integers, whose products and sums are exact."""
    array = rng.integers(-99, 100, size=shape).astype(dtype)
    return array + 1j * rng.integers(-99, 100, size=shape) if dtype == np.complex128 else array


@given(PAIRS, DTYPES, generators())
def test_products_are_summed_to_a_shape(shapes, dtype, rng):
    small, large = shapes
    a, b = drawn(rng, large, dtype), drawn(rng, large, dtype)
    assume(large)  # as scores have two axes or more
    found = sum_products_to_shape(a, b, small)
    assert np.array_equal(found, sum_to_shape(a * b, small))
    assert found.shape == small
    assert found.dtype == dtype


@given(array_shapes(min_side=0), DTYPES, generators())
def test_products_of_rows_are_summed(shape, dtype, rng):
    a, b = drawn(rng, shape, dtype), drawn(rng, shape, dtype)
    assert np.array_equal(dot_rows(a, b), np.sum(a * b, axis=-1, keepdims=True))
    assert dot_rows(a, b).dtype == dtype


@given(array_shapes(max_dims=3, max_side=40), generators())
def test_the_sums_lie_within_the_bound_of_products_and_sums(shape, rng):
    a, b = rng.normal(size=(2, *shape))
    tracked = track(a, FLOAT64), track(b, FLOAT64)
    assert within_bound(dot_rows(a, b), dot_rows(*tracked)).agrees
    one = (1,) * len(shape)
    assert within_bound(sum_products_to_shape(a, b, one), sum_products_to_shape(*tracked, one)).agrees


def test_rows_are_summed_as_accurately_as_halves_are():
    """Within 64 roundings for 100,000 numbers, where one after another may take as many as there are numbers."""
    a, b = np.random.default_rng(0).uniform(1, 2, size=(2, 8, 100_000))
    exactly = np.sum(a.astype(np.longdouble) * b.astype(np.longdouble), axis=-1, keepdims=True)
    assert (np.abs(dot_rows(a, b) - exactly) <= 64 * FLOAT64.unit_roundoff * exactly).all()


def test_a_sum_that_overflows_is_told_as_any_other():
    a = np.array([[1.5e308, 1.5e308]])
    for summed in (dot_rows, lambda a, b: sum_products_to_shape(a, b, ())):
        with np.errstate(all="raise"), pytest.raises(FloatingPointError):
            summed(a, np.ones((1, 2)))


@pytest.mark.parametrize("tracked", [(True, False), (False, True)])
def test_a_plain_array_may_meet_one_with_a_bound(tracked):
    plain = np.arange(6.0).reshape(2, 3)
    a, b = (track(plain, FLOAT64) if one else plain for one in tracked)
    assert np.array_equal(dot_rows(a, b).value, [[5.0], [50.0]])
    assert sum_products_to_shape(a, b, (1, 1)).value == 55


@pytest.mark.parametrize(
    "summed",
    [
        dot_rows,
        lambda a, b: sum_products_to_shape(a, b, (4, 1, 1)),
        lambda a, b: sum_products_to_shape(a, b, ()),
    ],
    ids=["rows", "to a shape", "to a number"],
)
def test_no_array_of_products_is_made(summed):
    a = np.ones((4, 300, 500))
    tracemalloc.start()
    summed(a, a)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < a.nbytes / 10
