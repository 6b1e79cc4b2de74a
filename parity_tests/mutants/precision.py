"""Faults that lose digits: shorter dtypes on the way, answers in another one, small constants."""

from keras import ops

from keras_impl import AttentionLayer, SelfAttention
from parity_tests.mutants.exponentials import exponentials, largest


def _rounded(x, dtype):
    return ops.cast(ops.cast(x, dtype), x.dtype)


class HalfPrecisionInside(AttentionLayer):
    """Rounds the weights to float16 on the way."""

    def compute_weights(self, scores, visible):
        return _rounded(super().compute_weights(scores, visible), "float16")


class ScoresInBfloat16(AttentionLayer):
    """Rounds the scores to bfloat16."""

    def compute_scores(self, query, key):
        return _rounded(super().compute_scores(query, key), "bfloat16")


class ScoresInFloat32(AttentionLayer):
    """Computes the scores in float32, which is too short for float64."""

    def compute_scores(self, query, key):
        scores = super().compute_scores(query, key)
        return _rounded(scores, "float32") if self.compute_dtype == "float64" else scores


class SoftmaxInFloat32(AttentionLayer):
    """Computes the softmax in float32, whatever comes in."""

    def compute_weights(self, scores, visible):
        return ops.cast(super().compute_weights(ops.cast(scores, "float32"), visible), scores.dtype)


class QueriesInTf32(AttentionLayer):
    """Keeps of a float32 query the eleven digits that a tensor core keeps."""

    def compute_scores(self, query, key):
        if self.compute_dtype == "float32":
            spread = query * (2**13 + 1)
            query = query + ops.stop_gradient(spread - (spread - query) - query)
        return super().compute_scores(query, key)


class ValuesInBfloat16(AttentionLayer):
    """Rounds the values to bfloat16."""

    def compute_output(self, weights, value, training):
        return super().compute_output(weights, _rounded(value, "bfloat16"), training)


class OutputInBfloat16(AttentionLayer):
    """Rounds the output to bfloat16."""

    def compute_output(self, weights, value, training):
        return _rounded(super().compute_output(weights, value, training), "bfloat16")


class LongSequencesInBfloat16(AttentionLayer):
    """Multiplies in bfloat16 where there are more than 32 keys."""

    def compute_scores(self, query, key):
        short = super().compute_scores(_rounded(query, "bfloat16"), _rounded(key, "bfloat16"))
        return ops.where(ops.shape(key)[1] > 32, short, super().compute_scores(query, key))


class NormalizedInHalf(AttentionLayer):
    """Rounds the sum of the exponentials to bfloat16."""

    def compute_weights(self, scores, visible):
        parts = exponentials(scores - largest(scores, visible), visible)
        total = _rounded(ops.sum(parts, axis=-1, keepdims=True), "bfloat16")
        return parts / ops.where(total == 0, 1, total)


class EpsilonInTheDenominator(AttentionLayer):
    """Adds 1e-7 to the sum of the exponentials."""

    def compute_weights(self, scores, visible):
        parts = exponentials(scores - largest(scores, visible), visible)
        return parts / (ops.sum(parts, axis=-1, keepdims=True) + 1e-7)


class WeightsTooSmall(AttentionLayer):
    """Divides the weights by 1 + 1e-5."""

    def compute_weights(self, scores, visible):
        weights = super().compute_weights(scores, visible)
        return weights / (1 + 1e-5)


class WeightsTooLargeByAMillionth(AttentionLayer):
    """Multiplies the weights by 1 + 1e-6."""

    def compute_weights(self, scores, visible):
        return super().compute_weights(scores, visible) * (1 + 1e-6)


class ScaleInHalf(AttentionLayer):
    """Rounds the scale to bfloat16, which is right for depths of 1, 4 and 16."""

    def compute_scores(self, query, key):
        scores = ops.matmul(query, ops.swapaxes(key, -2, -1))
        if not self.scaled:
            return scores
        return scores * ops.cast(ops.cast(key.shape[-1] ** -0.5, "bfloat16"), scores.dtype)


class AnswersInFloat32(AttentionLayer):
    """Casts the output to float32, whatever it was asked for."""

    def compute_output(self, weights, value, training):
        return ops.cast(super().compute_output(weights, value, training), "float32")


class ProjectionsInBfloat16(SelfAttention):
    """Rounds the projections to bfloat16."""

    def project(self, x, W, b):
        return _rounded(super().project(x, W, b), "bfloat16")


class ProjectionsInFloat32(SelfAttention):
    """Projects in float32, which is too short for float64."""

    def project(self, x, W, b):
        projected = super().project(x, W, b)
        return _rounded(projected, "float32") if self.compute_dtype == "float64" else projected


class ValueWeightsInHalf(SelfAttention):
    """Rounds the weights of the values to bfloat16, as if they had been saved so."""

    def project(self, x, W, b):
        return super().project(x, _rounded(W, "bfloat16") if W is self.W_v else W, b)
