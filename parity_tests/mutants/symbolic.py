"""Faults of what Keras asks a layer before it runs: the shapes and dtypes of its results, the mask that goes on."""

import keras
from keras import ops

from keras_impl import AttentionLayer, SelfAttention


class _Specified(AttentionLayer):
    """A sound layer, whose symbolic results come from ``output_spec`` and ``weights_spec``."""

    def compute_output_spec(
        self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False
    ):
        output, weights = super().compute_output_spec(inputs, mask, training, True, use_causal_mask)
        output, weights = self.output_spec(output, *inputs), self.weights_spec(weights)
        return (output, weights) if return_attention_scores else output

    def output_spec(self, output, query, key, value):
        return output

    def weights_spec(self, weights):
        return weights


class SymbolicDepthOfTheQuery(AttentionLayer):
    """Announces the depth of the queries for that of its output."""

    def compute_output_shape(self, input_shape):
        return input_shape[0]


class SymbolicLengthOfTheKeys(_Specified):
    """Announces an output for each key instead of each query."""

    def output_spec(self, output, query, key, value):
        return keras.KerasTensor((*key.shape[:-1], output.shape[-1]), dtype=output.dtype)


class SymbolicLengthLost(_Specified):
    """Announces an output of unknown length, known or not."""

    def output_spec(self, output, query, key, value):
        return keras.KerasTensor((output.shape[0], None, output.shape[-1]), dtype=output.dtype)


class SymbolicOutputInFloat32(_Specified):
    """Announces an output in float32."""

    def output_spec(self, output, query, key, value):
        return keras.KerasTensor(output.shape, dtype="float32")


class SymbolicOutputInVariableDtype(_Specified):
    """Announces an output in the dtype of its variables, which a mixed policy computes in another one."""

    def output_spec(self, output, query, key, value):
        return keras.KerasTensor(output.shape, dtype=self.variable_dtype)


class SymbolicWeightsTransposed(_Specified):
    """Announces weights with queries and keys exchanged."""

    def weights_spec(self, weights):
        B, T, S = weights.shape
        return keras.KerasTensor((B, S, T), dtype=weights.dtype)


class SymbolicWeightsInFloat32(_Specified):
    """Announces weights in float32."""

    def weights_spec(self, weights):
        return keras.KerasTensor(weights.shape, dtype="float32")


class SymbolicUnitsForgotten(SelfAttention):
    """Announces an output of the size of its input."""

    def compute_output_shape(self, input_shape):
        return input_shape


class MaskNotPassedOn(AttentionLayer):
    """Passes no mask on to the next layer."""

    def compute_mask(self, inputs, mask=None):
        return None


class MaskOfTheKeysPassedOn(AttentionLayer):
    """Passes the mask of the keys on to the next layer."""

    def compute_mask(self, inputs, mask=None):
        return None if mask is None else mask[1]


class MaskInvertedForTheNext(SelfAttention):
    """Passes the mask on inverted."""

    def compute_mask(self, x, mask=None):
        return None if mask is None else ops.logical_not(mask)


class OutputShapeOfTheKeys(AttentionLayer):
    """Tells the shape of its output by the depth of the keys, but in a call."""

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:-1], input_shape[1][-1])

    def compute_output_spec(self, inputs, *arguments, **options):
        return AttentionLayer(self.scaled, dtype=self.dtype_policy).compute_output_spec(inputs, *arguments, **options)


class DepthLostWithAMask(AttentionLayer):
    """Does not know the depth of its output if there is a mask whose length is not known yet."""

    def compute_output_spec(self, inputs, mask=None, *arguments, **options):
        output = super().compute_output_spec(inputs, mask, *arguments, **options)
        if mask is None or mask[1] is None or mask[1].shape[1] is not None or isinstance(output, tuple):
            return output
        return keras.KerasTensor((*output.shape[:-1], None), dtype=output.dtype)
