"""What attention in blocks is computed from, and what a block or an item of it has of each array."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from reference.inputs import Array, broadcast_leading, check_plain


class Inputs(NamedTuple):
    """What attention is computed from; every array has two axes at least, and all have one dtype."""

    query: Array  # (..., T, d_k)
    key: Array  # (..., S, d_k)
    value: Array  # (..., S, d_v)
    scale: Array  # broadcasts to (..., T, S), as do bias and mask
    softcap: float | None
    bias: Array | None
    mask: Array | Callable[..., Any] | None


class InputGradients(NamedTuple):
    """The gradients of the inputs, to which every block adds its part."""

    d_query: Array
    d_key: Array
    d_value: Array
    d_scale: Array
    d_bias: Array | None


def as_inputs(
    query: Array, key: Array, value: Array, scale: Array, softcap: float | None, bias: Array | None, mask: Any
) -> Inputs:
    """All of one dtype, with two axes or more."""
    for name, array in (("query", query), ("key", key), ("value", value), ("scale", scale), ("bias", bias)):
        check_plain(name, array)
    dtype = np.result_type(query, key, value, scale, *(one for one in (bias, softcap) if one is not None))
    query, key, value, scale = (array.astype(dtype, copy=False) for array in (query, key, value, np.atleast_2d(scale)))
    bias = None if bias is None else np.atleast_2d(bias).astype(dtype, copy=False)
    return Inputs(
        query, key, value, scale, softcap, bias, mask if mask is None or callable(mask) else np.atleast_2d(mask)
    )


def leading_axes(inputs: Inputs) -> tuple[int, ...]:
    """The shape of all items together."""
    arrays = (inputs.query, inputs.key, inputs.value, inputs.scale, inputs.bias, inputs.mask)
    leading = np.broadcast_shapes(*(array.shape[:-2] for array in arrays if isinstance(array, np.ndarray)))
    of_mask = getattr(inputs.mask, "leading_axes", ())  # of a function that knows them
    return broadcast_leading("mask", of_mask, "query, key and value", leading)


def slices(size: int, at_once: int) -> Iterator[slice]:
    """So many positions at once, until all have been."""
    return (slice(first, min(first + at_once, size)) for first in range(0, size, at_once))


def of_item(array: Array, item: tuple[int, ...]) -> Array:
    """The matrix that an item has of an array whose leading axes broadcast; to write to it is to write to the array."""
    leading = array.shape[:-2]
    own = item[len(item) - len(leading) :]
    return array[tuple(0 if size == 1 else index for size, index in zip(leading, own))]
