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
    x : (..., d)
    W : (d, units)
    b : (units,), optional

    Returns
    -------
    y : (..., units)

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
    return y if b is None else y + as_vector("b", b, "W", W)


def linear_backward(d_y: Any, x: Any, W: Any) -> LinearGradients:
    """Return the gradients of `linear`.

    Parameters
    ----------
    d_y : (..., units)
        The gradient with respect to what `linear` returned.
    x : (..., d)
    W : (d, units)

    Returns
    -------
    LinearGradients
        ``d_b`` and ``d_W`` are summed over all positions; ``d_b`` is that of a bias of
        ``(units,)``, whether or not there was one.

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
    d, units = W.shape
    d_y = as_cotangent("d_y", d_y, f"x {x.shape} times W {W.shape}", (*x.shape[:-1], units))
    positions = int(np.prod(x.shape[:-1]))
    d_y_rows = d_y.reshape(positions, units)
    d_b = np.sum(d_y_rows, axis=0)
    d_W = x.reshape(positions, d).mT @ d_y_rows
    d_x = d_y @ W.mT
    return LinearGradients(d_b, d_W, d_x)


def _checked(x: Any, W: Any) -> tuple[Array, Array]:
    x = as_array("x", x)
    check_rank("x", x, "(..., d)", 1)
    return x, as_kernel("W", W, "x", x)


def as_kernel(name: str, W: Any, name_of_x: str, x: Array) -> Array:
    """Return the matrix that an input is multiplied by, and refuse one that does not fit it."""
    W, d = as_array(name, W), x.shape[-1]
    if W.ndim != 2 or W.shape[0] != d:
        refuse(name, f"shape ({d}, units) to match {name_of_x} (..., {d})", W.shape)
    return W


def as_vector(name: str, vector: Any, name_of_W: str, W: Array) -> Array:
    """Return a bias, or another vector of what a kernel makes, and refuse one of another size."""
    vector = as_array(name, vector)
    if vector.shape != W.shape[1:]:
        refuse(name, f"shape {W.shape[1:]} to match {name_of_W} {W.shape}", vector.shape)
    return vector
