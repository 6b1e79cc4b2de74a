"""What is measured is attention."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from parity_tests.benchmarks import contenders, inputs
from parity_tests.benchmarks.contenders import OURS, PEERS, UNIT
from parity_tests.benchmarks.products import LARGEST, matrix_products
from parity_tests.benchmarks.timing import SMALL_CALL
from parity_tests.comparison import within_bound
from reference import causal_mask, dot_product_attention, dot_product_attention_backward
from reference.rounding import FLOAT64, track

THERE, _ = contenders.chosen(list(PEERS))


def as_arrays(found):
    """What a contender returns, as arrays: the output alone, or gradients in the order in which it has them."""
    if hasattr(found, "_fields"):
        found = found.output if hasattr(found, "output") else (found.d_query, found.d_key, found.d_value)
    return [np.asarray(one) for one in (found if isinstance(found, (list, tuple)) else [found])]


def tracked(given):
    """Arguments of attention whose error is followed."""
    scale = track(inputs.scale(given), FLOAT64)
    return {name: track(getattr(given, name), FLOAT64) for name in ("query", "key", "value")} | {"scale": scale}


@pytest.mark.parametrize("contender", [one for one in THERE if one is not UNIT], ids=lambda one: one.name)
@pytest.mark.parametrize("sizes", [{"T": 16, "heads": 2}, SMALL_CALL], ids=["long", "small"])
def test_what_is_measured_is_attention_within_the_bound(contender, sizes):
    given, T = inputs.arrays(**sizes), sizes["T"]
    mask = causal_mask(T, T) if "causal" in contender.name else None
    truth = dot_product_attention(**tracked(given), mask=mask)
    (output,) = as_arrays(contender.make(given)[0]())
    assert within_bound(output.reshape(given.query.shape), truth.output).agrees


@pytest.mark.parametrize("contender", [one for one in THERE if one is not UNIT], ids=lambda one: one.name)
def test_what_is_measured_of_the_backward_are_the_gradients_within_the_bound(contender):
    given = inputs.arrays(16, 2)
    both = contender.make(given)[1]
    if both is None:
        assert contender.name == "ONNX evaluator"
        return
    mask = causal_mask(16, 16) if "causal" in contender.name else None
    truth = dot_product_attention(**tracked(given), mask=mask)
    bound = dot_product_attention_backward(given.d_output, truth)
    for gradient, expected in zip(as_arrays(both()), (bound.d_query, bound.d_key, bound.d_value), strict=True):
        assert within_bound(gradient.reshape(given.query.shape), expected).agrees


@pytest.mark.parametrize("largest", [LARGEST, 2 * 16 * 5, 1])
def test_the_unit_is_two_matrix_products_and_six_in_blocks_or_not(largest):
    query, key, value, d_output = (track(one, FLOAT64) for one in inputs.arrays(16, 2))
    forward, both = matrix_products(inputs.arrays(16, 2), largest)
    scores, d_scores = query @ key.mT, d_output @ value.mT
    assert within_bound(forward(), scores @ value).agrees
    products = (scores @ value, scores.mT @ d_output, d_scores @ key, d_scores.mT @ query)
    for found, expected in zip(both(), products, strict=True):
        assert within_bound(found, expected).agrees


def test_threads_are_those_of_python_alone(monkeypatch):
    seen = []

    def look(*inputs, threads, **options):
        blas = [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]
        seen.append((threads, set(blas)))
        return dot_product_attention(*inputs, scale=0.125)

    monkeypatch.setattr(contenders, "blockwise_attention", look)
    monkeypatch.setattr(contenders, "blockwise_attention_backward", lambda *given, threads: seen.append((threads, {1})))
    for run in contenders.blockwise(inputs.arrays(16, 2), threads=2):
        run()
    assert seen == [(2, {1})] * 3


def test_a_peer_that_is_not_installed_is_left_out(monkeypatch):
    monkeypatch.setattr(contenders, "find_spec", lambda name: None)
    assert contenders.chosen(["torch"]) == ([*OURS], {"PyTorch": "it is not installed"})


def test_a_peer_that_raises_is_left_out_with_what_it_raised(monkeypatch):
    def older(given):
        raise AttributeError("no enable_x64")

    monkeypatch.setitem(PEERS, "jax", PEERS["jax"]._replace(make=older, needs="numpy"))
    assert contenders.chosen(["jax"]) == ([*OURS], {"JAX, compiled": "it raised AttributeError: no enable_x64"})


def test_the_unit_takes_no_more_memory_beyond_a_length():
    assert UNIT.bytes(T=4096, heads=1) == 4 * UNIT.bytes(T=2048, heads=1)
    assert UNIT.bytes(T=32768, heads=1) == UNIT.bytes(T=16384, heads=1)
