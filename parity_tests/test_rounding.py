"""The error bound: it covers every evaluation in use, and it is no larger than it must be."""

import itertools
import statistics

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests import exact
from parity_tests.comparison import compare, within_bound
from parity_tests.evaluations import ORDERS, evaluate
from parity_tests.strategies import generators
from reference import dot_product_attention, dot_product_attention_backward, softmax
from reference.rounding import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, Arithmetic, track

ARITHMETIC = {np.float16: FLOAT16, ml_dtypes.bfloat16: BFLOAT16, np.float32: FLOAT32, np.float64: FLOAT64}
LARGE = {np.float16: 3.0, np.float32: 64.0, np.float64: 64.0, ml_dtypes.bfloat16: 64.0}  # clear of overflow
KINDS = ("ordinary", "tiny", "large", "integers", "tied")


def of_kind(kind, rng, shape, dtype):
    """Values that the dtype can hold, as float64."""
    if kind == "integers":
        return rng.integers(-3, 4, shape).astype(float)
    if kind == "tied":  # rows that occur more than once
        return rng.normal(size=(2, shape[-1])).astype(dtype).astype(float)[rng.integers(0, 2, shape[:-1])]
    size = {"ordinary": 1.0, "tiny": 2.0**-10, "large": LARGE[dtype]}[kind]
    return (rng.normal(size=shape) * size).astype(dtype).astype(float)


@st.composite
def calls(draw, dtype, kinds=KINDS):
    """Arguments of attention and the cotangent, and which keys are visible; a third of the rows see nothing."""
    T, S, d_k, d_v = draw(st.tuples(*(st.integers(1, 6),) * 4) | st.permutations((2, 3, 4, 5)))
    rng, of_scores, of_values = draw(generators()), draw(st.sampled_from(kinds)), draw(st.sampled_from(kinds))
    call = {
        "query": of_kind(of_scores, rng, (T, d_k), dtype),
        "key": of_kind(of_scores, rng, (S, d_k), dtype),
        "value": of_kind(of_values, rng, (S, d_v), dtype),
        "scale": np.float64(dtype(draw(st.sampled_from((1.0, d_k**-0.5, 0.3))))),
        "bias": of_kind(draw(st.sampled_from(("integers", "ordinary"))), rng, (T, S), dtype),
        "mask": rng.random((T, S)) < draw(st.sampled_from((0.5, 1.0))),
    }
    call["mask"][rng.random(T) < draw(st.sampled_from((0.0, 0.0, 0.3)))] = False
    return call, of_kind(draw(st.sampled_from(("integers", "ordinary"))), rng, (T, d_v), dtype)


def tracked(call, d_output, arithmetic):
    """Output, weights and all gradients, with their bounds."""
    followed = {name: array if name == "mask" else track(array, arithmetic) for name, array in call.items()}
    record = dot_product_attention(**followed)
    return named(record, dot_product_attention_backward(track(d_output, arithmetic), record))


def named(record, gradients):
    of_inputs = {f"d_{name}": getattr(gradients, f"d_{name}") for name in ("query", "key", "value", "scale", "bias")}
    return {"output": record.output, "weights": record.weights, **of_inputs}


def evaluated(order, call, d_output, dtype):
    """The same by a machine of that dtype, in one of the orders of evaluation."""
    narrow = {name: array if name == "mask" else array.astype(dtype) for name, array in call.items()}
    return evaluate(order, **narrow, d_output=d_output.astype(dtype))


def worst_machine(rng, unit_roundoff):
    """A step that carries every result as far off as float32 may, the same result always to the same side.

    Results that float32 can represent are left alone, as no machine rounds them.
    """
    towards, salt = rng.random(), rng.integers(2**62, dtype=np.uint64) * np.uint64(2) + np.uint64(1)

    def step(array):
        bits = np.atleast_1d(array).view(np.uint64) * salt
        sides = np.where((bits >> np.uint64(40)) < towards * 2.0**24, -1.0, 1.0).reshape(np.shape(array))
        with np.errstate(over="ignore"):
            representable = array == np.float32(array)
        return np.where(representable, array, array * (1 + unit_roundoff * sides))

    return step


@given(calls(np.float64))
def test_the_float64_bound_covers_the_reference_itself(drawn):
    call, d_output = drawn
    record = dot_product_attention(**call)
    actual = named(record, dot_product_attention_backward(d_output, record))
    truth = exact.attention(**call, d_output=d_output)
    truths = {"output": truth.output, "weights": truth.weights}
    truths |= {f"d_{name}": gradient for name, gradient in truth.gradients.items()}
    for name, bound in tracked(call, d_output, FLOAT64).items():
        assert compare(actual[name], truths[name], bound.error).agrees


@given(calls(np.float64))
def test_the_tracked_values_are_those_to_50_digits(drawn):
    call, d_output = drawn
    truth = exact.attention(**call, d_output=d_output)
    for name, bound in tracked(call, d_output, FLOAT64).items():
        expected = getattr(truth, name) if name in ("output", "weights") else truth.gradients[name.removeprefix("d_")]
        assert compare(bound.value, expected, bound.error).agrees


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=40)
@given(data=st.data())
def test_the_bound_covers_every_order_of_evaluation(order, dtype, data):
    integral = ("ordinary", "tiny", "large") if ORDERS[order].scaled == "both sides" else KINDS
    call, d_output = data.draw(calls(dtype, integral))
    bounds = tracked(call, d_output, ARITHMETIC[dtype])
    for name, actual in evaluated(ORDERS[order], call, d_output, dtype).items():
        assert within_bound(actual, bounds[name]).agrees, name


@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=60)
@given(drawn=calls(np.float32, ("ordinary", "large")), rng=generators())
def test_the_bound_covers_a_machine_that_always_rounds_as_badly_as_it_may(order, drawn, rng):
    call, d_output = drawn
    call["scale"] = np.float64(np.float32(0.3))  # nothing may be exact, as no machine rounds what is
    call["bias"], d_output = (of_kind("ordinary", rng, array.shape, np.float32) for array in (call["bias"], d_output))
    bounds = tracked(call, d_output, FLOAT32)
    step = worst_machine(rng, FLOAT32.unit_roundoff * (1 - 2.0**-20))  # float64 rounds too, by far less
    for name, actual in evaluate(ORDERS[order], **call, d_output=d_output, step=step).items():
        assert within_bound(actual, bounds[name]).agrees, name


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


@pytest.mark.parametrize("arithmetic", [FLOAT32, BFLOAT16])
@settings(max_examples=60)
@given(kind=st.sampled_from(("ordinary", "large")), rng=generators(), T=st.integers(1, 4), S=st.integers(1, 30))
def test_weights_stay_within_their_bound_wherever_the_logits_lie_within_theirs(arithmetic, kind, rng, T, S):
    query, key = (of_kind(kind, rng, (size, 6), ml_dtypes.bfloat16) + 2.0**-7 for size in (T, S))
    record = dot_product_attention(track(query, arithmetic), track(key, arithmetic), key, scale=0.3)
    logits, weights = record.logits, record.weights
    for s in range(S):
        for sign in (-1, 1):
            moved = logits.value.astype(np.longdouble) + sign * np.where(np.arange(S) == s, 1, -1) * logits.error
            assert (np.abs(softmax(moved) - weights.value) <= weights.error)[:, s].all()


@pytest.mark.parametrize("size", [1.0, 8.0, 64.0])
@settings(max_examples=60)
@given(rng=generators(), T=st.integers(1, 4), S=st.integers(1, 30))
def test_outputs_stay_within_their_bound_wherever_the_logits_lie_within_theirs(size, rng, T, S):
    query, key, value = (rng.normal(size=(positions, 4)) * size for positions in (T, S, S))
    record = dot_product_attention(*(track(array, BFLOAT16) for array in (query, key, value)), scale=0.3)
    for v in range(4):
        upwards = np.where(value[:, v] > record.output.value[:, v : v + 1], 1, -1)
        average = softmax(record.logits.value + upwards * record.logits.error) @ value
        assert (np.abs(average - record.output.value) <= record.output.error)[:, v].all()


@given(generators())
def test_a_weight_that_underflows_is_as_uncertain_as_its_score(rng):
    query, key = (of_kind("large", rng, (size, 16), ml_dtypes.bfloat16) for size in (6, 24))
    record = dot_product_attention(track(query, BFLOAT16), track(key, BFLOAT16), key)
    scores, weights = record.scores, record.weights
    least_of_others = np.where(np.eye(24), -np.inf, (scores.value - scores.error)[:, None, :]).max(axis=-1)
    overtakes = scores.value + scores.error - least_of_others > np.log(24 / BFLOAT16.unit_roundoff)
    assert (weights.error[overtakes & (weights.value == 0)] >= 1 - BFLOAT16.unit_roundoff).all()


def test_there_are_weights_that_underflow_and_are_quite_uncertain():
    rng = np.random.default_rng(2)
    query, key = (of_kind("large", rng, (size, 16), ml_dtypes.bfloat16) for size in (6, 24))
    record = dot_product_attention(track(query, BFLOAT16), track(key, BFLOAT16), key)
    vanished = record.weights.value == 0
    assert (record.weights.error[vanished] > 1 - BFLOAT16.unit_roundoff).any()


def worst_ratios(examples, rng):
    """For each of many ordinary examples the largest error / bound, by what it is the bound of."""
    ratios = {}
    for _ in range(examples):
        T, S, d_k, d_v = rng.integers(2, 9, size=4)
        shapes = {"query": (T, d_k), "key": (S, d_k), "value": (S, d_v), "bias": (T, S)}
        call = {name: of_kind("ordinary", rng, shape, np.float32) for name, shape in shapes.items()}
        call |= {"scale": np.float64(np.float32(d_k**-0.5)), "mask": np.ones((T, S), dtype=bool)}
        d_output = of_kind("ordinary", rng, (T, d_v), np.float32)
        actual = evaluated(ORDERS["plain"], call, d_output, np.float32)
        for name, bound in tracked(call, d_output, FLOAT32).items():
            if name in actual:
                ratios.setdefault(name, []).append(within_bound(actual[name], bound).ratio)
    return ratios


@pytest.fixture(scope="module")
def ordinary_ratios():
    ratios = worst_ratios(200, np.random.default_rng(0))
    for name, found in ratios.items():
        print(f"{name:10} error / bound: median {statistics.median(found):.3f}, largest {max(found):.3f}")
    return ratios


@pytest.mark.parametrize("name", ["output", "weights", "d_value"])
def test_the_bound_is_less_than_a_hundred_times_the_error(ordinary_ratios, name):
    assert statistics.median(ordinary_ratios[name]) > 0.01


@pytest.mark.parametrize("d_k", [1, 4, 16, 64])
@given(rng=generators())
def test_scores_of_integers_are_exact_in_float32_scaled_or_not(d_k, rng):
    widest = int((2**24 // d_k) ** 0.5)
    query, key = (rng.integers(-widest, widest + 1, (size, d_k)).astype(float) for size in (3, 5))
    for scale in (1.0, d_k**-0.5):
        record = dot_product_attention(track(query, FLOAT32), track(key, FLOAT32), key, scale=scale)
        computed = np.float32(scale) * (query.astype(np.float32) @ key.astype(np.float32).T)
        assert not record.products.error.any()
        assert not record.scores.error.any()
        assert np.array_equal(computed, record.scores.value)


def test_scores_of_a_million_are_among_those_that_are_exact():
    query, key = np.array([[1000.0]]), np.array([[1000.0], [999.0]])
    assert not dot_product_attention(track(query, FLOAT32), track(key, FLOAT32), key).scores.error.any()


def test_integers_that_need_more_digits_than_there_are_have_a_bound():
    products = track([[4097.0]], FLOAT32) @ track([[4097.0]], FLOAT32)
    assert np.float32(4097) * np.float32(4097) != products.value[0, 0]
    assert products.error[0, 0] > 0


@given(calls(np.float32))
def test_hidden_weights_have_no_error(drawn):
    call, d_output = drawn
    bounds = tracked(call, d_output, FLOAT32)
    hidden = ~call["mask"]
    assert not bounds["weights"].error[hidden].any()
    assert not bounds["d_bias"].error[hidden].any()
    assert not bounds["d_value"].error[hidden.all(axis=0)].any()
    assert not bounds["output"].error[hidden.all(axis=1)].any()


@given(st.integers(1, 6), st.integers(1, 20), st.sampled_from((1e3, 1e6)), generators())
def test_a_weight_is_never_off_by_more_than_one_but_for_its_rounding(T, S, size, rng):
    query, key = rng.normal(size=(T, 5)) * size, rng.normal(size=(S, 5)) * size  # scores of 1e6 and 1e12
    error = dot_product_attention(track(query, FLOAT32), track(key, FLOAT32), key).weights.error
    assert (error <= 1 + 2 * (S + 4) * FLOAT32.unit_roundoff).all()


@given(calls(np.float32, ("ordinary", "large")), st.sampled_from((1.0, 1e9)))
def test_an_output_is_never_off_by_more_than_the_values_lie_apart_but_for_its_rounding(drawn, growth):
    call, d_output = drawn
    call["query"] = call["query"] * growth
    error = tracked(call, d_output, FLOAT32)["output"].error
    for t, visible in enumerate(call["mask"]):
        seen, n = call["value"][visible], visible.sum()
        spread = np.max(seen, axis=0, initial=-np.inf) - np.min(seen, axis=0, initial=np.inf) if n else 0.0
        rounding = (3 * n + 11) * FLOAT32.unit_roundoff * np.max(np.abs(seen), axis=0, initial=0.0)
        assert (error[t] <= spread + rounding + n * 2 * FLOAT32.underflow).all()


@given(calls(np.float32))
def test_the_bound_is_a_number_whatever_the_values(drawn):
    bounds = tracked(*drawn, FLOAT32)
    assert all((bound.error >= 0).all() and np.isfinite(bound.error).all() for bound in bounds.values())


@given(calls(np.float16))
def test_a_coarser_machine_has_a_larger_bound(drawn):
    bounds = [tracked(*drawn, arithmetic) for arithmetic in (FLOAT64, FLOAT32, BFLOAT16)]
    for finer, coarser in itertools.pairwise(bounds):
        assert all((finer[name].error <= coarser[name].error).all() for name in finer)


def test_an_operation_without_a_rule_is_an_error():
    with pytest.raises(TypeError):
        np.sin(track([1.0], FLOAT32))


@pytest.mark.parametrize("function", [np.linalg.norm, np.mean, np.cumsum, np.concatenate])
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
