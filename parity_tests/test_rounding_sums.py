"""The bound of what runs along an axis, held against a machine that rounds as badly as it may."""

import ml_dtypes
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.calls import generators
from parity_tests.comparison import within_bound
from parity_tests.evaluations import ORDERS, sum_of_terms
from parity_tests.machines import somewhere, uncertain, worst_machine
from reference.rounding import BFLOAT16, FLOAT32, track


@given(generators(), st.integers(1, 6), st.integers(1, 6), st.integers(1, 6))
def test_a_product_of_matrices_stays_within_its_bound_wherever_they_lie_within_theirs(rng, rows, terms, columns):
    a, b = uncertain(rng, (rows, terms), 1.0), uncertain(rng, (terms, columns), 1.0)
    assert within_bound(somewhere(rng, a) @ somewhere(rng, b), a @ b).agrees


@given(generators(), st.integers(1, 6), st.sampled_from((0, 1, -1, None)))
def test_a_sum_stays_within_its_bound_wherever_its_terms_lie_within_theirs(rng, rows, axis):
    a = uncertain(rng, (rows, 4), 1.0)
    assert within_bound(np.sum(somewhere(rng, a), axis=axis), np.sum(a, axis=axis)).agrees


@given(generators(), st.sampled_from((2, 8, 32)), st.sampled_from((2, 8, 32)), st.booleans())
def test_products_that_are_summed_over_leading_axes_may_be_one_long_sum_in_any_order(rng, groups, terms, cancel):
    a, b = rng.normal(size=(groups, 1, terms)), rng.normal(size=(groups, terms, 1))
    if cancel:  # within each group, so that the sums of the groups are far smaller than those of the terms
        a[..., terms // 2 :], b[:, terms // 2 :] = -a[..., : terms // 2], b[:, : terms // 2]
    step = worst_machine(rng, FLOAT32.unit_roundoff * (1 - 2.0**-20))
    products = np.sort(step(a * b.mT).reshape(1, groups * terms))[:, ::-1]  # the positive ones first, then the others
    actual = sum_of_terms(products, ORDERS["plain"], step)
    assert within_bound(actual, np.sum(track(a, FLOAT32) @ track(b, FLOAT32), axis=0)).agrees


@given(generators(), st.integers(1, 6))
def test_the_largest_stays_within_its_bound_wherever_the_numbers_lie_within_theirs(rng, rows):
    a = uncertain(rng, (rows, 4), 1.0)
    assert within_bound(np.max(somewhere(rng, a), axis=-1), np.max(a, axis=-1)).agrees


@given(generators(), st.integers(2, 40), st.floats(0, 1))
def test_a_sum_stays_within_its_bound_in_the_order_in_which_its_partial_sums_are_largest(rng, terms, positive):
    numbers = np.abs(rng.normal(size=terms)) * np.where(rng.random(terms) < positive, 1, -1)
    numbers = numbers.astype(ml_dtypes.bfloat16).astype(float)
    bound = np.sum(track(numbers, BFLOAT16))
    for ordered in (np.sort(numbers), np.sort(numbers)[::-1]):
        for away_from_zero in (1, -1):
            computed = ordered[0]
            for number in ordered[1:]:
                total = computed + number
                representable = total == float(ml_dtypes.bfloat16(total))
                computed = total if representable else total * (1 + away_from_zero * BFLOAT16.unit_roundoff)
            assert within_bound(np.array(computed), bound).agrees


@given(st.integers(3, 200))
def test_a_sum_that_loses_every_term_reaches_the_bound_but_for_a_few_roundings(terms):
    unit_roundoff = FLOAT32.unit_roundoff
    left = np.array([[1.0] + [unit_roundoff] * (terms - 1)])
    bound = track(left, FLOAT32) @ track(np.ones((terms, 1)), FLOAT32)
    computed = np.float32(0)
    for term in left[0].astype(np.float32):
        computed += term
    assert within_bound(np.full((1, 1), computed), bound).agrees
    assert bound.error[0, 0] <= (terms + 3) * unit_roundoff * bound.value[0, 0]


@given(st.integers(3, 200))
def test_a_sum_along_an_axis_may_lose_every_term_too(terms):
    left = np.array([1.0] + [FLOAT32.unit_roundoff] * (terms - 1))
    computed = np.float32(0)
    for term in left.astype(np.float32):
        computed += term
    assert within_bound(np.array(computed), np.sum(track(left, FLOAT32), axis=-1)).agrees
