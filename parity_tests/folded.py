"""An axis folded in two and back, for layers that are told of several axes where the reference has one.

They are layers, so that a call without numbers and a saved model know them.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="attention_reference")
class Folded(keras.layers.Layer):
    """The axis of size n as two of n / 2 and 2, or of n and 1 if n is odd."""

    def __init__(self, axis, **kwargs):
        super().__init__(**kwargs, autocast=False)
        self.axis = axis
        self.supports_masking = True

    def call(self, inputs):
        return ops.reshape(inputs, self._folded(ops.shape(inputs)))

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(self._folded(inputs.shape), dtype=inputs.dtype)

    def _folded(self, shape):
        size = shape[self.axis]
        two = (None, None) if size is None else (size // (2 - size % 2), 2 - size % 2)
        return (*shape[: self.axis], *two, *shape[self.axis + 1 :])

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}


@keras.saving.register_keras_serializable(package="attention_reference")
class Unfolded(Folded):
    """Two axes, the second behind the one that is named, as one."""

    def _folded(self, shape):
        sizes = shape[self.axis : self.axis + 2]
        one = None if None in sizes else sizes[0] * sizes[1]
        return (*shape[: self.axis], one, *shape[self.axis + 2 :])
