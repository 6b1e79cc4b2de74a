"""Faults of several heads that few numbers of heads, windows or shapes show, or two options at once."""

import keras
from keras import ops


class HeadsBeyondFourUnscaled(keras.layers.MultiHeadAttention):
    """Scales the scores of the first four heads alone."""

    def _compute_attention(self, query, key, value, *args, **kwargs):
        factors = [1.0 if head < 4 else self.key_dim**0.5 for head in range(self.num_heads)]
        query = query * ops.cast(ops.reshape(factors, (-1, 1)), query.dtype)
        return super()._compute_attention(query, key, value, *args, **kwargs)


class FourKeyHeadsInTurn(keras.layers.GroupQueryAttention):
    """Gives more query heads than key heads the key heads in turn, if these are four."""

    def _compute_attention(self, query, key, value, *args, **kwargs):
        if self.num_key_value_heads == 4 and self.num_repeats > 1:
            heads = [(head % 4) * self.num_repeats for head in range(self.num_query_heads)]
            key, value = ops.take(key, heads, axis=2), ops.take(value, heads, axis=2)
        return super()._compute_attention(query, key, value, *args, **kwargs)


class WindowOfFourAtMost(keras.layers.MultiHeadAttention):
    """Takes every window of more than four for one of four."""

    def _compute_sliding_window_mask(self, query, value=None):
        rows, columns = ops.arange(ops.shape(query)[1]), ops.arange(ops.shape(value)[1])
        return (ops.abs(rows[:, None] - columns[None]) < min(self._sliding_window, 4))[None]


class GroupsInTurnWithoutBiases(keras.layers.GroupQueryAttention):
    """Gives query heads the key heads in turn, if there are no biases."""

    def _compute_attention(self, query, key, value, *args, **kwargs):
        if not self.use_bias and self.num_repeats > 1:
            heads = [(head % self.num_key_value_heads) * self.num_repeats for head in range(self.num_query_heads)]
            key, value = ops.take(key, heads, axis=2), ops.take(value, heads, axis=2)
        return super()._compute_attention(query, key, value, *args, **kwargs)


class GroupsUnscaledWithoutBiases(keras.layers.GroupQueryAttention):
    """Forgets the scale of groups, if there are no biases."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not self.use_bias and self.num_repeats > 1:
            self._inverse_sqrt_head_dim = 1.0


class WindowOfTwoWithoutItsMask(keras.layers.MultiHeadAttention):
    """Ignores the attention mask, if there is a window of two."""

    def _compute_attention_mask(self, query, value, **masks):
        if self._sliding_window == 2:
            masks["attention_mask"] = None
        return super()._compute_attention_mask(query, value, **masks)


class FirstAxisDoubledInFloat64(keras.layers.MultiHeadAttention):
    """Counts the query twice in float64, if axis 1 of two is attended."""

    def _compute_attention(self, query, key, value, *args, **kwargs):
        if len(query.shape) == 5 and self._attention_axes == (1,) and self.compute_dtype == "float64":
            query = 2 * query
        return super()._compute_attention(query, key, value, *args, **kwargs)


class SecondAxisDoubledWithoutDropout(keras.layers.MultiHeadAttention):
    """Counts the query twice without dropout, if axis 2 of two is attended."""

    def _compute_attention(self, query, key, value, *args, **kwargs):
        if len(query.shape) == 5 and self._attention_axes == (2,) and not self._dropout:
            query = 2 * query
        return super()._compute_attention(query, key, value, *args, **kwargs)


class _OfSeveralAxes(keras.layers.MultiHeadAttention):
    """Has a seam for an output of several axes, which is projected."""

    def build(self, query_shape, value_shape, key_shape=None):
        super().build(query_shape, value_shape, key_shape)
        if self._output_shape and len(self._output_shape) > 1:
            project = self._output_dense.call
            self._output_dense.call = lambda gated, training=None: self.other(project(gated), self._output_dense.bias)

    def transposed(self, array):
        """The array with its last two axes read by columns."""
        return ops.reshape(ops.swapaxes(array, -2, -1), ops.shape(array))


class BiasOfSeveralAxesTransposed(_OfSeveralAxes):
    """Adds the bias of an output of several axes in the order of columns."""

    def other(self, output, bias):
        if bias is None:
            return output
        bias = ops.cast(bias, output.dtype)
        return output - bias + self.transposed(bias)


class KernelOfSeveralAxesTransposed(_OfSeveralAxes):
    """Takes the kernel of an output of several axes in the order of columns."""

    def other(self, output, bias):
        if bias is None:
            return self.transposed(output)
        bias = ops.cast(bias, output.dtype)
        return self.transposed(output - bias) + bias
