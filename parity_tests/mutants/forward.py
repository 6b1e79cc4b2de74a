"""Faults of the formula: the scale, the softmax, the order of arguments, layouts, projections."""

from keras import ops

from keras_impl import AttentionLayer, SelfAttention


class LogitsSquared(AttentionLayer):
    """Multiplies the scores by themselves instead of by the scale, as Keras once did."""

    def compute_scores(self, query, key):
        scores = ops.matmul(query, ops.swapaxes(key, -2, -1))
        return scores * scores


class ScaleOffByOnePerMille(AttentionLayer):
    """Multiplies the scores by 1.001."""

    def compute_scores(self, query, key):
        return 1.001 * super().compute_scores(query, key)


class ScaleMissing(AttentionLayer):
    """Takes the argument scaled, and does not scale."""

    def compute_scores(self, query, key):
        return ops.matmul(query, ops.swapaxes(key, -2, -1))


class ScaleAppliedTwice(AttentionLayer):
    """Scales the queries, and their scores once more."""

    def compute_scores(self, query, key):
        return super().compute_scores(query * query.shape[-1] ** -0.5 if self.scaled else query, key)


class ScaleUnasked(AttentionLayer):
    """Scales where it should not, from a depth of 8 on."""

    def compute_scores(self, query, key):
        scores = super().compute_scores(query, key)
        return scores if self.scaled or key.shape[-1] < 8 else scores * key.shape[-1] ** -0.5


class ScaleRoundedToThreeDigits(AttentionLayer):
    """Rounds the scale to three decimals, which is right for depths of 1, 4 and 16."""

    def compute_scores(self, query, key):
        scores = ops.matmul(query, ops.swapaxes(key, -2, -1))
        return scores * round(key.shape[-1] ** -0.5, 3) if self.scaled else scores


class ScaleByTheNumberOfKeys(AttentionLayer):
    """Scales by the number of keys instead of the depth."""

    def compute_scores(self, query, key):
        scores = ops.matmul(query, ops.swapaxes(key, -2, -1))
        count = ops.cast(ops.maximum(ops.shape(key)[1], 1), scores.dtype)
        return scores / ops.sqrt(count) if self.scaled else scores


class ScaleOfTheValues(AttentionLayer):
    """Scales by the depth of the values instead of that of the keys."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        query, key, value = inputs
        if self.scaled:
            query = query * (key.shape[-1] / max(1, value.shape[-1])) ** 0.5
        return super().call([query, key, value], mask, training, return_attention_scores, use_causal_mask)


class SoftmaxOverQueries(AttentionLayer):
    """Normalizes over the queries instead of the keys."""

    def compute_weights(self, scores, visible):
        return ops.swapaxes(super().compute_weights(ops.swapaxes(scores, -2, -1), None), -2, -1)


class SoftmaxOfAbsoluteScores(AttentionLayer):
    """Takes a score of less than -8 for its absolute value."""

    def compute_scores(self, query, key):
        scores = super().compute_scores(query, key)
        return ops.where(scores < -8, -scores, scores)


class KeyAndValueSwapped(AttentionLayer):
    """Takes its inputs in Keras's order, query, value, key, if these have one depth."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        query, key, value = inputs
        if key.shape[-1] == value.shape[-1]:
            key, value = value, key
        return super().call([query, key, value], mask, training, return_attention_scores, use_causal_mask)


class KeysReshaped(AttentionLayer):
    """Reshapes the keys where it should transpose them, which is right for one key or a depth of 1."""

    def compute_scores(self, query, key):
        B, S, d_k = ops.shape(key)
        return super().compute_scores(query, ops.swapaxes(ops.reshape(key, (B, d_k, S)), -2, -1))


class OutputReshaped(AttentionLayer):
    """Reshapes (B, d_v, T) to (B, T, d_v) where it should transpose it."""

    def compute_output(self, weights, value, training):
        output = super().compute_output(weights, value, training)
        return ops.reshape(ops.swapaxes(output, -2, -1), ops.shape(output))


class OtherOutputWithoutWeights(AttentionLayer):
    """Forgets the scale where the weights are not asked for."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        if return_attention_scores or not self.scaled:
            return super().call(inputs, mask, training, return_attention_scores, use_causal_mask)
        query, *others = inputs
        return super().call([query * query.shape[-1] ** 0.5, *others], mask, training, False, use_causal_mask)


class QueryAndKeyExchanged(SelfAttention):
    """Projects the queries by the weights of the keys, and the keys by those of the queries."""

    def project(self, x, W, b):
        if W is self.W_q:
            return super().project(x, self.W_k, self.b_k)
        return super().project(x, self.W_q, self.b_q) if W is self.W_k else super().project(x, W, b)


class KeysProjectedAsQueries(SelfAttention):
    """Projects the keys by the weights of the queries."""

    def project(self, x, W, b):
        return super().project(x, self.W_q if W is self.W_k else W, b)


class QueryWeightsTransposed(SelfAttention):
    """Transposes the weights of the queries if they are square."""

    def project(self, x, W, b):
        square = W is self.W_q and W.shape[0] == W.shape[1]
        return super().project(x, ops.transpose(W) if square else W, b)


class ValuesNotProjected(SelfAttention):
    """Averages the input itself where it has the size of its projection."""

    def project(self, x, W, b):
        projected = super().project(x, W, b)
        unprojected = W is self.W_v and W.shape[0] == W.shape[1]
        return x + 0 * projected if unprojected else projected


class ValuesOfTheProjectedKeys(SelfAttention):
    """Projects the keys instead of the input to values, if the weights are square."""

    def project(self, x, W, b):
        if W is self.W_v and W.shape[0] == W.shape[1]:
            x = super().project(x, self.W_k, self.b_k)
        return super().project(x, W, b)


class ScaleOfTheInput(SelfAttention):
    """Scales by the size of the input instead of the projection's."""

    def project(self, x, W, b):
        projected = super().project(x, W, b)
        if W is self.W_q and self.attention.scaled:
            return projected * (projected.shape[-1] / x.shape[-1]) ** 0.5
        return projected
