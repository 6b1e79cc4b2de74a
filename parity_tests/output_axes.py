"""An output of several axes, where the reference has one: what a layer learns for it, and what it returns."""

import math

import numpy as np

from parity_tests.folded import Unfolded


def weights_of_axes(weights, output_shape):
    """Weights by name, those of the output with the axes that a layer is told of, if it is told of several."""
    if not isinstance(output_shape, tuple):
        return weights
    shapes = {"W_o": (*weights["W_o"].shape[:2], *output_shape), "b_o": output_shape}
    return {name: np.reshape(array, shapes.get(name, array.shape)) for name, array in weights.items()}


def flat_output(output):
    """An output whose last two axes are one."""
    return Unfolded(len(output.shape) - 2)(output)


def flat_shape(shape, output_shape):
    """The shape (B, T, ...) of an output as (B, T, d_output), if a layer is told of several axes."""
    several = output_shape is not None and len(output_shape) > 1
    return (*shape[:2], math.prod(shape[2:])) if several else shape
