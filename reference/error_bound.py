"""A function of this package run for the error bound of what it returns."""

from collections.abc import Callable
from typing import Any

from reference.rounding import Rounded, track
from reference.rounding_model import Arithmetic


def error_bound(function: Callable[..., Any], *arguments: Any, arithmetic: Arithmetic, **options: Any) -> Any:
    """Run a function of this package for its error bound.

    Parameters
    ----------
    function
        A forward, such as `reference.dot_product_attention`, or a backward.
    *arguments, **options
        Its own. Arrays are tracked; for a backward, give the record of a tracked forward.
    arithmetic
        The machine's.

    Returns
    -------
    record
        What the function returns, with a bound in place of each array.

    Raises
    ------
    ValueError
        As the function does.

    Examples
    --------
    >>> import numpy as np
    >>> from reference import softmax
    >>> from reference.rounding import FLOAT32
    >>> error_bound(softmax, [0.0, -np.inf], arithmetic=FLOAT32)[1]
    np.float64(0.0)

    Integers are exact, and so is what is made of them by a projection:

    >>> from reference import linear_backward
    >>> error_bound(linear_backward, [[2.0]], [[3.0]], [[4.0]], arithmetic=FLOAT32).d_W
    array([[0.]])
    """
    tracked = [given if isinstance(given, (tuple, Rounded)) else track(given, arithmetic) for given in arguments]
    return _errors(function(*tracked, **options))


def _errors(record: Any) -> Any:
    if isinstance(record, Rounded):
        return record.error
    if isinstance(record, tuple):
        return type(record)(*(_errors(field) for field in record))
    return record
