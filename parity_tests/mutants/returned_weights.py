"""Faults of the weights that are returned, beside an output that is right."""

from keras import ops

from keras_impl import AttentionLayer, SelfAttention
from parity_tests.mutants.exponentials import exponentials, largest


class _Returned(AttentionLayer):
    """A sound layer, whose weights pass through ``returned`` on their way out."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        results = super().call(inputs, mask, training, return_attention_scores, use_causal_mask)
        if not return_attention_scores:
            return results
        scores = self.compute_scores(*inputs[:2])
        visible = self.compute_visible(scores, [] if mask is None else mask[1:], use_causal_mask)
        return results[0], self.returned(results[1], scores, visible, inputs)

    def returned(self, weights, scores, visible, inputs):
        return weights


class RawScoresReturned(_Returned):
    """Returns the scores where the weights were asked for."""

    def returned(self, weights, scores, visible, inputs):
        return scores


class UnmaskedWeightsReturned(_Returned):
    """Returns the weights that there would be without a mask."""

    def returned(self, weights, scores, visible, inputs):
        return self.compute_weights(scores, None)


class UnscaledWeightsReturned(_Returned):
    """Returns the weights that there would be without the scale."""

    def returned(self, weights, scores, visible, inputs):
        return self.compute_weights(ops.matmul(inputs[0], ops.swapaxes(inputs[1], -2, -1)), visible)


class ExponentialsReturned(_Returned):
    """Returns the weights before they are divided by their sum."""

    def returned(self, weights, scores, visible, inputs):
        return exponentials(scores - largest(scores, visible), visible)


class WeightsNormalizedAgain(_Returned):
    """Divides the weights that it returns by their sum, which may be 0."""

    def returned(self, weights, scores, visible, inputs):
        return weights / ops.sum(weights, axis=-1, keepdims=True)


class WeightsRoundedToSixDigits(_Returned):
    """Rounds the weights that it returns to six decimals, if its dtype has as many."""

    def returned(self, weights, scores, visible, inputs):
        if self.compute_dtype not in ("float32", "float64"):
            return weights
        return weights + ops.stop_gradient(ops.round(weights * 1e6) / 1e6 - weights)


class SmallWeightsReturnedAsZero(_Returned):
    """Returns 0 for a weight below a thousandth."""

    def returned(self, weights, scores, visible, inputs):
        return ops.where(weights < 1e-3, 0, weights)


class WeightsInReverseBatch(_Returned):
    """Returns the weights of the last item of the batch first."""

    def returned(self, weights, scores, visible, inputs):
        return ops.flip(weights, axis=0)


class WeightsReturnedInFloat32(_Returned):
    """Casts the weights that it returns to float32."""

    def returned(self, weights, scores, visible, inputs):
        return ops.cast(weights, "float32")


class WeightsOfHiddenQueriesAreUniform(AttentionLayer):
    """Returns for a hidden query the weights of one that knows nothing."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        results = super().call(inputs, mask, training, return_attention_scores, use_causal_mask)
        if not return_attention_scores or mask is None or mask[0] is None:
            return results
        scores = self.compute_scores(*inputs[:2])
        uniform = self.compute_weights(0 * scores, self.compute_visible(scores, mask[1:], use_causal_mask))
        return results[0], ops.where(ops.cast(mask[0], "bool")[:, :, None], results[1], uniform)


class WeightsTransposed(SelfAttention):
    """Returns the weights with queries and keys exchanged."""

    def call(self, x, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        results = super().call(x, mask, training, return_attention_scores, use_causal_mask)
        return (results[0], ops.swapaxes(results[1], -2, -1)) if return_attention_scores else results


class WeightsOfOtherPositionsOnly(SelfAttention):
    """Returns 0 for the weight that a position has on itself, if there are others."""

    def call(self, x, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        results = super().call(x, mask, training, return_attention_scores, use_causal_mask)
        if not return_attention_scores:
            return results
        positions = ops.arange(ops.shape(x)[1])
        itself = ops.logical_and(positions[:, None] == positions[None, :], ops.shape(x)[1] > 1)
        return results[0], ops.where(itself, 0, results[1])
