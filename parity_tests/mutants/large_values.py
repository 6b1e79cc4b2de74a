"""Faults that only large numbers show: overflow, clipping, thresholds."""

from keras import ops

from keras_impl import AttentionLayer, SelfAttention
from parity_tests.mutants.exponentials import exponentials, largest, normalized


class NoShift(AttentionLayer):
    """Takes exponentials of the scores as they are, which overflow."""

    def compute_weights(self, scores, visible):
        return normalized(exponentials(scores, visible))


class NoShiftInFloat16(AttentionLayer):
    """Takes exponentials of the scores as they are in float16, which overflow from 12 on."""

    def compute_weights(self, scores, visible):
        if self.compute_dtype != "float16":
            return super().compute_weights(scores, visible)
        return normalized(exponentials(scores, visible))


class GlobalShift(AttentionLayer):
    """Shifts all scores by the largest of the batch, against which low rows underflow to 0 / 0."""

    def compute_weights(self, scores, visible):
        exponentials = ops.exp(scores - ops.max(scores, initial=-1e4))
        if visible is None:
            return exponentials / ops.sum(exponentials, axis=-1, keepdims=True)
        exponentials = ops.where(visible, exponentials, 0)
        nothing = ~ops.any(visible, axis=-1, keepdims=True)  # whose weights are 0, as they should be
        return exponentials / ops.where(nothing, 1, ops.sum(exponentials, axis=-1, keepdims=True))


class ShiftByHiddenKeys(AttentionLayer):
    """Shifts by the largest score of all keys, hidden ones too, against which the others underflow to 0."""

    def compute_weights(self, scores, visible):
        return normalized(exponentials(scores - largest(scores), visible))


class ShiftByTheFirstKey(AttentionLayer):
    """Shifts by the score of the first key, from which a larger one may be too far."""

    def compute_weights(self, scores, visible):
        return normalized(exponentials(scores - ops.stop_gradient(scores[..., :1]), visible))


class ScoresClipped(AttentionLayer):
    """Clips the scores at 50."""

    def compute_scores(self, query, key):
        return ops.clip(super().compute_scores(query, key), -50, 50)


class ScoresSoftlyCapped(AttentionLayer):
    """Caps the scores at 1000 by a hyperbolic tangent."""

    def compute_scores(self, query, key):
        return 1000 * ops.tanh(super().compute_scores(query, key) / 1000)


class InputsClipped(AttentionLayer):
    """Clips query, key and value at 1000."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        clipped = [ops.clip(tensor, -1000, 1000) for tensor in inputs]
        return super().call(clipped, mask, training, return_attention_scores, use_causal_mask)


class ExponentsClipped(AttentionLayer):
    """Lets no exponent fall below -30, so that no weight is ever very small."""

    def compute_weights(self, scores, visible):
        return normalized(exponentials(ops.maximum(scores - largest(scores, visible), -30), visible))


class SmallWeightsDropped(AttentionLayer):
    """Sets weights below a millionth to 0."""

    def compute_weights(self, scores, visible):
        weights = super().compute_weights(scores, visible)
        return ops.where(weights < 1e-6, 0, weights)


class NearlyOneIsOne(AttentionLayer):
    """Takes a weight above 0.999 for 1."""

    def compute_weights(self, scores, visible):
        weights = super().compute_weights(scores, visible)
        return weights + ops.stop_gradient(ops.where(weights > 0.999, 1 - weights, 0))


class SumTakenForOne(AttentionLayer):
    """Does not divide by a sum of exponentials below 1.0001."""

    def compute_weights(self, scores, visible):
        parts = exponentials(scores - largest(scores, visible), visible)
        return ops.where(ops.sum(parts, axis=-1, keepdims=True) < 1.0001, parts, normalized(parts))


class ProjectionsClipped(SelfAttention):
    """Clips the projections at 100."""

    def project(self, x, W, b):
        return ops.clip(super().project(x, W, b), -100, 100)


class InputTooLargeIgnored(SelfAttention):
    """Takes elements of the input beyond 60 for 0 when it projects the values."""

    def project(self, x, W, b):
        return super().project(ops.where(ops.abs(x) > 60, 0, x) if W is self.W_v else x, W, b)


class HiddenScoresOverflow(AttentionLayer):
    """Takes exponentials of hidden scores too, whose gradients are NaN once they overflow."""

    def compute_weights(self, scores, visible):
        if visible is None:
            return super().compute_weights(scores, None)
        return normalized(ops.where(visible, ops.exp(scores - largest(scores, visible)), 0))
