"""The error bound: it covers every evaluation in use, and it is no larger than it must be."""

import itertools
import statistics

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests import exact
from parity_tests.calls import generators, of_kind
from parity_tests.comparison import compare, within_bound
from parity_tests.evaluations import ORDERS, evaluate
from parity_tests.machines import worst_machine
from reference import dot_product_attention, dot_product_attention_backward
from reference.error_bound import error_bound
from reference.rounding import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, track

ARITHMETIC = {np.float16: FLOAT16, ml_dtypes.bfloat16: BFLOAT16, np.float32: FLOAT32, np.float64: FLOAT64}
KINDS = ("ordinary", "tiny", "large", "integers", "tied")


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
    return {"scores": record.scores, "output": record.output, "weights": record.weights, **of_inputs}


def truths(call, d_output):
    """The same to 50 digits, but for the scores."""
    truth = exact.attention(**call, d_output=d_output)
    gradients = {f"d_{name}": gradient for name, gradient in truth.gradients.items()}
    return {"output": truth.output, "weights": truth.weights, **gradients}


def evaluated(order, call, d_output, dtype):
    """The same by a machine of that dtype, in one of the orders of evaluation."""
    narrow = {name: array if name == "mask" else array.astype(dtype) for name, array in call.items()}
    return evaluate(order, **narrow, d_output=d_output.astype(dtype))


@given(calls(np.float64))
def test_the_float64_bound_covers_the_reference_itself(drawn):
    call, d_output = drawn
    record = dot_product_attention(**call)
    actual = named(record, dot_product_attention_backward(d_output, record))
    bounds = tracked(call, d_output, FLOAT64)
    for name, expected in truths(call, d_output).items():
        assert compare(actual[name], expected, bounds[name].error).agrees


@given(calls(np.float64))
def test_the_tracked_values_are_those_to_50_digits(drawn):
    call, d_output = drawn
    bounds = tracked(call, d_output, FLOAT64)
    for name, expected in truths(call, d_output).items():
        assert compare(bounds[name].value, expected, bounds[name].error).agrees


@pytest.mark.parametrize("dtype", ARITHMETIC)
@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=40)
@given(data=st.data())
def test_the_bound_covers_every_order_of_evaluation(order, dtype, data):
    call, d_output = data.draw(calls(dtype))
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


@given(calls(np.float32))
def test_hidden_weights_have_no_error(drawn):
    call, d_output = drawn
    bounds = tracked(call, d_output, FLOAT32)
    hidden = ~call["mask"]
    assert not bounds["weights"].error[hidden].any()
    assert not bounds["d_bias"].error[hidden].any()
    assert not bounds["d_value"].error[hidden.all(axis=0)].any()
    assert not bounds["output"].error[hidden.all(axis=1)].any()


@given(calls(np.float32))
def test_the_bound_is_a_number_whatever_the_values(drawn):
    bounds = tracked(*drawn, FLOAT32)
    assert all((bound.error >= 0).all() and np.isfinite(bound.error).all() for bound in bounds.values())


@given(calls(np.float16))
def test_a_coarser_machine_has_a_larger_bound(drawn):
    bounds = [tracked(*drawn, arithmetic) for arithmetic in (FLOAT64, FLOAT32, BFLOAT16)]
    for finer, coarser in itertools.pairwise(bounds):
        assert all((finer[name].error <= coarser[name].error).all() for name in finer)


@given(generators())
def test_the_bound_of_a_function_is_that_of_its_tracked_arguments(rng):
    query, key, value, d_output = (rng.normal(size=(3, 3)) for _ in range(4))
    arrays = [track(array, FLOAT32) for array in (query, key, value)]
    attention = dot_product_attention(*arrays)
    bound = error_bound(dot_product_attention, query, key, value, arithmetic=FLOAT32)
    assert np.array_equal(bound.output, attention.output.error)
    gradients = dot_product_attention_backward(track(d_output, FLOAT32), attention)
    bound = error_bound(dot_product_attention_backward, d_output, attention, arithmetic=FLOAT32)
    assert np.array_equal(bound.d_key, gradients.d_key.error)
    assert (bound.d_key > 0).all()
