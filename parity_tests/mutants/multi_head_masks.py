"""Faults of the masks and of the window that several heads share."""

import keras
from keras import ops


class OutputAloneIgnoresTheMask(keras.layers.MultiHeadAttention):
    """Forgets the mask where no weights are asked for."""

    def _compute_attention(self, query, key, value, attention_mask=None, training=None, return_attention_scores=False):
        mask = attention_mask if return_attention_scores else None
        return super()._compute_attention(query, key, value, mask, training, return_attention_scores)


class _OtherMask(keras.layers.MultiHeadAttention):
    """Asks for the mask in another way."""

    def _compute_attention_mask(self, query, value, **masks):
        return super()._compute_attention_mask(query, value, **self.other(**masks))


class ValueMaskForgotten(_OtherMask):
    """Ignores the mask of the values."""

    def other(self, **masks):
        return {**masks, "value_mask": None}


class KeyMaskForgotten(_OtherMask):
    """Ignores the mask of the keys."""

    def other(self, **masks):
        return {**masks, "key_mask": None}


class QueryMaskForgotten(_OtherMask):
    """Ignores the mask of the queries."""

    def other(self, **masks):
        return {**masks, "query_mask": None}


class AttentionMaskForgottenWithCausal(_OtherMask):
    """Ignores the attention mask in a causal call."""

    def other(self, **masks):
        return {**masks, "attention_mask": None} if masks["use_causal_mask"] else masks


class CausalForgottenWithMasks(_OtherMask):
    """Forgets that the call is causal, where there is a mask of values too."""

    def other(self, **masks):
        return masks if masks["value_mask"] is None else {**masks, "use_causal_mask": False}


class AttentionMaskOfTheFirstItem(_OtherMask):
    """Uses the attention mask of the first item for all."""

    def other(self, **masks):
        mask = masks["attention_mask"]
        return masks if mask is None else {**masks, "attention_mask": mask[:1]}


class WindowTooWide(keras.layers.MultiHeadAttention):
    """Lets the window reach one position too far."""

    def _compute_sliding_window_mask(self, query, value=None):
        rows, columns = ops.arange(ops.shape(query)[1]), ops.arange(ops.shape(value)[1])
        return (ops.abs(rows[:, None] - columns[None]) <= self._sliding_window)[None]


class WindowOfThePast(keras.layers.MultiHeadAttention):
    """Lets the window reach back alone."""

    def _compute_sliding_window_mask(self, query, value=None):
        past = self._compute_causal_mask(query, value)
        return ops.logical_and(super()._compute_sliding_window_mask(query, value), past)


class WindowForgottenWhenSaved(keras.layers.MultiHeadAttention):
    """Saves no window."""

    def get_config(self):
        return {**super().get_config(), "sliding_window": None}


class MaskLostAlongOtherAxes(keras.layers.MultiHeadAttention):
    """Ignores the mask if there are other axes than the one that is attended."""

    def _masked_softmax(self, attention_scores, attention_mask=None):
        return super()._masked_softmax(attention_scores, attention_mask if len(attention_scores.shape) == 4 else None)
