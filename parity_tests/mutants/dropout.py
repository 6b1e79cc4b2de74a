"""Faults of dropout: when it drops, what, how much of it, and what becomes of the rest."""

import keras
from keras import ops

from keras_impl import AttentionLayer, SelfAttention
from parity_tests.mutants.dropping import Dropping


class DropoutAtInference(AttentionLayer):
    """Drops weights at inference too."""

    def compute_output(self, weights, value, training):
        return super().compute_output(weights, value, True)


class DropoutIgnored(AttentionLayer):
    """Drops nothing."""

    def compute_output(self, weights, value, training):
        return super().compute_output(weights, value, False)


class DroppedNotRescaled(Dropping):
    """Leaves the weights that are kept as they are."""

    def dropped(self, weights):
        return super().dropped(weights) * (1 - self.dropout)


class DroppedRescaledByTheRate(Dropping):
    """Divides the weights that are kept by the rate, which is right for a half."""

    def dropped(self, weights):
        return super().dropped(weights) * ((1 - self.dropout) / self.dropout)


class DropoutBeforeTheSoftmax(AttentionLayer):
    """Drops scores, so that what remains sums to 1 without being rescaled."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        if not training or not self.dropout or return_attention_scores:
            return super().call(inputs, mask, training, return_attention_scores, use_causal_mask)
        query_mask, *hiding = (None, None, None) if mask is None else mask
        scores = self.compute_scores(*inputs[:2])
        dropped = keras.random.dropout(ops.ones_like(scores), self.dropout, seed=self.seed_generator) == 0
        visible = self.compute_visible(scores, hiding, use_causal_mask)
        visible = ~dropped if visible is None else ops.logical_and(visible, ~dropped)
        output = self.compute_output(self.compute_weights(scores, visible), inputs[2], False)
        return output if query_mask is None else ops.where(ops.cast(query_mask, "bool")[:, :, None], output, 0)


class DropoutOfTheOutput(AttentionLayer):
    """Drops elements of the output instead of weights."""

    def compute_output(self, weights, value, training):
        output = super().compute_output(weights, value, False)
        if training and self.dropout:
            output = keras.random.dropout(output, self.dropout, seed=self.seed_generator)
        return output


class DropoutOfTheValues(AttentionLayer):
    """Drops elements of the values instead of weights."""

    def compute_output(self, weights, value, training):
        if training and self.dropout:
            value = keras.random.dropout(value, self.dropout, seed=self.seed_generator)
        return super().compute_output(weights, value, False)


class RescaledAtInference(AttentionLayer):
    """Multiplies the weights by the share that is kept at inference, as if training had not made good for it."""

    def compute_output(self, weights, value, training):
        if not training and self.dropout:
            weights = weights * (1 - self.dropout)
        return super().compute_output(weights, value, training)


class DroppedWeightsHaveGradients(Dropping):
    """Lets the gradient through to weights that it drops."""

    def dropped(self, weights):
        return ops.stop_gradient(super().dropped(weights)) + (weights - ops.stop_gradient(weights))


class DroppedGradientNotRescaled(Dropping):
    """Rescales the weights that are kept, but not their gradient."""

    def dropped(self, weights):
        dropped = ops.stop_gradient(super().dropped(weights))
        return dropped + ops.where(dropped == 0, 0, weights - ops.stop_gradient(weights))


class DroppedWeightsReturned(Dropping):
    """Returns in training the weights that are left after dropout."""

    def dropped(self, weights):
        self.left = super().dropped(weights)
        return self.left

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        results = super().call(inputs, mask, training, return_attention_scores, use_causal_mask)
        if not return_attention_scores or not training or not self.dropout:
            return results
        return results[0], self.left


class TrainingNotPassedOn(SelfAttention):
    """Does not tell its attention that it is in training."""

    def call(self, x, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        return super().call(x, mask, False, return_attention_scores, use_causal_mask)


class MaskForgottenInTraining(AttentionLayer):
    """Attends padding in training."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        return super().call(inputs, None if training else mask, training, return_attention_scores, use_causal_mask)


class DropsWhenTrainingIsFalse(AttentionLayer):
    """Drops weights as soon as it is told whether it trains, even that it does not."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        return super().call(inputs, mask, training is not None, return_attention_scores, use_causal_mask)


class StaysInTraining(AttentionLayer):
    """Once it has trained, drops weights for ever."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        self.trained = getattr(self, "trained", False) or bool(training)
        return super().call(inputs, mask, self.trained, return_attention_scores, use_causal_mask)


class NoGradientOfTheWeightsInTraining(AttentionLayer):
    """In training, returns weights that no gradient reaches."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        results = super().call(inputs, mask, training, return_attention_scores, use_causal_mask)
        if not return_attention_scores:
            return results
        return (results[0], ops.stop_gradient(results[1])) if training else results


class NoDropoutWithAMask(AttentionLayer):
    """Drops nothing if there is a mask."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        training = training and mask is None
        return super().call(inputs, mask, training, return_attention_scores, use_causal_mask)


class NoDropoutWhenCausal(SelfAttention):
    """Drops nothing if it is causal."""

    def call(self, x, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        return super().call(x, mask, training and not use_causal_mask, return_attention_scores, use_causal_mask)


class NoDropoutWhenTraced(AttentionLayer):
    """Drops weights in eager calls only."""

    def compute_output(self, weights, value, training):
        return super().compute_output(weights, value, training and weights.shape[0] is not None)


class ValueGradientOfAllWeights(AttentionLayer):
    """Takes the gradient of the values as if no weight had been dropped."""

    def compute_output(self, weights, value, training):
        output = super().compute_output(weights, ops.stop_gradient(value), training)
        others = super().compute_output(ops.stop_gradient(weights), value, False)
        return output + others - ops.stop_gradient(others)
