"""``keras.layers.Softmax`` as a subject."""

import keras

from parity_tests.folded import Folded, Unfolded
from parity_tests.keras_layer import KerasLayer
from parity_tests.softmax import SOFTMAX


class KerasSoftmax(KerasLayer):
    """``keras.layers.Softmax``: along the last axis, along another one, or along two of them."""

    name, adapts, contract, has = "keras.layers.Softmax", keras.layers.Softmax, SOFTMAX, ()

    def call(self, layer, inputs, masks, return_attention_scores, use_causal_mask):
        axis = layer.axis if isinstance(layer.axis, int) else tuple(layer.axis)
        scores, mask = (None if array is None else self._turned(array, axis) for array in (*inputs, *masks))
        return self._turned_back(layer(scores, mask=mask), axis)

    @staticmethod
    def _turned(array, axis):
        """From (B, T, S) to where the layer has S along its axis; if there are two, half of it along each."""
        array = array if isinstance(axis, int) else Folded(2)(array)
        return keras.ops.swapaxes(array, 1, 2) if axis in (1, (1, 3)) else array

    @staticmethod
    def _turned_back(array, axis):
        array = keras.ops.swapaxes(array, 1, 2) if axis in (1, (1, 3)) else array
        return array if isinstance(axis, int) else Unfolded(2)(array)

    def mask(self, layer, inputs, masks):
        return masks[0]  # Keras hands on that of whatever comes in, whose shape it has
