"""The sigmoid, and its backward."""

from typing import Any

import numpy as np

from reference.inputs import Array, as_array, as_cotangent


def sigmoid(x: Any) -> Array:
    """Return ``1 / (1 + exp(-x))`` of each element, which lies between 0 and 1.

    Parameters
    ----------
    x : (...)

    Returns
    -------
    y : (...)

    Raises
    ------
    ValueError
        For NaN or infinity.

    Notes
    -----
    Only exponentials of numbers that are not positive are taken, so that none overflows: ``exp(-x)`` where x is
    positive, and where it is not ``exp(x) / (1 + exp(x))``, which is the same number.

    Examples
    --------
    >>> np.round(sigmoid(np.log([1 / 3, 1.0, 3.0])), 12)
    array([0.25, 0.5 , 0.75])
    >>> sigmoid([-1000.0, 1000.0])
    array([0., 1.])
    """
    x = as_array("x", x)
    small = np.exp(np.where(x < 0, x, -x))
    return np.where(x < 0, small, 1.0) / (1.0 + small)


def sigmoid_backward(d_y: Any, y: Any) -> Array:
    """Return the gradient with respect to the argument of `sigmoid`, whose derivative is ``y * (1 - y)``.

    Parameters
    ----------
    d_y : (...)
        The gradient with respect to what `sigmoid` returned.
    y : (...)
        What `sigmoid` returned.

    Returns
    -------
    d_x : (...)

    Raises
    ------
    ValueError
        If the shapes differ, or for NaN or infinity.

    Examples
    --------
    >>> sigmoid_backward([16.0, 16.0], [0.25, 0.5])
    array([3., 4.])
    """
    y = as_array("y", y)
    d_y = as_cotangent("d_y", d_y, "y", y.shape)
    return d_y * y * (1 - y)
