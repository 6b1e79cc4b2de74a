"""An axis folded in two and back, for layers that are told of several axes where the reference has one.

They are layers, so that a call without numbers and a saved model know them.
"""

import keras
from keras import ops


def halves(size):
    """The sizes that a size is the product of: half of it and 2, or all of it and 1 if it is odd."""
    return size // (2 - size % 2), 2 - size % 2


class Carrying(keras.layers.Layer):
    """A layer that leaves numbers and their dtype as they are, and says itself what becomes of their mask."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs, autocast=False)
        self.supports_masking = True


@keras.saving.register_keras_serializable(package="attention_reference")
class Folded(Carrying):
    """The axis of size n as two of n / 2 and 2, or of n and 1 if n is odd."""

    def __init__(self, axis, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs):
        return ops.reshape(inputs, self._folded(ops.shape(inputs)))

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(self._folded(inputs.shape), dtype=inputs.dtype)

    def _folded(self, shape):
        size = shape[self.axis]
        two = (None, None) if size is None else halves(size)
        return (*shape[: self.axis], *two, *shape[self.axis + 1 :])

    def compute_mask(self, inputs, previous_mask=None):
        without_axis = previous_mask is None or len(previous_mask.shape) <= self.axis
        return previous_mask if without_axis else self.call(previous_mask)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}


@keras.saving.register_keras_serializable(package="attention_reference")
class Unfolded(Folded):
    """Two axes, the second behind the one that is named, as one."""

    def _folded(self, shape):
        sizes = shape[self.axis : self.axis + 2]
        one = None if None in sizes else sizes[0] * sizes[1]
        return (*shape[: self.axis], one, *shape[self.axis + 2 :])


@keras.saving.register_keras_serializable(package="attention_reference")
class Swapped(Carrying):
    """Axes 1 and 2 in the other order, in the mask that comes with them too."""

    def call(self, inputs):
        return ops.swapaxes(inputs, 1, 2)

    def compute_mask(self, inputs, previous_mask=None):
        return None if previous_mask is None else self.call(previous_mask)


def laid_out(array, along):
    """An array of (B, T, ...) as one with two axes of items, around the positions if these are to be axis 1."""
    if array is None or along is None:
        return array
    folded = Folded(0)(array)
    return ops.swapaxes(folded, 1, 2) if along == 1 else folded


def laid_back(array, along):
    """The inverse of `laid_out`."""
    if along is None:
        return array
    return Unfolded(0)(Swapped()(array) if along == 1 else array)
