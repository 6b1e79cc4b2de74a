"""``keras.ops.dot_product_attention`` as a layer, and that as a subject."""

import keras

from parity_tests.attention_of_heads import ATTENTION_OF_HEADS
from parity_tests.keras_layer import KerasLayer


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
    mask = None  # a function hands none on

    def call(
        self, layer, inputs, masks, return_attention_scores, use_causal_mask, mask_lacks=0, bias_lacks=0
    ):  # fmt: skip
        query, key, value, *bias = inputs
        bias = [one[(0,) * bias_lacks] if bias_lacks else one for one in bias]
        shown = masks[0][(0,) * mask_lacks] if mask_lacks and masks[0] is not None else masks[0]
        return layer([query, key, value, *bias], shown=shown, use_causal_mask=use_causal_mask)

    def output_shape(self, layer, shapes):
        return None
