"""The bound of each operation, held against a machine that rounds as badly as it may."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.calls import generators
from parity_tests.comparison import within_bound
from parity_tests.evaluations import ORDERS, sum_of_terms
from parity_tests.machines import MACHINES, somewhere, uncertain, worst_machine
from reference import dot_product_attention
from reference.rounding import BFLOAT16, FLOAT32, FLOAT64, Arithmetic, track
from reference.rounding_model import LARGEST_STEP, quantum

OPERATIONS = {
    np.add: 2, np.subtract: 2, np.multiply: 2, np.divide: 2, np.negative: 1, np.square: 1, np.exp: 1, np.tanh: 1
}  # fmt: skip


def badly_rounded(rng, array):
    return array * (1 + BFLOAT16.unit_roundoff * rng.choice([-1, 1], size=array.shape))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)
@given(rng=generators(), size=st.sampled_from((0.25, 1.0, 4.0)))
def test_an_operation_stays_within_its_bound_wherever_its_operands_lie_within_theirs(operation, rng, size):
    operands = [uncertain(rng, (5,), size) for _ in range(OPERATIONS[operation])]
    if operation is np.divide:
        operands[1] = operands[1] + 64.0  # clear of 0
    actual = operation(*(somewhere(rng, operand) for operand in operands))
    exact = operation is np.negative
    assert within_bound(actual if exact else badly_rounded(rng, actual), operation(*operands)).agrees


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)
@given(rng=generators())
def test_an_operation_of_float32_lies_within_its_bound(operation, rng):
    operands = [(rng.normal(size=50) * 3).astype(np.float32) for _ in range(OPERATIONS[operation])]
    assert within_bound(operation(*operands), operation(*(track(operand, FLOAT32) for operand in operands))).agrees


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


@given(generators())
def test_what_is_selected_keeps_its_bound(rng):
    a, b, condition = uncertain(rng, (5,), 1.0), uncertain(rng, (5,), 1.0), rng.random(5) < 0.5
    assert np.array_equal(np.where(condition, a, b).error, np.where(condition, a.error, b.error))


@given(generators())
def test_what_a_condition_of_fewer_axes_selects_keeps_its_bound_in_another_shape(rng):
    scores, mask = uncertain(rng, (2, 3, 4), 1.0), rng.random(4) < 0.5
    chosen = np.where(mask, scores, -np.inf)  # -inf is a number of which it is known what it is a multiple of
    assert np.array_equal(chosen.reshape(6, 4).error, np.where(mask, scores.error, 0.0).reshape(6, 4))


@given(generators())
def test_what_is_moved_to_another_axis_keeps_its_bound(rng):
    a, integers = uncertain(rng, (2, 3, 4), 1.0), track(rng.integers(-9, 10, (2, 3, 4)), FLOAT32)
    moved = np.moveaxis(a, -3, -1)
    assert np.array_equal(moved.value, np.moveaxis(a.value, -3, -1))
    assert np.array_equal(moved.error, np.moveaxis(a.error, -3, -1))
    assert not (np.moveaxis(integers, -3, -1) + 3.0).error.any()


@given(generators())
def test_what_is_put_side_by_side_keeps_its_bound(rng):
    a, integers = np.exp(track(rng.normal(size=(2, 3)), FLOAT32)), track(rng.integers(-9, 10, (2, 1)), FLOAT32)
    plain = track(rng.normal(size=(2, 2)), FLOAT32)
    joined = np.concatenate([a, integers, plain.value], axis=-1)
    assert np.array_equal(joined.value, np.concatenate([a.value, integers.value, plain.value], axis=-1))
    assert np.array_equal(joined.error, np.concatenate([a.error, integers.error, plain.error], axis=-1))
    assert not (joined[:, 3:4] + 3.0).error.any()


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


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_step_is_the_largest_power_of_two_that_a_number_is_a_multiple_of(number):
    step = Fraction(float(quantum(np.array(number))))
    if number == 0 or step == LARGEST_STEP:
        assert Fraction(number) % step == 0
    else:
        assert (Fraction(number) / step).denominator == 1
        assert (Fraction(number) / step).numerator % 2 == 1


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


def integers(rng, d_k, dtype=np.float32):
    """Queries and keys so large that the dtype just holds the sums of their products."""
    widest = int((1 / MACHINES[dtype].unit_roundoff / d_k) ** 0.5)
    return (rng.integers(-widest, widest + 1, (size, d_k)).astype(dtype) for size in (3, 5))


@pytest.mark.parametrize(("d_k", "scale"), [(1, 1), (4, 1), (64, 1), (16, 1 / 4), (256, 1 / 16), (4, 4), (4, -1 / 2)])
@given(rng=generators())
def test_scores_of_integers_are_exact_in_float32_if_the_root_of_the_scale_is(d_k, scale, rng):
    query, key = integers(rng, d_k)
    scores = scores_of(query, key, scale=scale)
    assert not scores.error.any()
    assert np.array_equal(np.float32(scale) * (query @ key.T), scores.value)
    if scale > 0:
        root = np.float32(scale**0.5)
        assert np.array_equal((query * root) @ (key * root).T, scores.value)


@pytest.mark.parametrize("scale", [2.0, 0.5, 0.125, 3.0, [[0.5]], [[[0.5]], [[0.25]]]])
@pytest.mark.parametrize("dtype", MACHINES)
@given(rng=generators(), d_k=st.integers(1, 9))
def test_the_root_of_a_scale_may_be_applied_to_both_sides_of_integers(dtype, scale, rng, d_k):
    query, key = integers(rng, d_k, dtype)
    root = np.sqrt(np.asarray(scale).astype(dtype))
    actual = np.sum((query * root)[..., :, None, :] * (key * root)[..., None, :, :], axis=-1, dtype=dtype)
    assert within_bound(actual, scores_of(query, key, MACHINES[dtype], scale=np.array(scale))).agrees


def test_a_scale_that_differs_among_queries_has_no_root_for_both_sides():
    assert not scores_of([[3.0], [5.0]], [[7.0]], scale=[[0.5], [2.0]]).error.any()


def test_scores_of_a_million_are_among_those_that_are_exact():
    query, key = np.array([[1000.0]]), np.array([[1000.0], [999.0]])
    assert not dot_product_attention(track(query, FLOAT32), track(key, FLOAT32), key).scores.error.any()


def test_integers_that_need_more_digits_than_there_are_have_a_bound():
    products = track([[4097.0]], FLOAT32) @ track([[4097.0]], FLOAT32)
    assert np.float32(4097) * np.float32(4097) != products.value[0, 0]
    assert products.error[0, 0] > 0


@pytest.mark.parametrize(("arithmetic", "carrier"), [(FLOAT64, np.longdouble), (FLOAT32, np.float64)])
def test_the_values_are_more_precise_than_the_machine(arithmetic, carrier):
    assert track([1.0], arithmetic).value.dtype == carrier


def test_an_operation_without_a_rule_is_an_error():
    with pytest.raises(TypeError):
        np.sin(track([1.0], FLOAT32))


@pytest.mark.parametrize("function", [np.linalg.norm, np.mean, np.cumsum, np.stack])
def test_a_function_without_a_rule_is_an_error(function):
    with pytest.raises(TypeError):
        function(track([1.0], FLOAT32))


def test_two_machines_cannot_compute_together():
    with pytest.raises(ValueError, match="arithmetic: expected one for all"):
        track([1.0], FLOAT32) + track([1.0], FLOAT64)


@given(generators())
def test_an_input_that_the_machine_cannot_hold_has_been_rounded(rng):
    array = rng.normal(size=5)
    assert within_bound(array.astype(np.float32), track(array, FLOAT32)).agrees
    assert not track(array.astype(np.float32), FLOAT32).error.any()


def test_a_machine_of_ones_own_can_be_described():
    tf32 = Arithmetic(2.0**-11, 2.0**-126)
    assert track([1 + 2.0**-11], tf32).error[0] > 0


def scores_of(query, key, arithmetic=FLOAT32, **options):
    value = np.zeros((np.shape(key)[0], 1))
    query, key, value = (track(array, arithmetic) for array in (query, key, value))
    return dot_product_attention(query, key, value, **options).scores


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


def test_weights_that_are_certain_stay_so_however_large_the_scores():
    query, key = np.array([[33e4 / 3]]), np.array([[33e4 / 3], [-33e4 / 3]])
    value = track([[1.0], [2.0]], BFLOAT16)
    weights = dot_product_attention(track(query, BFLOAT16), track(key, BFLOAT16), value).weights
    assert (weights.error < 2 * 7 * BFLOAT16.unit_roundoff).all()


def test_only_a_quotient_by_its_own_sum_makes_weights():
    logits = track(np.ones((2, 2)), FLOAT32)
    exponentials = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
    total = np.sum(exponentials, axis=-1, keepdims=True)
    assert (exponentials / total).tracked.softmax is not None
    assert (exponentials / np.where([[True], [False]], total, 1e-3)).tracked.softmax is None
    assert (exponentials / np.sum(exponentials, axis=-1)).tracked.softmax is None
