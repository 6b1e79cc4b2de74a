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
        layout, (scores,), (mask,) = _layout(layer), inputs, masks
        mask = _handed(mask, layout, rank, mask_lacks, mask_of_numbers)
        weights = layer(_laid(scores, layout, rank), mask=mask)
        return _laid_back(WithoutMask()(weights), layout, rank)  # as the mask may have fewer axes

    def mask(self, layer, inputs, masks, rank=3, mask_lacks=0, mask_of_numbers=False):
        """What is handed on of a mask of scores, as one of (B, T, S) again."""
        layout, (scores,), (mask,) = _layout(layer), inputs, masks
        handed = _handed(mask, layout, rank, mask_lacks, mask_of_numbers)
        received = layer.compute_mask(_laid(scores, layout, rank), handed)
        return received if received is None else _laid_back(received[(None,) * mask_lacks], layout, rank)


def _layout(layer):
    return LAYOUTS[layer.axis if isinstance(layer.axis, int) else tuple(layer.axis)]


def _handed(mask, layout, rank, lacks, of_numbers):
    """A mask as the layer is handed it."""
    if mask is None:
        return None
    mask = _laid(mask, layout, rank)
    mask = mask[(0,) * lacks] if lacks else mask
    return ops.cast(mask, "int32") if of_numbers else mask


def _laid(array, layout, rank):
    """From (B, T, S), of which B and T may be 1 and left out, to what the layer is given."""
    for _ in range(layout.folds):
        array = Folded(2)(array)
    array = ops.swapaxes(array, *layout.swapped) if any(layout.swapped) else array
    return array if rank == 3 else array[:, 0] if rank == 2 else array[0, 0]


def _laid_back(array, layout, rank):
    array = ops.expand_dims(array, 1 if rank == 2 else (0, 1)) if rank < 3 else array
    array = ops.swapaxes(array, *layout.swapped) if any(layout.swapped) else array
    for _ in range(layout.folds):
        array = Unfolded(2)(array)
    return array
