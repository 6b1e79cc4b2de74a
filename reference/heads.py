"""Heads: side by side in the last axis, as a projection makes them, or along an axis of their own, as they attend."""

from typing import Any

import numpy as np

from reference.inputs import Array, as_array, as_mask, broadcast_leading, check_broadcasts_to_scores, refuse


def split(side_by_side: Array, H_kv: int, G: int) -> Array:
    """From (..., T, H_kv * G * d) to (..., H_kv, G, T, d)."""
    *leading, T, width = side_by_side.shape
    return np.moveaxis(side_by_side.reshape(*leading, T, H_kv, G, width // (H_kv * G)), -4, -2)


def merge(heads: Array) -> Array:
    """From (..., H_kv, G, T, d) to (..., T, H_kv * G * d)."""
    *leading, H_kv, G, T, d = heads.shape
    return np.moveaxis(heads, -2, -4).reshape(*leading, T, H_kv * G * d)


def grouped(array: Any, H_kv: int, G: int) -> Any:
    """From what broadcasts to (..., H, T, S) to what broadcasts to (..., H_kv, G, T, S)."""
    if array is None or array.ndim < 3:
        return array
    *leading, heads, T, S = array.shape
    return array.reshape(*leading, *((1, 1) if heads == 1 else (H_kv, G)), T, S)


def checked_options(
    query: Array, key: Array, value: Array, H: int, scale: Any, bias: Any, mask: Any
) -> tuple[Array, Array | None, Array | None]:
    """Return scale, bias and mask as arrays; refuse those that do not broadcast to (..., H, T, S)."""
    T, (S, d_key) = query.shape[-2], key.shape[-2:]
    if value.shape[-2] != S:
        refuse("value", f"shape (..., {S}, d_value) to match key (..., {S}, {d_key})", value.shape)
    leading = broadcast_leading("key", key.shape[:-2], "query", query.shape[:-2])
    leading = broadcast_leading("value", value.shape[:-2], "query and key", leading)
    scale = as_array("scale", scale)
    bias = None if bias is None else as_array("bias", bias, may_hide=True)
    mask = None if mask is None else as_mask("mask", mask)
    for name, array in (("scale", scale), ("bias", bias), ("mask", mask)):
        if array is None:
            continue
        check_broadcasts_to_scores(name, array, (*leading, H, T, S))
        if array.ndim > 2 and array.shape[-3] not in (1, H):
            refuse(name, f"a shape that broadcasts to (..., {H}, {T}, {S})", array.shape)
    return scale, bias, mask
