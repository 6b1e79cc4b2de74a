"""The gallery of wrong layers: each is a sound one with a single fault, and the check must find it."""

import keras
from keras import ops

import keras_impl


class LogitsSquared(keras_impl.AttentionLayer):
    """Multiplies the scores by themselves instead of by the scale, as Keras once did."""

    def compute_scores(self, query, key):
        scores = ops.matmul(query, ops.swapaxes(key, -2, -1))
        return scores * scores


class ScaleOffByOnePerMille(keras_impl.AttentionLayer):
    """Multiplies the scores by 1.001."""

    def compute_scores(self, query, key):
        return 1.001 * super().compute_scores(query, key)


class ScaleByTheNumberOfKeys(keras_impl.AttentionLayer):
    """Scales by the number of keys instead of the depth."""

    def compute_scores(self, query, key):
        scores = ops.matmul(query, ops.swapaxes(key, -2, -1))
        return scores * max(1, key.shape[1]) ** -0.5 if self.scaled else scores


class SoftmaxOverQueries(keras_impl.AttentionLayer):
    """Normalizes over the queries instead of the keys."""

    def compute_weights(self, scores, visible):
        return ops.swapaxes(super().compute_weights(ops.swapaxes(scores, -2, -1), None), -2, -1)


class GlobalShift(keras_impl.AttentionLayer):
    """Shifts all scores by the largest of the batch, against which low rows underflow to 0 / 0."""

    def compute_weights(self, scores, visible):
        exponentials = ops.exp(scores - ops.max(scores, initial=-1e4))
        if visible is not None:
            exponentials = ops.where(visible, exponentials, 0)
        return exponentials / ops.sum(exponentials, axis=-1, keepdims=True)


class MaskTooSmall(keras_impl.AttentionLayer):
    """Takes 30 away from the scores of hidden keys, which a large score survives."""

    def compute_weights(self, scores, visible):
        return ops.softmax(scores if visible is None else ops.where(visible, scores, scores - 30))


class MaskAfterSoftmax(keras_impl.AttentionLayer):
    """Sets hidden weights to 0 after the softmax, so that a row no longer sums to 1."""

    def compute_weights(self, scores, visible):
        weights = ops.softmax(scores)
        return weights if visible is None else ops.where(visible, weights, 0)


class MaskOfTheFirstItem(keras_impl.AttentionLayer):
    """Uses the mask of the first item of the batch for all."""

    def compute_weights(self, scores, visible):
        return super().compute_weights(scores, None if visible is None else visible[:1])


class CausalOffByOne(keras_impl.AttentionLayer):
    """Lets each query see the key after its own position too."""

    def compute_visible(self, scores, masks, causal):
        visible = super().compute_visible(scores, masks, False)
        if not causal:
            return visible
        _, T, S = ops.shape(scores)
        shown = (ops.arange(S)[None, :] <= ops.arange(T)[:, None] + 1)[None]
        return shown if visible is None else ops.logical_and(visible, shown)


class CausalDropsTheMask(keras_impl.AttentionLayer):
    """Forgets the key mask when the causal mask is asked for."""

    def compute_visible(self, scores, masks, causal):
        return super().compute_visible(scores, [] if causal else masks, causal)


class RawScoresReturned(keras_impl.AttentionLayer):
    """Returns the scores where the weights were asked for."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        output = super().call(inputs, mask, training, False, use_causal_mask)
        return (output, self.compute_scores(*inputs[:2])) if return_attention_scores else output


class OtherOutputWithoutWeights(keras_impl.AttentionLayer):
    """Forgets the scale where the weights are not asked for."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        if return_attention_scores or not self.scaled:
            return super().call(inputs, mask, training, return_attention_scores, use_causal_mask)
        query, *others = inputs
        return super().call([query * query.shape[-1] ** 0.5, *others], mask, training, False, use_causal_mask)


class KeysPastEightIgnored(keras_impl.AttentionLayer):
    """Ignores every key after the eighth."""

    def compute_visible(self, scores, masks, causal):
        visible = super().compute_visible(scores, masks, causal)
        first = (ops.arange(ops.shape(scores)[-1]) < 8)[None, None, :]
        return first if visible is None else ops.logical_and(visible, first)


class QueryMaskIgnored(keras_impl.AttentionLayer):
    """Gives hidden queries an output."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        mask = None if mask is None else [None, *mask[1:]]
        return super().call(inputs, mask, training, return_attention_scores, use_causal_mask)


class HalfPrecisionInside(keras_impl.AttentionLayer):
    """Rounds the weights to float16 on the way."""

    def compute_weights(self, scores, visible):
        weights = super().compute_weights(scores, visible)
        return ops.cast(ops.cast(weights, "float16"), weights.dtype)


class WeightsTooSmall(keras_impl.AttentionLayer):
    """Divides the weights by 1 + 1e-5."""

    def compute_weights(self, scores, visible):
        weights = super().compute_weights(scores, visible)
        return weights / (1 + 1e-5)


class ValueGradientStopped(keras_impl.AttentionLayer):
    """Lets no gradient through to the values."""

    def compute_output(self, weights, value, training):
        return super().compute_output(weights, ops.stop_gradient(value), training)


class KeyGradientHalved(keras_impl.AttentionLayer):
    """Lets only half of the gradient through to the keys."""

    def compute_scores(self, query, key):
        return super().compute_scores(query, (key + ops.stop_gradient(key)) / 2)


class WeightsGradientStopped(keras_impl.AttentionLayer):
    """Returns weights that no gradient reaches."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        results = super().call(inputs, mask, training, return_attention_scores, use_causal_mask)
        return (results[0], ops.stop_gradient(results[1])) if return_attention_scores else results


class AnswersInFloat32(keras_impl.AttentionLayer):
    """Casts the output to float32, whatever it was asked for."""

    def compute_output(self, weights, value, training):
        return ops.cast(super().compute_output(weights, value, training), "float32")


class ForgetsScaled(keras_impl.AttentionLayer):
    """Does not save whether it scales."""

    def get_config(self):
        return {**super().get_config(), "scaled": False}


class KeysProjectedAsQueries(keras_impl.SelfAttention):
    """Projects the keys by the weights of the queries."""

    def project(self, x, W, b):
        return super().project(x, self.W_q if W is self.W_k else W, b)


class QueryWeightsTransposed(keras_impl.SelfAttention):
    """Transposes the weights of the queries if they are square."""

    def project(self, x, W, b):
        square = W is self.W_q and W.shape[0] == W.shape[1]
        return super().project(x, ops.transpose(W) if square else W, b)


class MaskOfKeysOnly(keras_impl.SelfAttention):
    """Gives hidden positions an output."""

    def call(self, x, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        query, key, value = (self.project(x, W, None) for W in (self.W_q, self.W_k, self.W_v))
        return self.attention(
            [query, key, value],
            mask=None if mask is None else [None, mask, mask],
            return_attention_scores=return_attention_scores,
            use_causal_mask=use_causal_mask,
        )


class ValueWeightsFrozen(keras_impl.SelfAttention):
    """Lets no gradient through to the weights of the values."""

    def project(self, x, W, b):
        return super().project(x, ops.stop_gradient(W) if W is self.W_v else W, b)


class ScaleOfTheInput(keras_impl.SelfAttention):
    """Scales by the size of the input instead of the projection's."""

    def project(self, x, W, b):
        projected = super().project(x, W, b)
        if W is self.W_q and self.attention.scaled:
            return projected * (projected.shape[-1] / x.shape[-1]) ** 0.5
        return projected


class ForgetsUnits(keras_impl.SelfAttention):
    """Does not save the size of its projections."""

    def get_config(self):
        return {**super().get_config(), "units": None}


GALLERY = {
    name: fault
    for name, fault in list(globals().items())
    if isinstance(fault, type) and issubclass(fault, keras.layers.Layer) and fault.__module__ == __name__
}
