"""Faults of additive scores."""

import keras
from keras import ops


class _Concat(keras.layers.Attention):
    """Is wrong in the mode concat alone."""

    kind = "additive_attention"


class QueryForgottenInConcat(_Concat):
    """Takes the query for 0 in the mode concat."""

    def _calculate_scores(self, query, key):
        return super()._calculate_scores(0 * query if self.score_mode == "concat" else query, key)


class ScaleOutsideInConcat(_Concat):
    """Scales the sum over the depth in the mode concat, not what the tanh is taken of."""

    def _calculate_scores(self, query, key):
        if self.score_mode == "dot" or self.scale is None:
            return super()._calculate_scores(query, key)
        bent = ops.tanh(query[:, :, None, :] + key[:, None, :, :])
        return self.scale * self.concat_score_weight * ops.sum(bent, axis=-1)


class ForgetsItsScoreMode(_Concat):
    """Does not save its score_mode, so that a copy is one of dot products."""

    def get_config(self):
        return {name: value for name, value in super().get_config().items() if name != "score_mode"}


class _OtherScores(keras.layers.AdditiveAttention):
    """Computes the scores from sums of queries and keys in another way."""

    def _calculate_scores(self, query, key):
        return self.scored(query[:, :, None, :], key[:, None, :, :], self.scale if self.use_scale else 1.0)


class SumsAveraged(_OtherScores):
    """Takes the mean over the depth, not the sum."""

    def scored(self, query, key, scale):
        return ops.mean(scale * ops.tanh(query + key), axis=-1)


class TanhOfEach(_OtherScores):
    """Adds the tanh of query and key, not the tanh of their sum."""

    def scored(self, query, key, scale):
        return ops.sum(scale * (ops.tanh(query) + ops.tanh(key)), axis=-1)


class KeySubtracted(_OtherScores):
    """Subtracts the key from the query."""

    def scored(self, query, key, scale):
        return ops.sum(scale * ops.tanh(query - key), axis=-1)


class ScaleWithinTheTanh(_OtherScores):
    """Scales what the tanh is taken of."""

    def scored(self, query, key, scale):
        return ops.sum(ops.tanh(scale * (query + key)), axis=-1)


class ScaleOfTheFirstDepth(_OtherScores):
    """Scales all depths by the first number of the scale."""

    def scored(self, query, key, scale):
        scale = scale[:1] if self.use_scale else scale
        return ops.sum(scale * ops.tanh(query + key), axis=-1)


class SoftsignForTanh(_OtherScores):
    """Bends by a softsign."""

    def scored(self, query, key, scale):
        return ops.sum(scale * ops.softsign(query + key), axis=-1)


class SigmoidForTanh(_OtherScores):
    """Bends by a sigmoid, twice as high."""

    def scored(self, query, key, scale):
        return ops.sum(scale * 2 * ops.sigmoid(query + key), axis=-1)


class LastDepthLeftOut(_OtherScores):
    """Leaves the last depth out of the sum, where there are several."""

    def scored(self, query, key, scale):
        terms = scale * ops.tanh(query + key)
        return ops.sum(terms[..., :-1] if terms.shape[-1] != 1 else terms, axis=-1)


class ScaleNotLearned(_OtherScores):
    """Stops the gradient on its way to the scale."""

    def scored(self, query, key, scale):
        return ops.sum(ops.stop_gradient(scale * ops.ones_like(query)) * ops.tanh(query + key), axis=-1)


class SlopeOfTheTanhForgotten(_OtherScores):
    """Lets the gradient through as if nothing had been bent."""

    def scored(self, query, key, scale):
        summed = query + key
        return ops.sum(scale * (summed + ops.stop_gradient(ops.tanh(summed) - summed)), axis=-1)
