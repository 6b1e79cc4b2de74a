"""Faults of the gate, by which each number that a head finds is multiplied, above all in training."""

import functools

import keras
from keras import ops


class GateWithoutSigmoid(keras.layers.MultiHeadAttention):
    """Multiplies by the logits of the gate."""

    def build(self, query_shape, value_shape, key_shape=None):
        super().build(query_shape, value_shape, key_shape)
        if self._use_gate:
            self._gate_dense.activation = None


class GateTwice(keras.layers.MultiHeadAttention):
    """Multiplies by the gate twice."""

    def build(self, query_shape, value_shape, key_shape=None):
        super().build(query_shape, value_shape, key_shape)
        if self._use_gate:
            self._gate_dense.activation = lambda x: ops.sigmoid(x) ** 2


class GatedHeadsNeverDrop(keras.layers.MultiHeadAttention):
    """Drops no weights if there is a gate."""

    def _compute_attention(self, query, key, value, attention_mask=None, training=None, *args, **kwargs):
        training = training and not self._use_gate
        return super()._compute_attention(query, key, value, attention_mask, training, *args, **kwargs)


class GatedGroupsNeverDrop(keras.layers.GroupQueryAttention):
    """Drops no weights if there is a gate."""

    def _compute_attention(self, query, key, value, attention_mask=None, training=None, **kwargs):
        training = training and not self.use_gate
        return super()._compute_attention(query, key, value, attention_mask, training, **kwargs)


class GateLostInTraining(keras.layers.MultiHeadAttention):
    """Leaves the gate open in training if there is dropout."""

    @functools.wraps(keras.layers.MultiHeadAttention.call)
    def call(self, *args, training=None, **kwargs):
        gated = self._use_gate
        self._use_gate = gated and not (training and self._dropout)
        results = super().call(*args, training=training, **kwargs)
        self._use_gate = gated
        return results


class GateHalvedInTraining(keras.layers.MultiHeadAttention):
    """Halves the gate in training if there is dropout."""

    def _compute_attention(self, query, key, value, attention_mask=None, training=None, *args, **kwargs):
        output, weights = super()._compute_attention(query, key, value, attention_mask, training, *args, **kwargs)
        return output / 2 if training and self._use_gate and self._dropout else output, weights


class GateOfGroupsHalvedInTraining(keras.layers.GroupQueryAttention):
    """Halves the gate in training if there is dropout."""

    def _compute_attention(self, query, key, value, attention_mask=None, training=None, **kwargs):
        output, weights = super()._compute_attention(query, key, value, attention_mask, training, **kwargs)
        return output / 2 if training and self.use_gate and self.dropout else output, weights


class GateFrozenInTraining(keras.layers.MultiHeadAttention):
    """Does not learn the gate in training if there is dropout."""

    @functools.wraps(keras.layers.MultiHeadAttention.call)
    def call(self, *args, training=None, **kwargs):
        self.frozen = bool(training and self._dropout)
        return super().call(*args, training=training, **kwargs)

    def build(self, query_shape, value_shape, key_shape=None):
        super().build(query_shape, value_shape, key_shape)
        self.frozen = False
        if self._use_gate:
            self._gate_dense.activation = self.activation

    def activation(self, logits):
        return ops.stop_gradient(ops.sigmoid(logits)) if self.frozen else ops.sigmoid(logits)
