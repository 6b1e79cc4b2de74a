"""The weights of multi-head attention: what they are called, what they do, and how they must fit together."""

import math
from typing import Any, NamedTuple

from reference.inputs import Array, as_array, check_rank, refuse
from reference.linear import linear, linear_backward


class Projections(NamedTuple):
    """The kernels and biases of multi-head attention, in the layout of Keras's.

    H query heads share H_kv heads of keys and values, of which H is a multiple. A gate has a kernel, and
    may have a bias.

    Examples
    --------
    Two query heads that share one key head, without biases:

    >>> projections = Projections(W_q=[[[1.0], [0.0]]], W_k=[[[1.0]]], W_v=[[[1.0]]], W_o=[[[10.0]], [[1.0]]])
    >>> projections.b_q is None
    True
    """

    W_q: Any  # (d_query, H, d_k)
    W_k: Any  # (d_key, H_kv, d_k)
    W_v: Any  # (d_value, H_kv, d_v)
    W_o: Any  # (H, d_v, E)
    b_q: Any = None  # (H, d_k)
    b_k: Any = None  # (H_kv, d_k)
    b_v: Any = None  # (H_kv, d_v)
    b_o: Any = None  # (E,)
    W_g: Any = None  # (d_query, H, d_v)
    b_g: Any = None  # (H, d_v)


def project(x: Array, W: Array, b: Array | None, met: int = 1) -> Array:
    """Return ``x W + b``, where x meets the first ``met`` axes of W; the others stay side by side in the last axis."""
    W, b = _as_matrix(W, met), None if b is None else b.reshape(math.prod(b.shape))
    return linear(x, W, b)


def project_backward(
    d_y: Array, x: Array, W: Array, b: Array | None, met: int = 1
) -> tuple[Array, Array, Array | None]:
    """Return the gradients of `project`: d_x, d_W and d_b."""
    d_b, d_W, d_x = linear_backward(d_y, x, _as_matrix(W, met))
    return d_x, d_W.reshape(W.shape), None if b is None else d_b.reshape(b.shape)


def _as_matrix(W: Array, met: int) -> Array:
    return W.reshape(math.prod(W.shape[:met]), math.prod(W.shape[met:]))


def checked_projections(query: Array, key: Array, value: Array, projections: Projections) -> Projections:
    """Return the projections as arrays; refuse those that do not fit query, key and value, or one another."""
    for name, array in (("query", query), ("key", key), ("value", value)):
        check_rank(name, array, f"(..., {'T' if name == 'query' else 'S'}, d_{name})", 2)
    optional = Projections._field_defaults
    arrays = Projections(*(
        None if array is None and name in optional else as_array(name, array)
        for name, array in zip(Projections._fields, Projections(*projections))
    ))  # fmt: skip
    _check_heads(query.shape[-1], key.shape[-1], value.shape[-1], arrays)
    for letter in "qkvog":
        W, b = getattr(arrays, f"W_{letter}"), getattr(arrays, f"b_{letter}")
        if b is not None:
            _check(f"b_{letter}", b, W.shape[2:] if letter == "o" else W.shape[1:], f"W_{letter} {W.shape}")
    return arrays


def _check_heads(d_query: int, d_key: int, d_value: int, arrays: Projections) -> None:
    W_q, W_k, W_v, W_o, *_, W_g, b_g = arrays
    _check("W_q", W_q, (d_query, "H", "d_k"), f"query (..., {d_query})")
    _, H, d_k = W_q.shape
    if H == 0 or d_k == 0:
        refuse("W_q", "shape (d_query, H, d_k) with H and d_k of at least 1", W_q.shape)
    _check("W_k", W_k, (d_key, "H_kv", d_k), f"key (..., {d_key}) and W_q {W_q.shape}")
    H_kv = W_k.shape[1]
    if H_kv == 0 or H % H_kv:
        refuse("W_k", f"shape ({d_key}, H_kv, {d_k}) with H_kv a divisor of the {H} heads of W_q", W_k.shape)
    _check("W_v", W_v, (d_value, H_kv, "d_v"), f"value (..., {d_value}) and W_k {W_k.shape}")
    d_v = W_v.shape[2]
    _check("W_o", W_o, (H, d_v, "E"), f"W_q {W_q.shape} and W_v {W_v.shape}")
    if W_g is not None:
        _check("W_g", W_g, (d_query, H, d_v), f"query (..., {d_query}) and W_o {W_o.shape}")
    elif b_g is not None:
        refuse("b_g", "None, as W_g is", b_g.shape)


def _check(name: str, array: Array, shape: tuple[int | str, ...], to_match: str) -> None:
    """Refuse an array of another shape, in which a name stands for any size."""
    if array.ndim == len(shape) and all(isinstance(size, str) or size == own for size, own in zip(shape, array.shape)):
        return
    written = ", ".join(map(str, shape)) + "," * (len(shape) == 1)
    refuse(name, f"shape ({written}) to match {to_match}", array.shape)
