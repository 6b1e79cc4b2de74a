"""Faults that show beyond 4,096 positions alone, which ``--long`` looks at."""

import keras
from keras import ops

from keras_impl import AttentionLayer, AttentionPooling, SelfAttention
from parity_tests.mutants.causal import _Causal

REACH = 4096


def _position(array, axis):
    """The positions along an axis, as they broadcast against what has only the axes from there on."""
    positions = ops.arange(ops.shape(array)[axis])
    return ops.reshape(positions, (-1, *(1,) * (-1 - axis)))


class KeysBeyond4096Hidden(AttentionLayer):
    """Hides the keys beyond 4,096, as a mask of that length would."""

    def compute_visible(self, scores, masks, causal):
        visible, shown = super().compute_visible(scores, masks, causal), _position(scores, -1) < REACH
        shown = ops.broadcast_to(shown, ops.shape(scores))
        return shown if visible is None else ops.logical_and(visible, shown)


class LateQueriesSeeNothingAhead(AttentionLayer):
    """Hides from the queries beyond 4,096 the keys ahead of them, as a causal order does."""

    def compute_visible(self, scores, masks, causal):
        visible, query, key = (
            super().compute_visible(scores, masks, causal),
            *(_position(scores, axis) for axis in (-2, -1)),
        )
        shown = ops.logical_or(query < REACH, key <= query)
        return ops.broadcast_to(shown, ops.shape(scores)) if visible is None else ops.logical_and(visible, shown)


class WeightsBeyond4096NotReturned(AttentionLayer):
    """Returns weights of 0 for the keys beyond 4,096, which it attends."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        results = super().call(inputs, mask, training, return_attention_scores, use_causal_mask)
        if not return_attention_scores:
            return results
        output, weights = results
        return output, ops.where(_position(weights, -1) < REACH, weights, 0.0)


class QueriesBeyond4096Doubled(AttentionLayer):
    """Doubles the scores of queries beyond 4,096."""

    def compute_scores(self, query, key):
        scores = super().compute_scores(query, key)
        return ops.where(_position(scores, -2) < REACH, scores, 2 * scores)


class CausalInTwelveBits(_Causal):
    """Counts positions in twelve bits, which are not enough from the 4,097th on."""

    def shown(self, queries, keys, T, S):
        return keys % REACH <= queries % REACH


class KeysBeyond4096LearnNothing(AttentionLayer):
    """Lets no gradient through to the keys beyond 4,096."""

    def compute_scores(self, query, key):
        key = ops.where(_position(key, -2) < REACH, key, ops.stop_gradient(key))
        return super().compute_scores(query, key)


class PositionsBeyond4096AttendLess(SelfAttention):
    """Halves the projected queries beyond 4,096."""

    def project(self, x, W, b):
        projected = super().project(x, W, b)
        if W is not self.W_q:
            return projected
        return ops.where(_position(projected, -2) < REACH, projected, projected / 2)


class PaddingBeyond4096Attended(SelfAttention):
    """Takes hidden positions beyond 4,096 for visible ones, as a mask that is cut there would."""

    def call(self, x, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        if mask is not None:
            mask = ops.logical_or(mask, _position(mask, -1) >= REACH)
        return super().call(x, mask, training, return_attention_scores, use_causal_mask)


class _ShortSighted(AttentionLayer):
    """Hides keys that are more than 4,096 positions ahead."""

    def compute_visible(self, scores, masks, causal):
        visible = super().compute_visible(scores, masks, causal)
        shown = _position(scores, -1) - _position(scores, -2) <= REACH
        return shown[None] if visible is None else ops.logical_and(visible, shown)


class SeesNoFartherAheadThan4096(SelfAttention):
    """Hides keys that are more than 4,096 positions ahead, which a causal order hides anyway."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        sound = self.attention
        self.attention = _ShortSighted(sound.scaled, sound.dropout, sound.seed, dtype=self.dtype_policy)


class _UnscaledAhead(AttentionLayer):
    """Forgets the scale of queries beyond 4,096."""

    def compute_scores(self, query, key):
        query = ops.where(_position(query, -2) < REACH, query, query * ops.shape(query)[-1] ** 0.5)
        return super().compute_scores(query, key)


class ScaleForgottenBeyond4096(SelfAttention):
    """Forgets the scale of queries beyond 4,096."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        sound = self.attention
        self.attention = _UnscaledAhead(sound.scaled, sound.dropout, sound.seed, dtype=self.dtype_policy)


class PositionsBeyond4096NotPooled(AttentionPooling):
    """Pools the first 4,096 positions."""

    def compute_scores(self, x):
        scores = super().compute_scores(x)
        return ops.where(_position(scores, -1) < REACH, scores, float("-inf"))


class ScoresBeyond4096Shifted(keras.layers.Softmax):
    """Adds 1 to the scores beyond 4,096."""

    def call(self, inputs, mask=None):
        return super().call(ops.where(_position(inputs, -1) < REACH, inputs, inputs + 1), mask=mask)


class LastBlockNotFullForgotten(keras.layers.Softmax):
    """Forgets the scores after the last whole block of 1,024, if there are more than 4,096."""

    def call(self, inputs, mask=None):
        size = ops.shape(inputs)[-1]
        in_blocks = _position(inputs, -1) < size // 1024 * 1024
        return super().call(ops.where(ops.logical_or(size <= REACH, in_blocks), inputs, float("-inf")), mask=mask)


class HeadsCausalInTwelveBits(keras.layers.MultiHeadAttention):
    """Counts the positions of all heads in twelve bits."""

    def _compute_causal_mask(self, query, value=None):
        T, S = (ops.shape(one)[1] for one in (query, query if value is None else value))
        return (ops.arange(S) % REACH <= ops.arange(T)[:, None] % REACH)[None]


class ValuesOfGroupsBeyond4096Forgotten(keras.layers.GroupQueryAttention):
    """Takes 0 for the values beyond 4,096."""

    def _compute_attention(self, query, key, value, *args, **kwargs):
        value = ops.where(_position(value, -3) < REACH, value, 0.0)
        return super()._compute_attention(query, key, value, *args, **kwargs)


class AdditiveKeysBeyond4096Wrapped(keras.layers.AdditiveAttention):
    """Reads the key of 4,096 positions before in the place of each beyond, as a table of that length would."""

    def _calculate_scores(self, query, key):
        return super()._calculate_scores(query, ops.take(key, ops.arange(ops.shape(key)[1]) % REACH, axis=1))
