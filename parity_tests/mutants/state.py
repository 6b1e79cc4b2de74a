"""Faults of a layer that remembers: calls that should be alike are not."""

import keras
from keras import ops
from keras.src.backend import set_keras_mask  # for which there is nothing public

from keras_impl import AttentionLayer, SelfAttention


class _Counting(AttentionLayer):
    """A sound layer that counts its calls, the first one as 1."""

    calls = 0

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        self.calls += 1
        return super().call(inputs, mask, training, return_attention_scores, use_causal_mask)


class DriftsWithEveryCall(_Counting):
    """Multiplies the output by 1 + 1e-5 in the second call, by 1 + 2e-5 in the third, and so on."""

    def compute_output(self, weights, value, training):
        return super().compute_output(weights, value, training) * (1 + 1e-5 * (self.calls - 1))


class FirstCallUnscaled(_Counting):
    """Forgets the scale in its first call."""

    def compute_scores(self, query, key):
        if self.calls == 1:
            return ops.matmul(query, ops.swapaxes(key, -2, -1))
        return super().compute_scores(query, key)


class MasksTheFirstCallOnly(_Counting):
    """Forgets the key mask after its first call."""

    def compute_visible(self, scores, masks, causal):
        return super().compute_visible(scores, masks if self.calls == 1 else [], causal)


class NudgesItsWeights(SelfAttention):
    """Makes the weights of the queries larger by a thousandth in every call."""

    def call(self, x, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        results = super().call(x, mask, training, return_attention_scores, use_causal_mask)
        self.W_q.assign(self.W_q.value * 1.001)
        return results


class LeavesTheMaskOnTheKeys(AttentionLayer):
    """Leaves the mask of the keys with them, so that whatever is called on them next is masked too."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        if mask is not None and mask[1] is not None:
            set_keras_mask(inputs[1], mask[1])
        return super().call(inputs, mask, training, return_attention_scores, use_causal_mask)


class MaskOfTheValuesTakenAway(keras.layers.GroupQueryAttention):
    """Takes away the mask that comes with the values, so that whatever is called on them next attends padding."""

    def _compute_attention_mask(self, query, value, **masks):
        set_keras_mask(value, None)
        return super()._compute_attention_mask(query, value, **masks)
