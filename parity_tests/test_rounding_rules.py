"""The bound of each operation, held against a machine that rounds as badly as it may."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.calls import generators
from parity_tests.comparison import within_bound
from parity_tests.machines import somewhere, uncertain
from reference import dot_product_attention
from reference.rounding import BFLOAT16, FLOAT32, FLOAT64, Arithmetic, track

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


@pytest.mark.parametrize(("arithmetic", "carrier"), [(FLOAT64, np.longdouble), (FLOAT32, np.float64)])
def test_the_values_are_more_precise_than_the_machine(arithmetic, carrier):
    assert track([1.0], arithmetic).value.dtype == carrier


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)
@given(rng=generators())
def test_what_is_written_into_an_array_is_what_would_be_returned(operation, rng):
    operands = [uncertain(rng, (5,), 1.0) for _ in range(OPERATIONS[operation])]
    returned = operation(*operands)
    into = operation(*operands, out=operands[0])
    assert into is operands[0]
    for one, other in zip(into.tracked[:6], returned.tracked[:6]):
        assert np.array_equal(one, other, equal_nan=one is not None)


def test_what_does_not_fit_into_an_array_is_not_written_into_it():
    small, plain = track([1.0], FLOAT32), np.zeros(2)
    with pytest.raises(ValueError, match=r"out: expected shape \(2,\), received \(1,\)"):
        small += track([1.0, 2.0], FLOAT32)
    with pytest.raises(TypeError):
        np.exp(track([1.0, 2.0], FLOAT32), out=plain)
    with pytest.raises(TypeError):
        np.isfinite(track([1.0], FLOAT32), out=small)
    assert small.value.tolist() == [1.0]
    assert not plain.any()


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
