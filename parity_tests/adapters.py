"""Keras's own layers, adapted to the contracts of their kinds.

An adapter also serves any layer that is derived from its own.
"""

import keras
from keras.src.backend import get_keras_mask  # for which there is nothing public

from parity_tests.additive import ADDITIVE_ATTENTION
from parity_tests.attention_of_heads import ATTENTION_OF_HEADS
from parity_tests.contract import options_of
from parity_tests.dot_product import ATTENTION
from parity_tests.folded import Folded, Unfolded, laid_back, laid_out
from parity_tests.handed_masks import of_axes, with_mask
from parity_tests.multi_head import MULTI_HEAD_ATTENTION
from parity_tests.softmax import SOFTMAX
from parity_tests.subject import Subject

NO_ARGUMENTS = {
    "learned_scale",
    "two_inputs",
    "groups",
    "mask_axes",
    "masks_with_inputs",
    "same_tensor",
}  # options that the constructor is not told


class KerasLayer(Subject):
    """A layer of Keras, by its ``name``, or one that is derived from it and has the same known divergences.

    ``adapts`` is the layer's class, ``contract`` its kind, and ``has`` are those of the kind's options that it has.
    """

    def __init__(self, target=None, layer_class=None, known_as=None):
        options = set(self.has)
        if layer_class is not None:  # which need not take all that Keras's does
            options &= options_of(layer_class, self.contract) | NO_ARGUMENTS
        super().__init__(
            target or self.name, self.contract, layer_class or self.adapts, options, known_as=known_as or self.name
        )


class KerasAttention(KerasLayer):
    """``keras.layers.Attention``, which takes ``[query, value, key]`` or ``[query, value]`` and learns its scale."""

    name, adapts, contract = "keras.layers.Attention", keras.layers.Attention, ATTENTION
    has = ("dropout", "seed", "learned_scale", "two_inputs")

    def make(self, example):
        options = dict(example.constructor)
        return self.layer_class(use_scale=options.pop("scaled"), **options, dtype=example.policy)

    def call(self, layer, inputs, masks, return_attention_scores, use_causal_mask, **training):
        query_mask, key_mask, _ = masks
        mask = None if query_mask is None and key_mask is None else [query_mask, key_mask]
        return layer(
            self._in_order(inputs),
            mask=mask,
            return_attention_scores=return_attention_scores,
            use_causal_mask=use_causal_mask,
            **training,
        )

    def mask(self, layer, inputs, masks):
        query_mask, key_mask, _ = masks
        given = query_mask is not None or key_mask is not None
        return layer.compute_mask(self._in_order(inputs), [query_mask, key_mask] if given else None)

    def output_shape(self, layer, shapes):
        return layer.compute_output_shape(self._in_order(shapes))

    @staticmethod
    def _in_order(inputs):
        query, *key, value = inputs
        return [query, value, *key]


class KerasConcatAttention(KerasAttention):
    """``keras.layers.Attention(score_mode="concat")``, which adds query and key."""

    name, contract = "keras.layers.Attention.concat", ADDITIVE_ATTENTION

    def make(self, example):
        options = dict(example.constructor)
        scaled = options.pop("scaled")
        return self.layer_class(use_scale=scaled, score_mode="concat", **options, dtype=example.policy)


class KerasAdditiveAttention(KerasAttention):
    """``keras.layers.AdditiveAttention``, whose scale is a vector."""

    name, adapts, contract = "keras.layers.AdditiveAttention", keras.layers.AdditiveAttention, ADDITIVE_ATTENTION
    has = ("dropout", "seed", "two_inputs")


class KerasMultiHeadAttention(KerasLayer):
    """``keras.layers.MultiHeadAttention``; the mask of the query comes with it, as the argument is not looked at."""

    name, adapts = "keras.layers.MultiHeadAttention", keras.layers.MultiHeadAttention
    contract = MULTI_HEAD_ATTENTION
    has = contract.options - {"groups"}

    def call(
        self, layer, inputs, masks, return_attention_scores, use_causal_mask,
        along=None, mask_axes=3, masks_with_inputs=False, same_tensor=False, **training,
    ):  # fmt: skip
        query, *key, value = (laid_out(one, along) for one in inputs)
        query_mask, key_mask, value_mask = (laid_out(mask, along) for mask in masks[:3])
        query = with_mask(query, query_mask)
        if masks_with_inputs:
            key, value = [with_mask(one, key_mask) for one in key], with_mask(value, value_mask)
            key_mask = value_mask = None
        value = query if same_tensor else value
        results = layer(
            query,
            value,
            *key,
            key_mask=key_mask,
            value_mask=value_mask,
            attention_mask=of_axes(masks[3], mask_axes, along),
            return_attention_scores=return_attention_scores,
            use_causal_mask=use_causal_mask,
            **training,
        )
        output, *weights = results if return_attention_scores else (results,)
        weights = [laid_back(keras.ops.swapaxes(one, -3, -2), along and 2) for one in weights]
        return [laid_back(output, along), *weights] if return_attention_scores else laid_back(output, along)

    def mask(self, layer, inputs, masks, **manner):
        return get_keras_mask(self.call(layer, inputs, masks, False, False, **manner))

    def output_shape(self, layer, shapes):
        query, *key, value = shapes
        return layer.compute_output_shape(query, value, *key)


class KerasGroupedQueryAttention(KerasMultiHeadAttention):
    """``keras.layers.GroupQueryAttention``, whose heads have one depth and whose output has that of the query."""

    name, adapts = "keras.layers.GroupQueryAttention", keras.layers.GroupQueryAttention
    has = KerasMultiHeadAttention.contract.options - {"value_dim", "output_shape", "attention_axes"}

    def make(self, example):
        options = dict(example.constructor)
        heads, depth = options.pop("num_heads"), options.pop("key_dim")
        groups = options.pop("groups")
        return self.layer_class(depth, heads, heads // groups, **options, dtype=example.policy)


@keras.saving.register_keras_serializable(package="attention_reference")
class DotProductAttention(keras.layers.Layer):
    """``keras.ops.dot_product_attention`` as a layer of ``[query, key, value]``, and a bias if there is one."""

    def __init__(self, scale=None, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs, shown=None, use_causal_mask=False):
        query, key, value, *bias = inputs
        return keras.ops.dot_product_attention(
            query, key, value, *bias, mask=shown, scale=self.scale, is_causal=use_causal_mask
        )

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


class KerasDotProductAttention(KerasLayer):
    """``keras.ops.dot_product_attention``."""

    name, adapts, contract, has = "keras.ops.dot_product_attention", DotProductAttention, ATTENTION_OF_HEADS, ()

    def call(self, layer, inputs, masks, return_attention_scores, use_causal_mask):
        return layer(list(inputs), shown=masks[0], use_causal_mask=use_causal_mask)

    def mask(self, layer, inputs, masks):
        return masks[0]  # a function hands none on

    def output_shape(self, layer, shapes):
        return None


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


ADAPTERS = (
    KerasDotProductAttention,
    KerasSoftmax,
    KerasAttention,
    KerasConcatAttention,
    KerasAdditiveAttention,
    KerasMultiHeadAttention,
    KerasGroupedQueryAttention,
)
