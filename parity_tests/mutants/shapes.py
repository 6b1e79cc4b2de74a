"""Faults that show at certain sizes alone: single, odd, equal, long, empty."""

import keras
from keras import ops

from keras_impl import AttentionLayer, SelfAttention


class SingleQueryUnscaled(AttentionLayer):
    """Forgets the scale of a single query."""

    def compute_scores(self, query, key):
        unscaled = ops.matmul(query, ops.swapaxes(key, -2, -1))
        return ops.where(ops.shape(query)[1] == 1, unscaled, super().compute_scores(query, key))


class SingleKeyBySigmoid(AttentionLayer):
    """Takes the sigmoid where there is a single key, as for a single class."""

    def compute_weights(self, scores, visible):
        weights = super().compute_weights(scores, visible)
        return ops.where(ops.shape(scores)[-1] == 1, weights * ops.sigmoid(scores), weights)


class DepthOfOneAdded(AttentionLayer):
    """Adds query and key where they have a depth of 1."""

    def compute_scores(self, query, key):
        if key.shape[-1] == 1:
            return query + ops.swapaxes(key, -2, -1)
        return super().compute_scores(query, key)


class OddDepthCutShort(AttentionLayer):
    """Takes the depth in pairs, and loses the last of an odd one."""

    def compute_scores(self, query, key):
        if key.shape[-1] > 1 and key.shape[-1] % 2:
            pairs = ops.arange(key.shape[-1]) < key.shape[-1] - 1
            key = ops.where(pairs, key, 0)
        return super().compute_scores(query, key)


class ValuesOfDepthOneWithoutSign(AttentionLayer):
    """Answers 0 for a negative average of values that have a depth of 1."""

    def compute_output(self, weights, value, training):
        output = super().compute_output(weights, value, training)
        return ops.relu(output) if value.shape[-1] == 1 else output


class ValuesByTheWrongAxis(AttentionLayer):
    """Multiplies the weights by the transposed values where that is possible: where there are as many keys as depth."""

    def compute_output(self, weights, value, training):
        if value.shape[-2] == value.shape[-1]:
            value = ops.swapaxes(value, -2, -1)
        return super().compute_output(weights, value, training)


class KeysPastEightIgnored(AttentionLayer):
    """Ignores every key after the eighth."""

    def compute_visible(self, scores, masks, causal):
        visible = super().compute_visible(scores, masks, causal)
        first = (ops.arange(ops.shape(scores)[-1]) < 8)[None, None, :]
        return first if visible is None else ops.logical_and(visible, first)


class BlocksNotRescaled(AttentionLayer):
    """Shifts the scores of the keys past sixteen by a maximum of their own, and never makes up for it."""

    def compute_weights(self, scores, visible):
        first = ops.arange(ops.shape(scores)[-1]) < 16
        here, there = (
            ops.max(ops.where(block, scores, -6e4), axis=-1, keepdims=True, initial=-6e4) for block in (first, ~first)
        )
        return super().compute_weights(ops.where(first, scores, scores + ops.stop_gradient(here - there)), visible)


class QueriesPast128SeeAll(AttentionLayer):
    """Shows every key to the queries after the 128th."""

    def compute_visible(self, scores, masks, causal):
        visible = super().compute_visible(scores, masks, causal)
        late = (ops.arange(ops.shape(scores)[1]) >= 128)[None, :, None]
        return None if visible is None else ops.logical_or(visible, late)


class KeysPast128Halved(AttentionLayer):
    """Halves the weights of the keys after the 128th."""

    def compute_weights(self, scores, visible):
        weights = super().compute_weights(scores, visible)
        return ops.where(ops.arange(ops.shape(scores)[-1]) >= 128, weights / 2, weights)


class QueriesPastTheLastKeyRepeat(AttentionLayer):
    """Gives the queries that outnumber the keys the output of the last one that does not."""

    def compute_output(self, weights, value, training):
        output = super().compute_output(weights, value, training)
        _, T, S = ops.shape(weights)
        return ops.take(output, ops.minimum(ops.arange(T), ops.maximum(S - 1, 0)), axis=1)


class ScoresTransposedIfSquare(AttentionLayer):
    """Exchanges queries and keys where there are as many of the one as of the other."""

    def compute_scores(self, query, key):
        scores = super().compute_scores(query, key)
        square = ops.shape(query)[1] == ops.shape(key)[1]
        return ops.cond(square, lambda: ops.swapaxes(scores, -2, -1), lambda: scores)


class SecondItemSeesTheFirst(AttentionLayer):
    """Gives the second item of the batch the keys of the first."""

    def compute_scores(self, query, key):
        second = (ops.arange(ops.shape(key)[0]) == 1)[:, None, None]
        return super().compute_scores(query, ops.where(second, key[:1], key))


class LastItemUnmasked(AttentionLayer):
    """Shows every key to the last item of a batch of several."""

    def compute_visible(self, scores, masks, causal):
        visible = super().compute_visible(scores, masks, causal)
        B = ops.shape(scores)[0]
        last = ops.logical_and(ops.arange(B) == B - 1, B > 1)[:, None, None]
        return None if visible is None else ops.logical_or(visible, last)


class SingleItemUnmasked(AttentionLayer):
    """Shows every key where the batch has a single item."""

    def compute_visible(self, scores, masks, causal):
        visible = super().compute_visible(scores, masks, causal)
        return None if visible is None else ops.logical_or(visible, ops.shape(scores)[0] == 1)


class NoKeysGiveNaN(AttentionLayer):
    """Answers NaN where there are no keys at all."""

    def compute_output(self, weights, value, training):
        output = super().compute_output(weights, value, training)
        return ops.where(ops.shape(value)[1] == 0, float("nan"), output)


class SinglePositionUnmasked(SelfAttention):
    """Ignores the mask of a sequence of one."""

    def call(self, x, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        if mask is not None:
            mask = ops.logical_or(ops.cast(mask, "bool"), ops.shape(x)[1] == 1)
        return super().call(x, mask, training, return_attention_scores, use_causal_mask)


class WideProjectionCutShort(SelfAttention):
    """Ignores the last unit of the queries where they are wider than the input."""

    def project(self, x, W, b):
        projected = super().project(x, W, b)
        if W is self.W_q and W.shape[1] > W.shape[0]:
            return ops.where(ops.arange(W.shape[1]) < W.shape[1] - 1, projected, 0)
        return projected


class DepthPast64Ignored(AttentionLayer):
    """Ignores what queries and keys hold past a depth of 64."""

    def compute_scores(self, query, key):
        return super().compute_scores(query[..., :64], key[..., :64])


class KeysPast256Ignored(AttentionLayer):
    """Ignores every key after the 256th."""

    def compute_visible(self, scores, masks, causal):
        visible = super().compute_visible(scores, masks, causal)
        first = (ops.arange(ops.shape(scores)[-1]) < 256)[None, None, :]
        return first if visible is None else ops.logical_and(visible, first)


class SixteenMasksForAll(AttentionLayer):
    """Uses the masks of the first sixteen items of a batch for those that follow."""

    def compute_visible(self, scores, masks, causal):
        items = ops.arange(ops.shape(scores)[0]) % 16
        masks = [None if mask is None else ops.take(mask, items, axis=0) for mask in masks]
        return super().compute_visible(scores, masks, causal)


class UnscaledWhereAGraphKnowsSizes(AttentionLayer):
    """Forgets the scale in a graph that is traced for its sizes."""

    def compute_scores(self, query, key):
        if hasattr(query, "graph") and None not in query.shape:
            return ops.matmul(query, ops.swapaxes(key, -2, -1))
        return super().compute_scores(query, key)


class HeadsUnscaledWithKnownSizes(keras.layers.MultiHeadAttention):
    """Forgets the scale of heads in a graph that is traced for its sizes."""

    def _compute_attention(self, query, key, value, *args, **kwargs):
        if hasattr(query, "graph") and None not in query.shape:
            query = query * self.key_dim**0.5
        return super()._compute_attention(query, key, value, *args, **kwargs)
