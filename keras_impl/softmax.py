"""The softmax of what is visible."""

from keras import ops


def masked_softmax(scores, visible=None):
    """The weights of scores along the last axis: 0 where ``visible`` is false, and in a row of which nothing is."""
    if visible is None:
        return ops.softmax(scores)
    # A row of which nothing is visible would be 0 / 0, whose NaN survives in gradients even where it
    # is not selected. It is shown everything and set to 0 afterwards.
    logits = ops.where(ops.logical_or(visible, ~ops.any(visible, axis=-1, keepdims=True)), scores, -float("inf"))
    return ops.where(visible, ops.softmax(logits), 0)
