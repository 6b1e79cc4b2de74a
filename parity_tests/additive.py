"""The kind ``additive_attention``: what a layer that adds query and key must compute."""

import numpy as np

from parity_tests import dot_product, dot_product_examples, strategies
from parity_tests.dot_product import ATTENTION, attended
from parity_tests.dot_product_examples import draw_inputs
from reference import additive_attention, additive_attention_backward
from reference.rounding import track


def draw(choice, rng, options):
    """Any example of the kind: a layer that learns one number for scale learns another for ``v_a``, else a vector."""
    constructor, fields = strategies.way_of_calling(choice, options)
    example = draw_inputs(choice, rng, options, constructor=constructor, weights={}, **fields)
    return example._replace(weights=_weights(example, options, choice, rng))


def _weights(example, options, choice, rng):
    return {name: strategies.weight(choice, shape, example.dtype, rng) for name, shape in _shapes(example, options)}


def _shapes(example, options):
    scaled, d_k = example.constructor["scaled"], example.inputs["query"].shape[-1]
    if "learned_scale" in options:
        return [(name, ()) for name in (("scale", "v_a") if scaled else ("v_a",))]
    return [("v_a", (d_k,))] if scaled else []


def plain(options=frozenset(), used=False):
    """As for dot products, with the weights of a layer that has them in any case."""
    example = dot_product_examples.plain(options, used)
    return example._replace(weights={name: np.ones(shape, "float32") for name, shape in _shapes(example, options)})


def expected(example, arithmetic, through=lambda forward: forward):
    """The reference's output, weights and gradients, with their bounds; its forward may be taken through another."""
    weights = {name: track(array, arithmetic) for name, array in example.weights.items()}
    return attended(example, arithmetic, through(additive_attention), additive_attention_backward, **weights)


def identity(example):
    """As for dot products, with a vector of the depth that the queries then have."""
    other = dot_product.identity(example)
    weights = dict(example.weights)
    if np.ndim(weights.get("v_a", 0.0)):
        d_k = other.inputs["query"].shape[-1]
        weights["v_a"] = np.linspace(-1, 1, d_k).astype(weights["v_a"].dtype)
    return other._replace(weights=weights)


ADDITIVE_ATTENTION = ATTENTION._replace(
    name="additive_attention", draw=draw, plain=plain, expected=expected, identity=identity
)
