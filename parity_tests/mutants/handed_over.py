"""Faults of several heads that depend on the form in which masks and inputs are handed over."""

import keras
from keras import ops
from keras.src.backend import get_keras_mask  # for which there is nothing public


class MasksOfThreeAxesOnly(keras.layers.MultiHeadAttention):
    """Ignores an attention mask that has not exactly the axes of items, queries and keys."""

    def _compute_attention_mask(self, query, value, **masks):
        mask = masks["attention_mask"]
        if mask is not None and len(mask.shape) != 3:
            masks["attention_mask"] = None
        return super()._compute_attention_mask(query, value, **masks)


class HeadsMaskedAlike(keras.layers.MultiHeadAttention):
    """Uses the attention mask of the first head for all."""

    def _compute_attention_mask(self, query, value, **masks):
        mask = masks["attention_mask"]
        if mask is not None and len(mask.shape) == 4:
            masks["attention_mask"] = mask[:, :1]
        return super()._compute_attention_mask(query, value, **masks)


class GroupsMaskedAlike(keras.layers.GroupQueryAttention):
    """Uses the attention mask of the first head for all."""

    def _compute_attention_mask(self, query, value, **masks):
        mask = masks["attention_mask"]
        if mask is not None and len(mask.shape) == 4:
            masks["attention_mask"] = mask[:, :1]
        return super()._compute_attention_mask(query, value, **masks)


class MasksOfKeysLeftBehind(keras.layers.MultiHeadAttention):
    """Takes the values and keys without the masks that come with them."""

    def __call__(self, query, *values_and_keys, **options):
        return super().__call__(query, *map(self.without_mask, values_and_keys), **options)

    def without_mask(self, tensor):
        return ops.copy(tensor)


class MasksOfGroupsLeftBehind(keras.layers.GroupQueryAttention):
    """Takes the values and keys without the masks that come with them."""

    def __call__(self, query, *values_and_keys, **options):
        return super().__call__(query, *map(self.without_mask, values_and_keys), **options)

    def without_mask(self, tensor):
        return ops.copy(tensor)


class QueryMaskArgumentIgnored(keras.layers.GroupQueryAttention):
    """Heeds the mask that comes with the query alone, not one that is an argument."""

    def call(
        self, query, value, key=None, query_mask=None, value_mask=None, key_mask=None, attention_mask=None,
        return_attention_scores=False, training=None, use_causal_mask=False,
    ):  # fmt: skip
        return super().call(
            query, value, key, get_keras_mask(query), value_mask, key_mask,
            attention_mask, return_attention_scores, training, use_causal_mask,
        )  # fmt: skip


class FirstItemReadAlongOtherAxes(keras.layers.MultiHeadAttention):
    """Gives all items of the batch the keys of the first, if there are other axes than the one that is attended."""

    def _compute_attention(self, query, key, value, *args, **kwargs):
        key = key if len(key.shape) == 4 else 0 * key + key[:1]
        return super()._compute_attention(query, key, value, *args, **kwargs)


class PaddingLostAlongOtherAxes(keras.layers.MultiHeadAttention):
    """Ignores the mask of the values if there are other axes than the one that is attended."""

    def _compute_attention_mask(self, query, value, **masks):
        if len(value.shape) == 4:
            masks["value_mask"] = None
        return super()._compute_attention_mask(query, value, **masks)


class OneTensorLearnedAsQueryAlone(keras.layers.MultiHeadAttention):
    """Stops the gradient of the keys and values if they are the same tensor as the query."""

    def call(
        self, query, value, key=None, query_mask=None, value_mask=None, key_mask=None, attention_mask=None,
        return_attention_scores=False, training=None, use_causal_mask=False,
    ):  # fmt: skip
        return super().call(
            query, ops.stop_gradient(value) if value is query else value, key, query_mask, value_mask, key_mask,
            attention_mask, return_attention_scores, training, use_causal_mask,
        )  # fmt: skip
