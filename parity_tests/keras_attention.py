"""``keras.layers.Attention`` in both of its modes, and ``keras.layers.AdditiveAttention``, as subjects."""

import keras
from keras.src.backend import get_keras_mask  # for which there is nothing public

from parity_tests.additive import ADDITIVE_ATTENTION
from parity_tests.dot_product import ATTENTION
from parity_tests.handed_masks import in_float32, with_mask
from parity_tests.keras_layer import KerasLayer


def _in_order(inputs):
    query, *key, value = inputs
    return [query, value, *key]


class KerasAttention(KerasLayer):
    """``keras.layers.Attention``, which takes ``[query, value, key]`` or ``[query, value]`` and learns its scale."""

    name, adapts, contract = "keras.layers.Attention", keras.layers.Attention, ATTENTION
    has = ("dropout", "seed", "learned_scale", "two_inputs", "masks_with_inputs", "same_tensor", "float32_inputs")

    def make(self, example):
        options = dict(example.constructor)
        return self.layer_class(use_scale=options.pop("scaled"), **options, dtype=example.policy)

    def call(
        self, layer, inputs, masks, return_attention_scores, use_causal_mask,
        masks_with_inputs=False, same_tensor=False, float32_inputs=False, **training,
    ):  # fmt: skip
        query_mask, key_mask, value_mask = masks
        query, *key, value = in_float32(inputs) if float32_inputs else inputs
        if masks_with_inputs:
            query, value = with_mask(query, query_mask), with_mask(value, key_mask)
            key = [with_mask(one, value_mask) for one in key]
        given = not masks_with_inputs and (query_mask is not None or key_mask is not None)
        return layer(
            [query, query if same_tensor else value, *key],
            mask=[query_mask, key_mask] if given else None,
            return_attention_scores=return_attention_scores,
            use_causal_mask=use_causal_mask,
            **training,
        )

    def mask(self, layer, inputs, masks, **manner):
        if manner.get("masks_with_inputs"):
            return get_keras_mask(self.call(layer, inputs, masks, False, False, **manner))
        given = any(mask is not None for mask in masks[:2])
        return layer.compute_mask(_in_order(inputs), list(masks[:2]) if given else None)

    def output_shape(self, layer, shapes):
        return layer.compute_output_shape(_in_order(shapes))


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
    has = ("dropout", "seed", "two_inputs", "masks_with_inputs", "same_tensor", "float32_inputs")
