"""Keras's own layers, adapted to the contracts of their kinds.

An adapter also serves any layer that is derived from its own.
"""

import keras
from keras.src.backend import get_keras_mask  # for which there is nothing public

from parity_tests.folded import laid_back, laid_out
from parity_tests.handed_masks import handed_over, of_axes
from parity_tests.keras_attention import KerasAdditiveAttention, KerasAttention, KerasConcatAttention
from parity_tests.keras_layer import KerasLayer
from parity_tests.keras_op import KerasDotProductAttention
from parity_tests.keras_softmax import KerasSoftmax
from parity_tests.multi_head import MULTI_HEAD_ATTENTION
from parity_tests.output_axes import flat_output, flat_shape, weights_of_axes


class KerasMultiHeadAttention(KerasLayer):
    """``keras.layers.MultiHeadAttention``; the mask of the query comes with it, as the argument is not looked at."""

    name, adapts = "keras.layers.MultiHeadAttention", keras.layers.MultiHeadAttention
    contract = MULTI_HEAD_ATTENTION
    has = contract.options - {"groups", "query_mask_argument"}

    def call(
        self, layer, inputs, masks, return_attention_scores, use_causal_mask,
        along=None, mask_axes=3, output_axes=1, masks_with_inputs=False, same_tensor=False, query_mask_argument=False,
        **training,
    ):  # fmt: skip
        inputs, padding = ([laid_out(one, along) for one in arrays] for arrays in (inputs, masks[:3]))
        inputs, padding = handed_over(inputs, padding, masks_with_inputs, same_tensor, query_mask_argument)
        results = layer(
            *inputs,
            **padding,
            attention_mask=of_axes(masks[3], mask_axes, along),
            return_attention_scores=return_attention_scores,
            use_causal_mask=use_causal_mask,
            **training,
        )
        output, *weights = results if return_attention_scores else (results,)
        output = flat_output(output) if output_axes == 2 else output
        weights = [laid_back(keras.ops.swapaxes(one, -3, -2), along and 2) for one in weights]
        return [laid_back(output, along), *weights] if return_attention_scores else laid_back(output, along)

    def mask(self, layer, inputs, masks, **manner):
        with_query = {**manner, "query_mask_argument": False}  # as a mask that is an argument is not handed on
        return get_keras_mask(self.call(layer, inputs, masks, False, False, **with_query))

    def output_shape(self, layer, shapes):
        query, *key, value = shapes
        return flat_shape(layer.compute_output_shape(query, value, *key), layer.get_config().get("output_shape"))

    def weights(self, example):
        return weights_of_axes(example.weights, example.constructor.get("output_shape"))


class KerasGroupedQueryAttention(KerasMultiHeadAttention):
    """``keras.layers.GroupQueryAttention``, whose heads have one depth and whose output has that of the query."""

    name, adapts = "keras.layers.GroupQueryAttention", keras.layers.GroupQueryAttention
    has = KerasMultiHeadAttention.contract.options - {"value_dim", "output_shape", "attention_axes"}

    def make(self, example):
        options = dict(example.constructor)
        heads, depth = options.pop("num_heads"), options.pop("key_dim")
        groups = options.pop("groups")
        return self.layer_class(depth, heads, heads // groups, **options, dtype=example.policy)


ADAPTERS = (
    KerasDotProductAttention,
    KerasSoftmax,
    KerasAttention,
    KerasConcatAttention,
    KerasAdditiveAttention,
    KerasMultiHeadAttention,
    KerasGroupedQueryAttention,
)
