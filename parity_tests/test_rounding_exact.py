"""What is followed exactly: sums of integers times a power of two, and those that only seem to be exact."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.calls import generators
from parity_tests.comparison import within_bound
from parity_tests.machines import MACHINES
from reference import dot_product_attention
from reference.rounding import FLOAT32, track
from reference.rounding_model import LARGEST_STEP, quantum


def scores_of(query, key, arithmetic=FLOAT32, **options):
    value = np.zeros((np.shape(key)[0], 1))
    query, key, value = (track(array, arithmetic) for array in (query, key, value))
    return dot_product_attention(query, key, value, **options).scores


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_step_is_the_largest_power_of_two_that_a_number_is_a_multiple_of(number):
    step = Fraction(float(quantum(np.array(number))))
    if number == 0 or step == LARGEST_STEP:
        assert Fraction(number) % step == 0
    else:
        assert (Fraction(number) / step).denominator == 1
        assert (Fraction(number) / step).numerator % 2 == 1


def integers(rng, d_k, dtype=np.float32):
    """Queries and keys so large that the dtype just holds the sums of their products."""
    widest = int((1 / MACHINES[dtype].unit_roundoff / d_k) ** 0.5)
    return (rng.integers(-widest, widest + 1, (size, d_k)).astype(dtype) for size in (3, 5))


@pytest.mark.parametrize(("d_k", "scale"), [(1, 1), (4, 1), (64, 1), (16, 1 / 4), (256, 1 / 16), (4, 4), (4, -1 / 4)])
@given(rng=generators())
def test_scores_of_integers_are_exact_in_float32_if_the_root_of_the_scale_is(d_k, scale, rng):
    query, key = integers(rng, d_k)
    scores = scores_of(query, key, scale=scale)
    assert not scores.error.any()
    assert np.array_equal(np.float32(scale) * (query @ key.T), scores.value)
    root = np.float32(abs(scale) ** 0.5)
    assert np.array_equal((query * root) @ (key * np.sign(scale) * root).T, scores.value)


@pytest.mark.parametrize("scale", [2.0, 0.5, 0.125, 3.0, -0.5, -0.75, [[0.5]], [[[0.5]], [[0.25]]]])
@pytest.mark.parametrize("dtype", MACHINES)
@given(rng=generators(), d_k=st.integers(1, 9))
def test_the_root_of_a_scale_may_be_applied_to_both_sides_of_integers(dtype, scale, rng, d_k):
    query, key = integers(rng, d_k, dtype)
    scale = np.asarray(scale).astype(dtype)
    root = np.sqrt(np.abs(scale))
    queries, keys = query * root, key * (np.sign(scale) * root)  # the sign to one side
    actual = np.sum(queries[..., :, None, :] * keys[..., None, :, :], axis=-1, dtype=dtype)
    assert within_bound(actual, scores_of(query, key, MACHINES[dtype], scale=scale)).agrees


def test_a_scale_that_differs_among_queries_has_no_root_for_both_sides():
    assert not scores_of([[3.0], [5.0]], [[7.0]], scale=[[0.5], [2.0]]).error.any()


def test_scores_of_a_million_are_among_those_that_are_exact():
    query, key = np.array([[1000.0]]), np.array([[1000.0], [999.0]])
    assert not dot_product_attention(track(query, FLOAT32), track(key, FLOAT32), key).scores.error.any()


def test_integers_that_need_more_digits_than_there_are_have_a_bound():
    products = track([[4097.0]], FLOAT32) @ track([[4097.0]], FLOAT32)
    assert np.float32(4097) * np.float32(4097) != products.value[0, 0]
    assert products.error[0, 0] > 0


def test_a_bias_that_comes_first_takes_part_in_every_rounding():
    n, bias = 20, np.float32(100.3)
    products = np.full(n, 100 * 1.1 * 2.0**-24, np.float32)
    actual = bias
    for product in products:
        actual = actual + product
    scores = scores_of(np.ones((1, n)), products[None].astype(float), bias=[[float(bias)]])
    assert within_bound(np.array([[actual]]), scores).agrees


def test_a_sum_is_exact_only_if_it_is_so_in_every_order():
    # (2**24 - 4 + 1/2) + 1/2 loses both halves, though the halves make 1 and all are powers of two.
    bias = np.float32(2**24 - 4)
    actual = (bias + np.float32(0.5)) + np.float32(0.5)
    assert within_bound(np.array([[actual]]), scores_of([[1.0, 1.0]], [[0.5, 0.5]], bias=[[float(bias)]])).agrees


def test_a_scaled_sum_is_exact_only_if_its_scaled_terms_are():
    # 3 + 13 is 16, a power of two, but 3 * 0.1 and 13 * 0.1 are rounded.
    scale = np.float32(0.1)
    query, key = np.array([[3, 13]], np.float32), np.array([[2**18, 2**18]], np.float32)
    actual = (query * scale) @ key.T
    assert within_bound(actual, scores_of(query, key, scale=float(scale))).agrees
