"""Conditions on the dtype in which a layer is asked to compute."""

import numpy as np

from parity_tests.backend import computed_dtype


def scale_in_float32(kind, example):
    """An example in float64 whose scale is not a float32 number."""
    depth = example.constructor.get("key_dim", example.inputs["query"].shape[-1])
    given = example.constructor.get("scale")
    scale = depth**-0.5 if given is None else given
    return np.bool_(example.dtype == "float64" and float(np.float32(scale)) != scale)


def computed_in_another_dtype(kind, example):
    """An example that Keras computes in another dtype than it is asked for."""
    return np.bool_(computed_dtype(example.dtype) != example.dtype)


def in_float64(kind, example):
    """An example in float64."""
    return np.bool_(example.dtype == "float64")


def in_float64_without_weights(kind, example):
    """An example in float64 whose weights are not asked for."""
    return np.bool_(example.dtype == "float64" and example.d_weights is None)


def in_float16_compiled(kind, example):
    """An example in float16, in a graph, whose weights are not asked for."""
    return np.bool_(example.dtype == "float16" and example.traced and example.d_weights is None)


def one_number_bfloat16_compiled(kind, example):
    """An example in bfloat16, in a graph, without weights, that multiplies a single number by a single number.

    So does a single item with a single key head, if two of three are 1: the queries, the keys, and their depth.
    """
    asked = example.dtype == "bfloat16" and example.traced and example.d_weights is None
    query, value = example.inputs["query"].shape, example.inputs["value"].shape
    if "num_heads" in example.constructor:  # a layer's heads, all of which have their own keys once it repeats them
        key_heads, queries, depth = example.constructor["num_heads"], query[1], example.constructor["key_dim"]
    else:
        key_heads, queries, depth = value[2], query[1] * query[2], query[3]
    return np.bool_(asked and query[0] * key_heads == 1 and (queries, value[1], depth).count(1) >= 2)
