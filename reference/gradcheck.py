"""The complex-step derivative: a gradient that is exact to rounding, with no step size to choose.

For a function that is analytic and real on the real axis, ``f(x + i h) = f(x) + i h f'(x) - h² ...``, so that
``imag(f(x + i h)) / h`` is the derivative. Nothing is subtracted, hence nothing cancels, and h can be so
small that h² vanishes beside 1 in every floating-point number. Squire and Trapp, "Using Complex Variables to
Estimate Derivatives of Real Functions", SIAM Review 40 (1998).
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from reference.inputs import Array, as_array, refuse

STEP = 2.0**-300


def complex_step_gradient(
    function: Callable[..., Any],
    arguments: Mapping[str, Any],
    name: str,
    cotangents: Mapping[str, Any],
) -> Array:
    """Return the gradient of ``sum(cotangent * result)`` with respect to one argument.

    Parameters
    ----------
    function
        Takes ``arguments`` by name and returns a record (a NamedTuple). It must be made of analytic operations.
    arguments
        All arguments of the function.
    name
        The argument to differentiate with respect to; an array of real numbers.
    cotangents
        For each field of the record that the loss depends on, the gradient with respect to it.

    Returns
    -------
    gradient
        In the shape of the argument. It costs one call of the function for each of its elements.

    Raises
    ------
    ValueError
        If there is no such argument, or it is not made of finite numbers.

    Examples
    --------
    >>> from reference import dot_product_attention
    >>> arguments = {"query": [[1.0]], "key": [[0.0], [0.0]], "value": [[6.0], [2.0]]}
    >>> complex_step_gradient(dot_product_attention, arguments, "key", {"output": [[1.0]]})
    array([[ 1.],
           [-1.]])
    """
    if name not in arguments:
        refuse("name", f"one of {', '.join(arguments)}", repr(name))
    point = as_array(name, arguments[name]).astype(np.complex128)
    gradient = np.zeros(point.shape)
    for index in np.ndindex(point.shape):
        stepped = point.copy()
        stepped[index] += 1j * STEP
        record = function(**{**arguments, name: stepped})
        gradient[index] = sum(
            np.sum(cotangent * np.imag(getattr(record, field))) for field, cotangent in cotangents.items()
        )
    return gradient / STEP
