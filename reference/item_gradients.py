"""The gradients of attention in blocks, to which one item after another adds, or several at a time."""

from collections.abc import Callable
from typing import Any

import numpy as np

from reference.block_inputs import InputGradients, Inputs, of_item
from reference.inputs import Array
from reference.threads import in_order


def summed(
    add: Callable[[tuple[int, ...], InputGradients], None],
    inputs: Inputs,
    leading: tuple[int, ...],
    dtype: np.dtype[Any],
    threads: int,
) -> InputGradients:
    """The gradients to which ``add`` adds those of one item after another, so many items computed at a time."""
    arrays = (inputs.query, inputs.key, inputs.value, inputs.scale, inputs.bias)
    zeros: Any = (None if array is None else np.zeros(array.shape, dtype) for array in arrays)
    gradients = InputGradients(*zeros)
    items = list(np.ndindex(leading))
    if threads == 1:
        for item in items:
            add(item, gradients)
        return gradients

    def alone(item: tuple[int, ...]) -> InputGradients:
        own = of_own(gradients, item, leading)
        add(item, own)
        return own

    for item, own in zip(items, in_order(alone, items, threads)):  # in order: which is done first makes no odds
        for gradient, contribution in zip(gradients, own):
            if gradient is not None and is_shared(gradient, leading):
                matrix = of_item(gradient, item)
                matrix += contribution
    return gradients


def is_shared(gradient: Array, leading: tuple[int, ...]) -> bool:
    """Whether several items add to the same matrix of a gradient."""
    return gradient.shape[:-2] != leading


def of_own(gradients: InputGradients, item: tuple[int, ...], leading: tuple[int, ...]) -> InputGradients:
    """What an item adds to while others do: its matrix of each gradient, but of those that are shared a new one."""
    matrices: Any = (
        None if one is None else np.zeros_like(of_item(one, item)) if is_shared(one, leading) else of_item(one, item)
        for one in gradients
    )
    return InputGradients(*matrices)
