"""Faults of attention pooling: its scores, its mask, its gradients."""

from keras import ops

from keras_impl import AttentionPooling


class AllPositionsAlike(AttentionPooling):
    """Averages the positions evenly."""

    def compute_scores(self, x):
        return ops.zeros_like(x[..., 0])


class TanhForgotten(AttentionPooling):
    """Compares with the context what tanh was not taken of."""

    def compute_scores(self, x):
        projected = ops.matmul(x, self.W_a)
        projected = projected if self.b_a is None else projected + self.b_a
        return ops.squeeze(ops.matmul(projected, self.context[:, None]), -1)


class BiasAfterTanh(AttentionPooling):
    """Adds the bias after tanh."""

    def compute_scores(self, x):
        hidden = ops.tanh(ops.matmul(x, self.W_a))
        hidden = hidden if self.b_a is None else hidden + self.b_a
        return ops.squeeze(ops.matmul(hidden, self.context[:, None]), -1)


class PoolingScaled(AttentionPooling):
    """Divides the scores by the root of the units, as scaled attention does."""

    def compute_scores(self, x):
        return super().compute_scores(x) * self.W_a.shape[-1] ** -0.5


class PaddingPooled(AttentionPooling):
    """Ignores the mask."""

    def compute_weights(self, scores, visible):
        return super().compute_weights(scores, None)


class PaddingTakesItsShare(AttentionPooling):
    """Sets the weights of padding to 0 after the softmax, so that the others do not sum to 1."""

    def compute_weights(self, scores, visible):
        weights = super().compute_weights(scores, None)
        return weights if visible is None else ops.where(visible, weights, 0)


class PaddingScoresZero(AttentionPooling):
    """Gives padding the score 0."""

    def compute_weights(self, scores, visible):
        return super().compute_weights(scores if visible is None else ops.where(visible, scores, 0), None)


class EmptySequencesAreNaN(AttentionPooling):
    """Hides padding by minus infinity, also where there is nothing else."""

    def compute_weights(self, scores, visible):
        return ops.softmax(scores if visible is None else ops.where(visible, scores, -float("inf")))


class ContextGradientLost(AttentionPooling):
    """Lets no gradient reach the context."""

    def compute_scores(self, x):
        projected = ops.matmul(x, self.W_a)
        hidden = ops.tanh(projected if self.b_a is None else projected + self.b_a)
        return ops.squeeze(ops.matmul(hidden, ops.stop_gradient(self.context[:, None])), -1)


class NoGradientThroughTheScores(AttentionPooling):
    """Lets the input receive no gradient through the scores."""

    def compute_scores(self, x):
        return super().compute_scores(ops.stop_gradient(x))


class PoolingForgetsItsBias(AttentionPooling):
    """Does not say in its configuration that it has no bias."""

    def get_config(self):
        return {**super().get_config(), "use_bias": True}


class PoolingHandsItsMaskOn(AttentionPooling):
    """Says of a vector which of its positions are padding."""

    def compute_mask(self, x, mask=None):
        return mask
