"""The bound of multi-head attention covers its heads one by one in every order, and all of them at once by einsum."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.calls import generators
from parity_tests.comparison import within_bound
from parity_tests.evaluations import ORDERS
from parity_tests.head_evaluations import evaluate_einsum, evaluate_heads
from parity_tests.machines import MACHINES, worst_machine
from reference import Projections, multi_head_attention, multi_head_attention_backward
from reference.rounding import FLOAT32, track

COTANGENTS = ("d_output", "d_weights")


@st.composite
def cases(draw, dtype, leading=()):
    """Arguments that the dtype can hold, and cotangents; a third of the rows see nothing."""
    T, S, d_k, d_v, d_query, d_key, d_value, E = draw(st.tuples(*(st.integers(1, 5),) * 8))
    H_kv, G = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    H, rng, size = H_kv * G, draw(generators()), draw(st.sampled_from((2.0**-6, 1.0, 4.0)))

    def numbers(*shape, size=1.0):
        return (rng.normal(size=shape) * size).astype(dtype).astype(float)

    kernels = ((d_query, H, d_k), (d_key, H_kv, d_k), (d_value, H_kv, d_v), (H, d_v, E))
    biases = ((H, d_k), (H_kv, d_k), (H_kv, d_v), (E,))
    gate = ((d_query, H, d_v), (H, d_v)) if draw(st.booleans()) else ()
    mask = rng.random((H, T, S)) < draw(st.sampled_from((0.5, 1.0)))
    mask[rng.random((H, T)) < draw(st.sampled_from((0.0, 0.3)))] = False
    return {
        "query": numbers(*leading, T, d_query, size=size),
        "key": numbers(*leading, S, d_key, size=size),
        "value": numbers(*leading, S, d_value, size=size),
        "projections": Projections(*(numbers(*shape) for shape in (*kernels, *biases, *gate))),
        "scale": np.float64(dtype(draw(st.sampled_from((1.0, d_k**-0.5, 0.3))))),
        "bias": numbers(H, T, S),
        "mask": mask,
        "d_output": numbers(*leading, T, E),
        "d_weights": numbers(*leading, H, T, S),
    }


def each(case, function):
    """The same case with something done to each of its arrays of numbers."""

    def done(argument):
        if isinstance(argument, Projections):
            return Projections(*(done(array) for array in argument))
        return argument if argument is None else function(argument)

    return {name: argument if name == "mask" else done(argument) for name, argument in case.items()}


def bounds_of(case, arithmetic):
    """Output, weights and the gradients by the name of the argument that they are of."""
    tracked = each(case, lambda array: track(array, arithmetic))
    record = multi_head_attention(**{name: tracked[name] for name in tracked if name not in COTANGENTS})
    gradients = multi_head_attention_backward(tracked["d_output"], record, tracked["d_weights"])
    of_inputs = {name: getattr(gradients, f"d_{name}") for name in ("query", "key", "value", "bias")}
    of_kernels = gradients.d_projections._asdict()
    bounds = {"output": record.output, "weights": record.weights, **of_inputs, **of_kernels}
    return {name: bound for name, bound in bounds.items() if bound is not None}


@pytest.mark.parametrize("dtype", MACHINES)
@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=8)
@given(data=st.data())
def test_the_bound_covers_head_after_head_in_every_order_of_evaluation(order, dtype, data):
    case = data.draw(cases(dtype))
    actual = evaluate_heads(ORDERS[order], **each(case, lambda array: array.astype(dtype)))
    for name, bound in bounds_of(case, MACHINES[dtype]).items():
        assert within_bound(actual[name], bound).agrees, name


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@settings(max_examples=50)
@given(data=st.data())
def test_the_bound_covers_all_heads_and_sequences_at_once(dtype, data):
    case = data.draw(cases(dtype, leading=(2,)))
    with np.errstate(over="ignore"):  # the exponential of a gate that is shut
        actual = evaluate_einsum(**each(case, lambda array: array.astype(dtype)))
    for name, bound in bounds_of(case, MACHINES[dtype]).items():
        if name == "bias":  # of which each sequence has its own here
            actual[name] = actual[name].sum(axis=0)
        assert within_bound(actual[name], bound).agrees, name


@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=8)
@given(case=cases(np.float32), rng=generators())
def test_the_bound_covers_a_machine_that_always_rounds_as_badly_as_it_may(order, case, rng):
    case["scale"] = np.float64(np.float32(0.3))  # nothing may be exact, as no machine rounds what is
    step = worst_machine(rng, FLOAT32.unit_roundoff * (1 - 2.0**-20))  # float64 rounds too, by far less
    actual = evaluate_heads(ORDERS[order], **case, step=step)
    for name, bound in bounds_of(case, FLOAT32).items():
        assert within_bound(actual[name], bound).agrees, name
