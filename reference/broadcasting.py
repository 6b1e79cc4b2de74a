"""The gradient of broadcasting: what was repeated on the way forward is summed on the way back."""

import numpy as np

from reference.inputs import Array


def sum_to_shape(gradient: Array, shape: tuple[int, ...]) -> Array:
    """Return ``gradient`` summed over every axis along which an array of ``shape`` was broadcast.

    Parameters
    ----------
    gradient
        The gradient with respect to the broadcast array.
    shape
        The shape of the array before it was broadcast.

    Examples
    --------
    One bias that was added to all of two rows receives both of their gradients:

    >>> sum_to_shape(np.array([[1.0, 2.0], [10.0, 20.0]]), (2,))
    array([11., 22.])
    >>> sum_to_shape(np.array([[1.0, 2.0], [10.0, 20.0]]), (2, 1))
    array([[ 3.],
           [30.]])
    """
    if gradient.shape == shape:
        return gradient
    added = gradient.ndim - len(shape)
    stretched = (added + axis for axis, size in enumerate(shape) if size != gradient.shape[added + axis])
    return np.sum(gradient, axis=(*range(added), *stretched)).reshape(shape)
