"""The softmax in pieces, for the faults that lie between its steps."""

from keras import ops


def largest(scores, visible=None):
    """The largest visible score of each row, 0 where none is; no gradient passes."""
    shown = scores if visible is None else ops.where(visible, scores, -float("inf"))
    # Keras's largest of no elements is float32 on PyTorch, whatever they are.
    found = ops.cast(ops.max(shown, axis=-1, keepdims=True, initial=-float("inf")), scores.dtype)
    return ops.stop_gradient(ops.where(found > -float("inf"), found, 0))


def exponentials(exponents, visible):
    """The exponentials, 0 where hidden."""
    if visible is None:
        return ops.exp(exponents)
    return ops.where(visible, ops.exp(ops.where(visible, exponents, 0)), 0)


def normalized(parts):
    """The parts, divided by the sum of their row; 0 where it is 0."""
    total = ops.sum(parts, axis=-1, keepdims=True)
    return parts / ops.where(total == 0, 1, total)
