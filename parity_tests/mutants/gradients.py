"""Faults of the gradients alone: every result is right."""

from keras import ops

from keras_impl import AttentionLayer, SelfAttention


def with_gradient(x, factor):
    """``x``, to the bit, with its gradient multiplied by a factor."""
    return ops.stop_gradient(x) + factor * (x - ops.stop_gradient(x))


def with_changed_gradient(x, change):
    """``x``, with ``change`` applied to its gradient."""

    @ops.custom_gradient
    def identity(x):
        def gradient(*arguments, upstream=None):
            return change(arguments[0] if upstream is None else upstream)

        return x, gradient

    return identity(x)


class QueryGradientReversed(AttentionLayer):
    """Turns the sign of the gradient of the queries."""

    def compute_scores(self, query, key):
        return super().compute_scores(with_gradient(query, -1), key)


class KeyGradientHalved(AttentionLayer):
    """Lets only half of the gradient through to the keys."""

    def compute_scores(self, query, key):
        return super().compute_scores(query, (key + ops.stop_gradient(key)) / 2)


class KeyGradientOfTheFirstItem(AttentionLayer):
    """Gives all items of the batch the gradient of the first one's keys."""

    def compute_scores(self, query, key):
        return super().compute_scores(query, with_changed_gradient(key, lambda d_key: 0 * d_key + d_key[:1]))


class KeyGradientWithoutTheLastQuery(AttentionLayer):
    """Leaves the last of several queries out of the gradient of the keys."""

    def compute_scores(self, query, key):
        T = ops.shape(query)[1]
        last = ops.logical_and(ops.arange(T) == T - 1, T > 1)[:, None]
        scores = super().compute_scores(query, key)
        return ops.where(last, super().compute_scores(query, ops.stop_gradient(key)), scores)


class ValueGradientStopped(AttentionLayer):
    """Lets no gradient through to the values."""

    def compute_output(self, weights, value, training):
        return super().compute_output(weights, ops.stop_gradient(value), training)


class ValueGradientRoundedToBfloat16(AttentionLayer):
    """Rounds the gradient of the values to bfloat16."""

    def compute_output(self, weights, value, training):
        def rounded(d_value):
            return ops.cast(ops.cast(d_value, "bfloat16"), d_value.dtype)

        return super().compute_output(weights, with_changed_gradient(value, rounded), training)


class ValueGradientLostWhenTraced(AttentionLayer):
    """Lets no gradient through to the values if their number is not known before the model runs."""

    def compute_output(self, weights, value, training):
        return super().compute_output(weights, ops.stop_gradient(value) if value.shape[1] is None else value, training)


class WeightsGradientStopped(AttentionLayer):
    """Returns weights that no gradient reaches."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        results = super().call(inputs, mask, training, return_attention_scores, use_causal_mask)
        return (results[0], ops.stop_gradient(results[1])) if return_attention_scores else results


class ScoresGradientOnlyOfTheWeights(AttentionLayer):
    """Lets no gradient of the output through to the weights."""

    def compute_output(self, weights, value, training):
        return super().compute_output(ops.stop_gradient(weights), value, training)


class SoftmaxGradientWithoutTheMean(AttentionLayer):
    """Forgets in the gradient of the softmax to subtract the mean."""

    def compute_weights(self, scores, visible):
        weights = ops.stop_gradient(super().compute_weights(scores, visible))
        return weights + weights * (scores - ops.stop_gradient(scores))


class SoftmaxGradientOffByOnePerMille(AttentionLayer):
    """Multiplies the gradient of the scores by 1.001."""

    def compute_weights(self, scores, visible):
        return super().compute_weights(with_gradient(scores, 1.001), visible)


class SoftmaxGradientOffPastEightKeys(AttentionLayer):
    """Multiplies the gradient of the scores by 1.001 where there are more than eight keys."""

    def compute_weights(self, scores, visible):
        off = with_gradient(scores, 1.001)
        return super().compute_weights(ops.where(ops.shape(scores)[-1] > 8, off, scores), visible)


class ScaleMissingInTheGradient(AttentionLayer):
    """Forgets the scale in the gradient of the queries."""

    def compute_scores(self, query, key):
        return super().compute_scores(with_gradient(query, key.shape[-1] ** 0.5) if self.scaled else query, key)


class GradientClipped(AttentionLayer):
    """Clips the gradient of the scores at 1."""

    def compute_weights(self, scores, visible):
        return super().compute_weights(with_changed_gradient(scores, lambda d: ops.clip(d, -1, 1)), visible)


class SmallGradientsDropped(AttentionLayer):
    """Takes a gradient of a score below a millionth for 0."""

    def compute_weights(self, scores, visible):
        def dropped(d_scores):
            return ops.where(ops.abs(d_scores) < 1e-6, 0, d_scores)

        return super().compute_weights(with_changed_gradient(scores, dropped), visible)


class HiddenKeysHaveGradients(AttentionLayer):
    """Sends hidden keys a thousandth of a gradient."""

    def compute_weights(self, scores, visible):
        weights = super().compute_weights(scores, visible)
        if visible is None:
            return weights
        hidden = ops.where(visible, 0, scores)
        return weights + (hidden - ops.stop_gradient(hidden)) / 1000


class HiddenQueriesHaveGradients(AttentionLayer):
    """Sets the output of hidden queries to 0, but not its gradient."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        if mask is None or mask[0] is None:
            return super().call(inputs, mask, training, return_attention_scores, use_causal_mask)
        results = super().call(inputs, [None, *mask[1:]], training, return_attention_scores, use_causal_mask)
        output, *weights = results if return_attention_scores else (results,)
        leak = output - ops.stop_gradient(output)
        output = ops.where(ops.cast(mask[0], "bool")[:, :, None], output, leak)
        return (output, *weights) if return_attention_scores else output


class ValueWeightsFrozen(SelfAttention):
    """Lets no gradient through to the weights of the values."""

    def project(self, x, W, b):
        return super().project(x, ops.stop_gradient(W) if W is self.W_v else W, b)


class QueryWeightsGradientHalved(SelfAttention):
    """Halves the gradient of the weights of the queries."""

    def project(self, x, W, b):
        return super().project(x, with_gradient(ops.convert_to_tensor(W), 0.5) if W is self.W_q else W, b)


class KeyWeightsGradientOfTheFirstItem(SelfAttention):
    """Takes the gradient of the weights of the keys from the first item of the batch alone."""

    def project(self, x, W, b):
        projected = super().project(x, W, b)
        if W is not self.W_k:
            return projected
        first = (ops.arange(ops.shape(x)[0]) == 0)[:, None, None]
        return ops.where(first, projected, super().project(x, ops.stop_gradient(ops.convert_to_tensor(W)), b))


class InputGradientWithoutTheKeys(SelfAttention):
    """Lets no gradient through the keys to the input."""

    def project(self, x, W, b):
        return super().project(ops.stop_gradient(x) if W is self.W_k else x, W, b)


class ValueBiasFrozen(SelfAttention):
    """Lets no gradient through to the bias of the values."""

    def project(self, x, W, b):
        return super().project(x, W, ops.stop_gradient(b) if b is not None and W is self.W_v else b)


class QueryBiasGradientAveraged(SelfAttention):
    """Divides the gradient of the bias of the queries by their number."""

    def project(self, x, W, b):
        if b is None or W is not self.W_q:
            return super().project(x, W, b)
        count = ops.cast(ops.maximum(ops.shape(x)[1], 1), self.compute_dtype)
        return super().project(x, W, with_gradient(ops.convert_to_tensor(b), 1 / count))
