"""A linear projection, and its backward."""

from typing import Any, NamedTuple

import numpy as np

from reference.inputs import Array, as_array, as_cotangent, check_rank, refuse


class LinearGradients(NamedTuple):
    """What `linear_backward` returns; each gradient has the shape of what it is the gradient of."""

    d_b: Array
    d_W: Array
    d_x: Array


def linear(x: Any, W: Any, b: Any = None) -> Array:
    """Return ``x W + b``, each position projected by the same weights.

    Parameters
    ----------
    x : (..., d_in)
    W : (d_in, d_out)
    b : (d_out,), optional

    Returns
    -------
    y : (..., d_out)

    Raises
    ------
    ValueError
        If the sizes do not fit, or for NaN or infinity.

    Examples
    --------
    >>> linear([[1.0, 2.0]], [[1.0, 0.0, 3.0], [0.0, 1.0, 4.0]], [0.5, 0.5, 0.5])
    array([[ 1.5,  2.5, 11.5]])
    """
    x, W = _checked(x, W)
    y = x @ W
    if b is None:
        return y
    b = as_array("b", b)
    if b.shape != W.shape[1:]:
        refuse("b", f"shape {W.shape[1:]} to match W {W.shape}", b.shape)
    return y + b


def linear_backward(d_y: Any, x: Any, W: Any) -> LinearGradients:
    """Return the gradients of `linear`.

    Parameters
    ----------
    d_y : (..., d_out)
        The gradient with respect to what `linear` returned.
    x : (..., d_in)
    W : (d_in, d_out)

    Returns
    -------
    LinearGradients
        ``d_b`` and ``d_W`` are summed over all positions; ``d_b`` is that of a bias of
        ``(d_out,)``, whether or not there was one.

    Raises
    ------
    ValueError
        If the sizes do not fit, or for NaN or infinity.

    Examples
    --------
    >>> gradients = linear_backward([[1.0], [10.0]], [[1.0, 2.0], [3.0, 4.0]], [[5.0], [6.0]])
    >>> gradients.d_b
    array([11.])
    >>> gradients.d_W
    array([[31.],
           [42.]])
    >>> gradients.d_x
    array([[ 5.,  6.],
           [50., 60.]])
    """
    x, W = _checked(x, W)
    d_in, d_out = W.shape
    d_y = as_cotangent("d_y", d_y, f"x {x.shape} times W {W.shape}", (*x.shape[:-1], d_out))
    positions = int(np.prod(x.shape[:-1]))
    d_y_rows = d_y.reshape(positions, d_out)
    d_b = np.sum(d_y_rows, axis=0)
    d_W = x.reshape(positions, d_in).mT @ d_y_rows
    d_x = d_y @ W.mT
    return LinearGradients(d_b, d_W, d_x)


def _checked(x: Any, W: Any) -> tuple[Array, Array]:
    x, W = as_array("x", x), as_array("W", W)
    check_rank("x", x, "(..., d_in)", 1)
    if W.ndim != 2:
        refuse("W", "shape (d_in, d_out)", W.shape)
    if W.shape[0] != x.shape[-1]:
        refuse("W", f"shape ({x.shape[-1]}, d_out) to match x (..., {x.shape[-1]})", W.shape)
    return x, W
