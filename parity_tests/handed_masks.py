"""Masks and inputs in the forms in which a layer of Keras is handed them."""

import keras

from parity_tests.folded import Carrying, laid_out


@keras.saving.register_keras_serializable(package="attention_reference")
class ComesWithMask(Carrying):
    """A tensor and a mask, as a tensor that comes with that mask."""

    def call(self, inputs):
        return inputs[0] * 1  # another tensor, as masks are kept with the one at hand

    def compute_mask(self, inputs, previous_mask=None):
        return inputs[1]


@keras.saving.register_keras_serializable(package="attention_reference")
class WithoutMask(Carrying):
    """A tensor without the mask that it comes with."""

    def call(self, inputs):
        return inputs * 1  # in a layer, as Keras takes float64 times 1 for float32 on JAX where it has no numbers

    def compute_mask(self, inputs, previous_mask=None):
        return None


def with_mask(tensor, mask):
    """The tensor, with which its mask comes, if there is one."""
    return tensor if mask is None else ComesWithMask()([tensor, mask])


def handed_over(inputs, masks, masks_with_inputs=False, same_tensor=False, query_mask_argument=False):
    """Query, value and key, and the arguments of a call that are masks: those of positions which come with no tensor.

    The mask of the query comes with it, unless it is to be an argument, which some layers do not look at.
    """
    query, *key, value = inputs
    query_mask, key_mask, value_mask = masks
    arguments = {"query_mask": query_mask} if query_mask_argument else {}
    query = query if query_mask_argument else with_mask(query, query_mask)
    if masks_with_inputs:
        key, value = [with_mask(one, key_mask) for one in key], with_mask(value, value_mask)
    else:
        arguments |= {"key_mask": key_mask, "value_mask": value_mask}
    return [query, query if same_tensor else value, *key], arguments


def in_float32(inputs):
    """The same numbers in float32, as a layer that computes in a shorter dtype is mostly handed them."""
    return [keras.ops.cast(one, "float32") for one in inputs]


def of_axes(mask, axes, along):
    """An attention mask of (B, H, T, S) with fewer axes: (B, T, S) or (T, S); or with two for B, as items are laid."""
    if mask is None:
        return None
    mask = laid_out(mask, along and 2)
    if axes == 4:
        return mask
    mask = keras.ops.squeeze(mask, -3)
    return mask[(0,) * (len(mask.shape) - 2)] if axes == 2 else mask
