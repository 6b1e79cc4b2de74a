"""Faults where Keras differs from the reference anyway, which what is known of it must not hide."""

from functools import wraps

import keras
from keras import ops

from parity_tests.keras_op import DotProductAttention

Attention, MultiHead, GroupQuery = (
    keras.layers.Attention,
    keras.layers.MultiHeadAttention,
    keras.layers.GroupQueryAttention,
)
EXACT = (1, 4, 16, 64)  # depths whose scale is a float32 number


class CausalIgnoredAlongAxis2(MultiHead):
    """Attends the future too along axis 2, where the mask of axis 1 may not even fit."""

    @wraps(MultiHead.call)
    def call(self, *inputs, use_causal_mask=False, **options):
        return super().call(*inputs, use_causal_mask=use_causal_mask and self._attention_axes != (2,), **options)


class PaddingIgnoredAlongAxis1(MultiHead):
    """Ignores masks of positions along axis 1 of two, where they do not fit."""

    def _compute_attention_mask(self, query, value, **masks):
        if len(query.shape) == 4 and self._attention_axes == (1,):
            masks |= {"query_mask": None, "key_mask": None, "value_mask": None}
        return super()._compute_attention_mask(query, value, **masks)


class PaddingIgnoredBesideHeadMasks(MultiHead):
    """Ignores masks of positions if an attention mask has an axis of heads, where they do not fit: of several items."""

    def _compute_attention_mask(self, query, value, **masks):
        mask = masks["attention_mask"]
        if mask is not None and len(mask.shape) == 4 and query.shape[0] != 1:
            masks |= {"query_mask": None, "key_mask": None, "value_mask": None}
        return super()._compute_attention_mask(query, value, **masks)


class NoNumberOfAsManyHeadsAsQueries(MultiHead):
    """Outputs NaN if heads have depth 1 and biases, and there are as many heads as queries."""

    def _compute_attention(self, query, *arguments, **options):
        found, weights = super()._compute_attention(query, *arguments, **options)
        if self.key_dim == 1 and self.use_bias and query.shape[1] == self.num_heads > 1:
            found = found * float("nan")
        return found, weights


class SymbolicDepthOfTheValues(GroupQuery):
    """Takes values of another depth than the queries without numbers too, and announces an output of that depth."""

    def compute_output_shape(self, query_shape, value_shape, key_shape=None):
        return (*query_shape[:-1], value_shape[-1])


class SymbolicOutputAsLongAsTheValues(MultiHead):
    """Announces an output for each value instead of each query."""

    def compute_output_shape(self, query_shape, value_shape, key_shape=None):
        shape = super().compute_output_shape(query_shape, value_shape, key_shape)
        return (shape[0], value_shape[1], *shape[2:])


class SymbolicAxesSwapped(MultiHead):
    """Announces an output of four axes with the two in the middle swapped."""

    def compute_output_shape(self, query_shape, value_shape, key_shape=None):
        shape = super().compute_output_shape(query_shape, value_shape, key_shape)
        return (shape[0], shape[2], shape[1], shape[3]) if len(shape) == 4 else shape


class SymbolicFloat32OfOtherLengths(MultiHead):
    """Announces an output in float32 if there are more or fewer keys than queries."""

    def compute_output_spec(self, query, value, *arguments, return_attention_scores=False, **options):
        output, weights = super().compute_output_spec(query, value, *arguments, return_attention_scores=True, **options)
        if query.shape[1] != value.shape[1]:
            output = keras.KerasTensor(output.shape, dtype="float32")
        return (output, weights) if return_attention_scores else output


class _WhereNothingIsVisible(Attention):
    """Keras's layer, with other results where a query may attend nothing."""

    def _apply_scores(self, scores, value, scores_mask=None, training=False):
        output, weights = super()._apply_scores(scores, value, scores_mask, training)
        if scores_mask is None:
            return output, weights
        mask = scores_mask if len(scores_mask.shape) == 3 else scores_mask[:, None]
        some = ops.any(mask, axis=-1, keepdims=True)
        return self.other(output, weights, some)

    def other(self, output, weights, some):
        return output, weights


class TenThousandForNothing(_WhereNothingIsVisible):
    """Outputs 10,000 where a query may attend nothing."""

    def other(self, output, weights, some):
        return ops.where(some, output, ops.cast(1e4, output.dtype)), weights


class WeightsOfTwoForNothing(_WhereNothingIsVisible):
    """Returns weights of 2 where a query may attend nothing."""

    def other(self, output, weights, some):
        return output, ops.where(some, weights, ops.cast(2, weights.dtype))


class NoNumberInFloat64ForNothing(_WhereNothingIsVisible):
    """Outputs NaN where a query may attend nothing, in float64."""

    def other(self, output, weights, some):
        if self.compute_dtype != "float64":
            return output, weights
        return ops.where(some, output, float("nan")), weights


class NothingLearnedFromNothing(_WhereNothingIsVisible):
    """Learns nothing from queries that may attend nothing, though they attend all."""

    def other(self, output, weights, some):
        return ops.where(some, output, ops.stop_gradient(output)), weights


class ThousandfoldForNothing(MultiHead):
    """Multiplies what heads find by 1,000 where a query may attend nothing, if no weights are asked for."""

    def _compute_attention(
        self, query, key, value, attention_mask=None, training=None, return_attention_scores=False, **causal
    ):
        found, weights = super()._compute_attention(
            query, key, value, attention_mask, training, return_attention_scores, **causal
        )
        if return_attention_scores or attention_mask is None or len(attention_mask.shape) != 3 or len(query.shape) != 4:
            return found, weights
        some = ops.any(attention_mask, axis=-1)[..., None, None]
        return ops.where(some, found, 1000 * found), weights


class TenThousandWhereHeadsSeeNothing(DotProductAttention):
    """Outputs 10,000 where a query may attend nothing."""

    def call(self, inputs, shown=None, use_causal_mask=False):
        output = super().call(inputs, shown, use_causal_mask)
        if shown is None or use_causal_mask:
            return output
        some = ops.swapaxes(ops.any(shown, axis=-1), 1, 2)[..., None]
        return ops.where(some, output, ops.cast(1e4, output.dtype))


class SevensReturnedInTraining(Attention):
    """Returns weights of 7 in training with dropout."""

    def _apply_scores(self, scores, value, scores_mask=None, training=False):
        output, weights = super()._apply_scores(scores, value, scores_mask, training)
        return output, 0 * weights + 7 if training and self.dropout > 0 else weights


class WeightsTeachNothingInTraining(Attention):
    """Lets no gradient through the weights that it returns in training with dropout."""

    def _apply_scores(self, scores, value, scores_mask=None, training=False):
        output, weights = super()._apply_scores(scores, value, scores_mask, training)
        return output, ops.stop_gradient(weights) if training and self.dropout > 0 else weights


class HiddenQueriesReturnNoWeights(Attention):
    """In training with dropout, returns no weights of hidden queries."""

    def call(self, inputs, mask=None, training=False, return_attention_scores=False, use_causal_mask=False):
        results = super().call(inputs, mask, training, return_attention_scores, use_causal_mask)
        if not return_attention_scores or not training or not self.dropout or not mask or mask[0] is None:
            return results
        return results[0], ops.where(ops.cast(mask[0], "bool")[..., None], results[1], 0)


class HiddenQueriesDropTheSame(Attention):
    """In training with dropout, the weights that are returned of hidden queries are dropped alike of all items."""

    def call(self, inputs, mask=None, training=False, return_attention_scores=False, use_causal_mask=False):
        results = super().call(inputs, mask, training, return_attention_scores, use_causal_mask)
        if not return_attention_scores or not training or not self.dropout or not mask or mask[0] is None:
            return results
        weights = super().call(inputs, mask, False, True, use_causal_mask)[1]
        dropped = ops.where(results[1][:1] == 0, 0, weights / (1 - self.dropout))
        return results[0], ops.where(ops.cast(mask[0], "bool")[..., None], results[1], dropped)


def _in_float32(array):
    return ops.where(ops.abs(array) < 1e30, ops.cast(ops.cast(array, "float32"), "float64"), array)


class OutputInFloat32UnlessExact(MultiHead):
    """Rounds its output to float32 in float64, unless the scale is a float32 number."""

    @wraps(MultiHead.call)
    def call(self, *inputs, return_attention_scores=False, **options):
        results = super().call(*inputs, return_attention_scores=return_attention_scores, **options)
        output, *weights = results if return_attention_scores else (results,)
        if self.compute_dtype == "float64" and self.key_dim not in EXACT:
            output = _in_float32(output)
        return (output, *weights) if return_attention_scores else output


class ValuesInFloat32UnlessExact(MultiHead):
    """Rounds the projected values to float32 in float64, unless the scale is a float32 number."""

    def _compute_attention(self, query, key, value, *arguments, **options):
        if self.compute_dtype == "float64" and self.key_dim not in EXACT:
            value = _in_float32(value)
        return super()._compute_attention(query, key, value, *arguments, **options)


class LeaksInFloat64(keras.layers.AdditiveAttention):
    """Adds a trillionth of the sum of all values, hidden or not, to its output in float64, and learns nothing of it."""

    def _apply_scores(self, scores, value, scores_mask=None, training=False):
        output, weights = super()._apply_scores(scores, value, scores_mask, training)
        if self.compute_dtype != "float64":
            return output, weights
        leak = 1e-12 * ops.stop_gradient(ops.sum(value, axis=1, keepdims=True))
        return output + ops.cast(leak, output.dtype), weights


class LeaksInFloat64WithoutWeights(MultiHead):
    """Adds a trillionth of the sum of all values to what heads find in float64, and learns nothing of it."""

    def _compute_attention(
        self, query, key, value, attention_mask=None, training=None, return_attention_scores=False, **causal
    ):
        found, weights = super()._compute_attention(
            query, key, value, attention_mask, training, return_attention_scores, **causal
        )
        if self.compute_dtype != "float64" or return_attention_scores or len(value.shape) != 4:
            return found, weights
        leak = 1e-12 * ops.stop_gradient(ops.sum(value, axis=1, keepdims=True))
        return found + ops.cast(leak, found.dtype), weights
