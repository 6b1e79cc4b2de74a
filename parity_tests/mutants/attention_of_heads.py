"""Faults of attention as a function of queries, keys and values that have heads already."""

import keras
from keras import ops

from parity_tests.keras_op import DotProductAttention


class _Other(DotProductAttention):
    """Calls the function with other arguments."""

    def call(self, inputs, shown=None, use_causal_mask=False):
        query, key, value, *bias = inputs
        given = {"bias": bias[0] if bias else None, "mask": shown, "scale": self.scale, "is_causal": use_causal_mask}
        query, key, value, given = self.other(query, key, value, given)
        return keras.ops.dot_product_attention(query, key, value, **given)


class BiasForgotten(_Other):
    """Ignores the bias."""

    def other(self, query, key, value, given):
        return query, key, value, {**given, "bias": None}


class BiasScaled(_Other):
    """Scales the bias too."""

    def other(self, query, key, value, given):
        scale = key.shape[-1] ** -0.5 if self.scale is None else self.scale
        return query, key, value, given if given["bias"] is None else {**given, "bias": given["bias"] * scale}


class BiasOfTheFirstHead(_Other):
    """Adds the bias of the first head to all."""

    def other(self, query, key, value, given):
        return query, key, value, given if given["bias"] is None else {**given, "bias": given["bias"][:, :1]}


class MaskOfTheFirstHead(_Other):
    """Masks all heads as the first."""

    def other(self, query, key, value, given):
        return query, key, value, given if given["mask"] is None else {**given, "mask": given["mask"][:, :1]}


class MaskForgottenWhenCausal(_Other):
    """Ignores the mask in a causal call."""

    def other(self, query, key, value, given):
        return query, key, value, {**given, "mask": None} if given["is_causal"] else given


class CausalForgottenWithAMask(_Other):
    """Forgets that the call is causal, where there is a mask."""

    def other(self, query, key, value, given):
        return query, key, value, given if given["mask"] is None else {**given, "is_causal": False}


class OwnScaleForgotten(_Other):
    """Scales by the depth, whatever scale is given."""

    def other(self, query, key, value, given):
        return query, key, value, {**given, "scale": None}


class HeadsGroupedInTurn(_Other):
    """Gives query heads the key heads in turn, not one to each group."""

    def other(self, query, key, value, given):
        heads = [head % key.shape[2] for head in range(query.shape[2])]
        return query, ops.take(key, heads, axis=2), ops.take(value, heads, axis=2), given


class BiasNotLearned(_Other):
    """Stops the gradient on its way to the bias."""

    def other(self, query, key, value, given):
        bias = given["bias"]
        return query, key, value, given if bias is None else {**given, "bias": ops.stop_gradient(bias)}


class ScaleOfZeroForgotten(_Other):
    """Takes a scale of 0 for none."""

    def other(self, query, key, value, given):
        return query, key, value, {**given, "scale": given["scale"] or None}


class ScaleWithoutItsSign(_Other):
    """Takes the sign from the scale."""

    def other(self, query, key, value, given):
        return query, key, value, given if given["scale"] is None else {**given, "scale": abs(given["scale"])}


class MaskOfFewerAxesForgotten(_Other):
    """Ignores a mask that has fewer axes than the scores."""

    def other(self, query, key, value, given):
        mask = given["mask"]
        return query, key, value, given if mask is None or len(mask.shape) == 4 else {**given, "mask": None}


class BiasOfFewerAxesForgotten(_Other):
    """Ignores a bias that has fewer axes than the scores."""

    def other(self, query, key, value, given):
        bias = given["bias"]
        return query, key, value, given if bias is None or len(bias.shape) == 4 else {**given, "bias": None}
