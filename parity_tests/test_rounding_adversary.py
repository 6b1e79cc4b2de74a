"""The bound against an adversary, who knows which way each rounding moves a result and rounds all of them that way."""

import functools
import statistics

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.adversary import ATTACKED, against, normal
from parity_tests.calls import generators
from parity_tests.evaluations import MOST_KEYS, ORDERS, evaluate, evaluate_self_attention
from parity_tests.machines import MACHINES
from reference import dot_product_attention, dot_product_attention_backward, self_attention, self_attention_backward
from reference.rounding import track


def ordinary(rng, arguments, options):
    """Leave the scores as they are."""


def tied(rng, arguments, options):
    """Repeat one or two of the keys, so that the largest score occurs more than once."""
    keys = arguments["key"][:2]
    arguments["key"] = keys[rng.integers(0, len(keys), len(arguments["key"]))]
    options["bias"] = np.zeros_like(options["bias"])


def rising(rng, arguments, options):
    """Let the scores of a row rise slowly: each key is a new maximum, which corrects all that is summed up so far."""
    arguments["query"] = arguments["query"] * 2.0**-9
    options["bias"] = np.sort(options["bias"], axis=-1) * 2.0**-6


def early(rng, arguments, options):
    """Let a few keys at the front outweigh the others but for the last, which corrects all that is summed up."""
    arguments["query"] = arguments["query"] * 2.0**-9
    options["bias"] = np.full_like(options["bias"], -6.0)
    options["bias"][:, : rng.integers(1, 8)] = 0.0
    options["bias"][:, -1] = 2.0**-6


def crosswise(rng, arguments, options):
    """Let the products of the first two components of queries and keys nearly cancel, if there are two."""
    across = arguments["query"][:, 1::-1]
    if across.shape[-1] == 2:
        of_keys = rng.integers(-4, 5, (len(arguments["key"]), 1)) / 4
        arguments["key"][:, :2] = across[:1] * [1, -1] * of_keys + arguments["key"][:, :2] * 2.0**-6
        arguments["key"] = arguments["key"].astype(ml_dtypes.bfloat16).astype(float)


def of_weights(rng, arguments, dtype):
    """The gradient that arrives directly at the weights: none, any, or one that nearly cancels what the output's is."""
    attended = arguments["d_output"] @ arguments["value"].T
    return (None, normal(rng, attended.shape, dtype), -attended.astype(dtype).astype(float))[rng.integers(3)]


def attention(rng, order, dtype, sizes=None, of_scores=None):
    """Attention of any kind of scores, its weights with gradients of their own or not; or plainly of one kind."""
    T, S, d_k, d_v = rng.integers(1, 5, size=4) if sizes is None else sizes
    shapes = {"query": (T, d_k), "key": (S, d_k), "value": (S, d_v), "d_output": (T, d_v)}
    arguments = {name: normal(rng, shape, dtype) for name, shape in shapes.items()}
    scale = np.abs(normal(rng, (), dtype))
    shown = 1.0 if order.block and order.ulp > 1 else 0.8  # whose blocks must have 16 visible keys
    options = {
        "scale": (scale, scale**2)[rng.integers(2)],  # a square has too many digits for the dtype
        "bias": normal(rng, (T, S), dtype),
        "mask": rng.random((T, S)) < shown,
    }
    kind = of_scores or (ordinary, tied, rising, early, crosswise)[rng.integers(5)]
    kind(rng, arguments, options)
    followed = {name: track(array, MACHINES[dtype]) for name, array in (arguments | options).items() if name != "mask"}
    d_output, d_weights = followed.pop("d_output"), None if of_scores else of_weights(rng, arguments, dtype)
    record = dot_product_attention(**followed, mask=options["mask"])
    if d_weights is None:
        gradients = dot_product_attention_backward(d_output, record)
    else:
        gradients = dot_product_attention_backward(d_output, record, track(d_weights, MACHINES[dtype]))
        arguments["d_weights"] = d_weights
    bounds = {"scores": record.scores, "output": record.output, "weights": record.weights}
    bounds |= {f"d_{name}": getattr(gradients, f"d_{name}") for name in followed}
    return functools.partial(evaluate, order), arguments, options, bounds


def attention_to_itself(rng, order, dtype):
    T, d, units = rng.integers(1, 5, size=3)
    shapes = {"x": (T, d), "W_q": (d, units), "W_k": (d, units), "W_v": (d, units), "d_output": (T, units)}
    arguments = {name: normal(rng, shape, dtype) for name, shape in shapes.items()}
    options = {"scale": np.float64(0.5), "bias": np.zeros((T, T)), "mask": rng.random((T, T)) < 0.8}
    followed = {name: track(array, MACHINES[dtype]) for name, array in arguments.items()}
    d_output = followed.pop("d_output")
    record = self_attention(**followed, scale=0.5, mask=options["mask"])
    gradients = self_attention_backward(d_output, record)
    bounds = {"output": record.output, "weights": record.weights}
    bounds |= {f"d_{name}": getattr(gradients, f"d_{name}") for name in followed}
    return functools.partial(evaluate_self_attention, order), arguments, options, bounds


@pytest.mark.parametrize("dtype", ATTACKED)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("case", [attention, attention_to_itself])
@settings(max_examples=15)
@given(rng=generators())
def test_an_adversary_stays_within_the_bound(case, order, dtype, rng):
    for name, outcome in against(case(rng, ORDERS[order], dtype), dtype):
        assert outcome.agrees, name


@pytest.mark.parametrize("dtype", ATTACKED)
@pytest.mark.parametrize("order", sorted(ORDERS.keys() - MOST_KEYS.keys()))
@settings(max_examples=25)
@given(rng=generators(), keys=st.sampled_from((17, 18, 33, 40)))
def test_an_adversary_stays_within_the_bound_of_many_keys(order, dtype, rng, keys):
    for name, outcome in against(attention(rng, ORDERS[order], dtype, (1, keys, 2, 1)), dtype):
        assert outcome.agrees, name


@pytest.mark.parametrize("dtype", ATTACKED)
@settings(max_examples=30)
@given(rng=generators(), keys=st.integers(5, MOST_KEYS["online, key by key"]))
def test_an_adversary_stays_within_the_bound_of_at_most_12_keys_taken_one_by_one(dtype, rng, keys):
    for name, outcome in against(attention(rng, ORDERS["online, key by key"], dtype, (1, keys, 2, 2)), dtype):
        assert outcome.agrees, name


@settings(max_examples=100)
@given(rng=generators())
def test_an_adversary_stays_within_the_bound_where_products_cancel_and_the_query_is_scaled(rng):
    case = attention(rng, ORDERS["scaled query"], np.float32, (1, 2, 2, 2), crosswise)
    for name, outcome in against(case, np.float32):
        assert outcome.agrees, name


@pytest.fixture(scope="module")
def shares():
    """What share of the bound the adversary reaches in a plain evaluation, by the name of the result."""
    found = {}
    for case in (functools.partial(attention, of_scores=ordinary), attention_to_itself):
        rng = np.random.default_rng(0)
        for _ in range(200):
            for name, outcome in against(case(rng, ORDERS["plain"], np.float32), np.float32):
                found.setdefault((case, name), []).append(outcome.ratio)
    return {name: statistics.median(reached) for name, reached in found.items()}


def test_an_adversary_reaches_a_fifth_of_every_bound(shares):
    assert {name: share for name, share in shares.items() if share < 0.2} == {}
