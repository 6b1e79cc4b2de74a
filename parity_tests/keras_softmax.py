"""``keras.layers.Softmax`` as a subject."""

import keras
from keras import ops

from parity_tests.folded import Folded, Unfolded
from parity_tests.handed_masks import WithoutMask
from parity_tests.keras_layer import KerasLayer
from parity_tests.softmax import LAYOUTS, SOFTMAX


class KerasSoftmax(KerasLayer):
    """``keras.layers.Softmax``: along the last axis, along another one, or along several."""

    name, adapts, contract, has = "keras.layers.Softmax", keras.layers.Softmax, SOFTMAX, ()

    def call(
        self, layer, inputs, masks, return_attention_scores, use_causal_mask,
        rank=3, mask_lacks=0, mask_of_numbers=False,
    ):  # fmt: skip
        layout = LAYOUTS[layer.axis if isinstance(layer.axis, int) else tuple(layer.axis)]
        (scores,), (mask,) = inputs, masks
        if mask is not None:
            mask = self._laid(mask, layout, rank)
            mask = mask[(0,) * mask_lacks] if mask_lacks else mask
            mask = ops.cast(mask, "int32") if mask_of_numbers else mask
        return self._laid_back(layer(self._laid(scores, layout, rank), mask=mask), layout, rank)

    @staticmethod
    def _laid(array, layout, rank):
        """From (B, T, S), of which B and T may be 1 and left out, to what the layer is given."""
        for _ in range(layout.folds):
            array = Folded(2)(array)
        array = ops.swapaxes(array, *layout.swapped) if any(layout.swapped) else array
        return array if rank == 3 else array[:, 0] if rank == 2 else array[0, 0]

    @staticmethod
    def _laid_back(array, layout, rank):
        array = WithoutMask()(array)  # which may have fewer axes
        array = ops.expand_dims(array, 1 if rank == 2 else (0, 1)) if rank < 3 else array
        array = ops.swapaxes(array, *layout.swapped) if any(layout.swapped) else array
        for _ in range(layout.folds):
            array = Unfolded(2)(array)
        return array

    def mask(self, layer, inputs, masks, **manner):
        return masks[0]  # Keras hands on that of whatever comes in, whose shape it has
