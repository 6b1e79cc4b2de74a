"""Faults of the masks: of keys, of queries, and of rows that nothing is left of."""

from keras import ops

from keras_impl import AttentionLayer, SelfAttention


class MaskTooSmall(AttentionLayer):
    """Takes 30 away from the scores of hidden keys, which a large score survives."""

    def compute_weights(self, scores, visible):
        return ops.softmax(scores if visible is None else ops.where(visible, scores, scores - 30))


class MaskOfMinusOneThousand(AttentionLayer):
    """Replaces hidden scores by -1000, which hides nothing where the others are lower still."""

    def compute_weights(self, scores, visible):
        if visible is None:
            return super().compute_weights(scores, None)
        anything = ops.any(visible, axis=-1, keepdims=True)
        return ops.where(anything, ops.softmax(ops.where(visible, scores, -1e3)), 0)


class MaskMultiplied(AttentionLayer):
    """Multiplies the scores by the mask, so that hidden keys have the score 0."""

    def compute_weights(self, scores, visible):
        return ops.softmax(scores if visible is None else ops.where(visible, scores, 0))


class MaskAfterSoftmax(AttentionLayer):
    """Sets hidden weights to 0 after the softmax, so that a row no longer sums to 1."""

    def compute_weights(self, scores, visible):
        weights = ops.softmax(scores)
        return weights if visible is None else ops.where(visible, weights, 0)


class MaskOfTheFirstItem(AttentionLayer):
    """Uses the mask of the first item of the batch for all."""

    def compute_weights(self, scores, visible):
        return super().compute_weights(scores, None if visible is None else visible[:1])


class MaskInverted(AttentionLayer):
    """Takes True for hidden."""

    def compute_visible(self, scores, masks, causal):
        inverted = [None if mask is None else ~ops.cast(mask, "bool") for mask in masks]
        return super().compute_visible(scores, inverted, causal)


class MaskTakenForALength(AttentionLayer):
    """Counts the keys that are shown, and shows as many from the first on."""

    def compute_visible(self, scores, masks, causal):
        positions = ops.arange(ops.shape(scores)[-1])
        counts = [None if mask is None else ops.sum(ops.cast(mask, "int32"), -1, keepdims=True) for mask in masks]
        return super().compute_visible(
            scores, [None if count is None else positions[None, :] < count for count in counts], causal
        )


class LastKeyAlwaysShown(AttentionLayer):
    """Shows the last key, whatever its mask says."""

    def compute_visible(self, scores, masks, causal):
        S = ops.shape(scores)[-1]
        last = (ops.arange(S) == S - 1)[None, :]
        shown = [None if mask is None else ops.logical_or(ops.cast(mask, "bool"), last) for mask in masks]
        return super().compute_visible(scores, shown, causal)


class MaskOnlyWithWeights(AttentionLayer):
    """Forgets the key mask where the weights are not asked for."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        if mask is not None and not return_attention_scores:
            mask = [mask[0], None, None]
        return super().call(inputs, mask, training, return_attention_scores, use_causal_mask)


class NothingVisibleIsUniform(AttentionLayer):
    """Lets a query that may attend nothing attend to all keys alike."""

    def compute_weights(self, scores, visible):
        weights = super().compute_weights(scores, visible)
        if visible is None:
            return weights
        return ops.where(ops.any(visible, axis=-1, keepdims=True), weights, ops.softmax(ops.zeros_like(scores)))


class NothingVisibleIsNaN(AttentionLayer):
    """Divides 0 by 0 where a query may attend nothing."""

    def compute_weights(self, scores, visible):
        return ops.softmax(scores if visible is None else ops.where(visible, scores, -float("inf")))


class NothingVisibleHasNaNGradients(AttentionLayer):
    """Replaces the NaN of a query that may attend nothing, but not in the gradient."""

    def compute_weights(self, scores, visible):
        if visible is None:
            return super().compute_weights(scores, None)
        added = ops.cast(ops.where(visible, 0.0, -float("inf")), scores.dtype)
        return ops.where(visible, ops.softmax(scores + added), 0)


class QueryMaskIgnored(AttentionLayer):
    """Gives hidden queries an output."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        mask = None if mask is None else [None, *mask[1:]]
        return super().call(inputs, mask, training, return_attention_scores, use_causal_mask)


class QueryMaskOnTheWeights(AttentionLayer):
    """Sets the weights of hidden queries to 0 too."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        results = super().call(inputs, mask, training, return_attention_scores, use_causal_mask)
        if mask is None or mask[0] is None or not return_attention_scores:
            return results
        return results[0], ops.where(ops.cast(mask[0], "bool")[:, :, None], results[1], 0)


class MaskOfKeysOnly(SelfAttention):
    """Gives hidden positions an output."""

    def call(self, x, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        query, key, value = (
            self.project(x, W, b) for W, b in zip((self.W_q, self.W_k, self.W_v), (self.b_q, self.b_k, self.b_v))
        )
        return self.attention(
            [query, key, value],
            mask=None if mask is None else [None, mask, mask],
            training=training,
            return_attention_scores=return_attention_scores,
            use_causal_mask=use_causal_mask,
        )


class MaskOfQueriesOnly(SelfAttention):
    """Hides the output of hidden positions, but lets others attend to them."""

    def call(self, x, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        results = super().call(x, None, training, return_attention_scores, use_causal_mask)
        if mask is None:
            return results
        output, *weights = results if return_attention_scores else (results,)
        output = ops.where(ops.cast(mask, "bool")[:, :, None], output, 0)
        return (output, *weights) if return_attention_scores else output
