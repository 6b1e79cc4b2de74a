"""The bound of additive attention: it covers every evaluation in use, and it is no larger than it must be."""

import functools
import statistics

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings

from parity_tests.additive_evaluations import AdditiveOrder, evaluate_additive
from parity_tests.adversary import ATTACKED, against, normal
from parity_tests.calls import generators, of_kind
from parity_tests.comparison import within_bound
from parity_tests.evaluations import ORDERS
from parity_tests.machines import MACHINES, worst_machine
from reference import additive_attention, additive_attention_backward
from reference.rounding import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, track

ARITHMETIC = {np.float16: FLOAT16, ml_dtypes.bfloat16: BFLOAT16, np.float32: FLOAT32, np.float64: FLOAT64}
KINDS = ("ordinary", "tiny", "large", "integers", "tied")
OF_SCORES = ("plain", "last to first", "base 2")
GRADIENTS = ("query", "key", "scale", "v_a", "bias")


def drawn(rng, dtype, largest=7):
    """Arguments of additive attention, options of any kind, and the cotangent."""
    T, S, d_k, d_v = rng.integers(1, largest + 1, size=4)
    of_scores, of_values = rng.choice(KINDS, size=2)
    query, key = of_kind(of_scores, rng, (T, d_k), dtype), of_kind(of_scores, rng, (S, d_k), dtype)
    if rng.random() < 0.2:  # their sums nearly cancel
        key = (query[rng.integers(0, T, S)] * -(1 + rng.normal() * 2.0**-7)).astype(dtype).astype(float)
    arguments = {"query": query, "key": key, "value": of_kind(of_values, rng, (S, d_v), dtype)}
    arguments["d_output"] = of_kind("ordinary", rng, (T, d_v), dtype)
    options = {
        "scale": np.float64(dtype(rng.choice((1.0, 1.0, 0.3, 2.7)))),
        "v_a": np.asarray(of_kind("ordinary", rng, ((), (d_k,))[rng.integers(2)], dtype)),
        "bias": of_kind(rng.choice(("integers", "ordinary")), rng, (T, S), dtype),
        "mask": rng.random((T, S)) < rng.choice((0.6, 1.0)),
    }
    return arguments, options


def any_order(rng, options, ulp=0.5):
    """One of the ways to evaluate additive attention; a scalar v_a may be multiplied by the sum."""
    return AdditiveOrder(
        weighed="terms" if options["v_a"].ndim else rng.choice(("terms", "sum")),
        slope=rng.choice(("square", "factors", "gradient")),
        ulp=ulp,
        seed=int(rng.integers(2**31)),
        attention=ORDERS[rng.choice(OF_SCORES)],
    )


def bounds_of(arguments, options, arithmetic):
    """Scores, output, weights and all gradients, with their bounds."""
    followed = {name: track(array, arithmetic) for name, array in (arguments | options).items() if name != "mask"}
    d_output = followed.pop("d_output")
    record = additive_attention(**followed, mask=options["mask"])
    gradients = additive_attention_backward(d_output, record)
    bounds = {name: getattr(record, name) for name in ("scores", "output", "weights")}
    return bounds | {f"d_{name}": getattr(gradients, f"d_{name}") for name in GRADIENTS}


def evaluated(order, arguments, options, dtype):
    """The same by a machine of that dtype."""
    narrow = {name: array.astype(dtype) for name, array in arguments.items()}
    return evaluate_additive(order, **narrow, **options | {"bias": options["bias"].astype(dtype)})


@pytest.mark.parametrize("dtype", ARITHMETIC)
@settings(max_examples=50)
@given(rng=generators())
def test_the_bound_covers_every_order_of_evaluation(dtype, rng):
    arguments, options = drawn(rng, dtype)
    bounds = bounds_of(arguments, options, ARITHMETIC[dtype])
    for name, actual in evaluated(any_order(rng, options), arguments, options, dtype).items():
        assert within_bound(actual, bounds[name]).agrees, name


@settings(max_examples=60)
@given(generators())
def test_the_bound_covers_a_machine_that_always_rounds_as_badly_as_it_may(rng):
    arguments, options = drawn(rng, np.float32)
    bounds = bounds_of(arguments, options, FLOAT32)
    step = worst_machine(rng, FLOAT32.unit_roundoff * (1 - 2.0**-20))  # float64 rounds too, by far less
    order = any_order(rng, options, ulp=4)
    for name, actual in evaluate_additive(order, **arguments, **options, step=step).items():
        assert within_bound(actual, bounds[name]).agrees, name


def case(rng, dtype, ulp):
    """An evaluation of a few numbers, and its bounds."""
    T, S, d_k, d_v = rng.integers(1, 4, size=4)
    shapes = {"query": (T, d_k), "key": (S, d_k), "value": (S, d_v), "d_output": (T, d_v)}
    arguments = {name: normal(rng, shape, dtype) for name, shape in shapes.items()}
    options = {
        "scale": (np.float64(1.0), normal(rng, (), dtype))[rng.integers(2)],
        "v_a": normal(rng, ((), (d_k,))[rng.integers(2)], dtype),
        "bias": normal(rng, (T, S), dtype),
        "mask": rng.random((T, S)) < 0.8,
    }
    order = any_order(rng, options, ulp)
    bounds = bounds_of(arguments, options, MACHINES[dtype])
    return functools.partial(evaluate_additive, order), arguments, options, bounds


@pytest.mark.parametrize("ulp", [0.5, 4])
@pytest.mark.parametrize("dtype", ATTACKED)
@settings(max_examples=25)
@given(rng=generators())
def test_an_adversary_stays_within_the_bound(dtype, ulp, rng):
    for name, outcome in against(case(rng, dtype, ulp), dtype):
        assert outcome.agrees, name


@pytest.fixture(scope="module")
def shares():
    """What share of the bound the adversary reaches, by the name of the result."""
    rng, found = np.random.default_rng(0), {}
    for _ in range(60):
        for name, outcome in against(case(rng, np.float32, 4), np.float32):
            found.setdefault(name, []).append(outcome.ratio)
    return {name: statistics.median(reached) for name, reached in found.items()}


def test_an_adversary_reaches_a_tenth_of_every_bound(shares):
    assert {name: share for name, share in shares.items() if share < 0.1} == {}


@given(generators())
def test_hidden_weights_have_no_error(rng):
    arguments, options = drawn(rng, np.float32)
    bounds, hidden = bounds_of(arguments, options, FLOAT32), ~options["mask"]
    assert not bounds["weights"].error[hidden].any()
    assert not bounds["d_bias"].error[hidden].any()
    assert not bounds["d_query"].error[hidden.all(axis=1)].any()
    assert not bounds["d_key"].error[hidden.all(axis=0)].any()
