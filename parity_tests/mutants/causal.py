"""Faults of the causal mask, alone and together with that of the keys."""

from keras import ops

from keras_impl import AttentionLayer, SelfAttention


class _Causal(AttentionLayer):
    """A sound layer, whose causal mask comes from ``shown``, given the positions of queries and keys."""

    def compute_visible(self, scores, masks, causal):
        visible = super().compute_visible(scores, masks, False)
        if not causal:
            return visible
        _, T, S = ops.shape(scores)
        shown = self.shown(ops.arange(T)[:, None], ops.arange(S)[None, :], T, S)[None]
        return shown if visible is None else self.joined(visible, shown)

    def shown(self, queries, keys, T, S):
        return keys <= queries

    def joined(self, visible, shown):
        return ops.logical_and(visible, shown)


class CausalOffByOne(_Causal):
    """Lets each query see the key after its own position too."""

    def shown(self, queries, keys, T, S):
        return keys <= queries + 1


class CausalStrict(_Causal):
    """Hides from each query, but the first, the key at its own position."""

    def shown(self, queries, keys, T, S):
        return keys <= ops.maximum(queries - 1, 0)


class CausalBottomRight(_Causal):
    """Lines the last query up with the last key instead of the first with the first."""

    def shown(self, queries, keys, T, S):
        return keys <= queries + (S - T)


class CausalTransposed(_Causal):
    """Shows each query the keys that are not before it."""

    def shown(self, queries, keys, T, S):
        return keys >= queries


class CausalInInt8(_Causal):
    """Counts positions in eight bits, which are not enough from the 129th on."""

    def shown(self, queries, keys, T, S):
        return ops.cast(keys, "int8") <= ops.cast(queries, "int8")


class CausalFromTheSecondBlock(_Causal):
    """Shows each query all keys of its block of four."""

    def shown(self, queries, keys, T, S):
        return keys // 4 <= queries // 4


class CausalOrMask(_Causal):
    """Shows a key that either the causal mask or the key mask shows."""

    def joined(self, visible, shown):
        return ops.logical_or(visible, shown)


class CausalDropsTheMask(AttentionLayer):
    """Forgets the key mask when the causal mask is asked for."""

    def compute_visible(self, scores, masks, causal):
        return super().compute_visible(scores, [] if causal else masks, causal)


class MaskDropsCausal(AttentionLayer):
    """Forgets the causal mask when there is a key mask."""

    def compute_visible(self, scores, masks, causal):
        return super().compute_visible(scores, masks, causal and all(mask is None for mask in masks))


class CausalLostWhenTraced(AttentionLayer):
    """Forgets the causal mask when the number of queries is not known before the model runs."""

    def compute_visible(self, scores, masks, causal):
        return super().compute_visible(scores, masks, causal and scores.shape[1] is not None)


class CausalSkipsTheFirst(SelfAttention):
    """Hides the first position from all, under a causal mask that comes with another."""

    def call(self, x, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        if mask is None or not use_causal_mask:
            return super().call(x, mask, training, return_attention_scores, use_causal_mask)
        query, key, value = (
            self.project(x, W, b) for W, b in ((self.W_q, self.b_q), (self.W_k, self.b_k), (self.W_v, self.b_v))
        )
        shown = ops.logical_and(ops.cast(mask, "bool"), ops.arange(ops.shape(x)[1]) > 0)
        return self.attention(
            [query, key, value],
            mask=[mask, shown, shown],
            training=training,
            return_attention_scores=return_attention_scores,
            use_causal_mask=True,
        )
