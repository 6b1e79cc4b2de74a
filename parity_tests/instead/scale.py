"""A scale that is rounded to float32, whatever the layer computes in."""

import numpy as np


def in_float32(kind, example):
    """The scale is rounded to float32, and nothing else; a function that is given none computes it in float32."""
    constructor = example.constructor
    if "key_dim" in constructor:
        scale = np.float32(constructor["key_dim"] ** -0.5)
    elif constructor["scale"] is None:
        scale = 1 / np.sqrt(np.float32(example.inputs["query"].shape[-1]))
    else:
        scale = np.float32(constructor["scale"])
    return example._replace(constructor={**constructor, "scale": float(scale)})
