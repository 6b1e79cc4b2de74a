"""Faults of several heads: their scale, which keys they read, and what they drop."""

import keras
from keras import ops


class ScaleOfAllHeads(keras.layers.MultiHeadAttention):
    """Takes the depth of all heads together for the scale."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._inverse_sqrt_key_dim *= self.num_heads**-0.5


class ScaleOfTheValueDepth(keras.layers.MultiHeadAttention):
    """Takes the depth of the values for the scale."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._inverse_sqrt_key_dim = self.value_dim**-0.5


class HeadsMergedBackwards(keras.layers.MultiHeadAttention):
    """Lays the heads side by side from the last to the first."""

    def _compute_attention(self, *args, **kwargs):
        output, weights = super()._compute_attention(*args, **kwargs)
        return ops.flip(output, -2), weights


class AllHeadsReadTheFirstKeys(keras.layers.MultiHeadAttention):
    """Gives all heads the keys of the first."""

    def _compute_attention(self, query, key, value, *args, **kwargs):
        return super()._compute_attention(
            query, ops.repeat(key[..., :1, :], self.num_heads, -2), value, *args, **kwargs
        )


class AllHeadsReadTheLastValues(keras.layers.MultiHeadAttention):
    """Gives all heads the values of the last."""

    def _compute_attention(self, query, key, value, *args, **kwargs):
        value = ops.repeat(value[..., -1:, :], self.num_heads, -2)
        return super()._compute_attention(query, key, value, *args, **kwargs)


class WeightsOfTheFirstHead(keras.layers.MultiHeadAttention):
    """Returns the weights of the first head for all of them."""

    def _compute_attention(self, *args, **kwargs):
        output, weights = super()._compute_attention(*args, **kwargs)
        return output, weights if weights is None else ops.repeat(weights[..., :1, :, :], self.num_heads, -3)


class OutputAloneUnscaled(keras.layers.MultiHeadAttention):
    """Forgets the scale where no weights are asked for."""

    def _compute_attention(self, query, key, value, attention_mask=None, training=None, return_attention_scores=False):
        if not return_attention_scores:
            query = query * self.key_dim**0.5
        return super()._compute_attention(query, key, value, attention_mask, training, return_attention_scores)


class KeysNotLearned(keras.layers.MultiHeadAttention):
    """Stops the gradient on its way to the keys."""

    def _compute_attention(self, query, key, value, *args, **kwargs):
        return super()._compute_attention(query, ops.stop_gradient(key), value, *args, **kwargs)


class KeyGroupsInTurn(keras.layers.GroupQueryAttention):
    """Gives query heads the key heads in turn, not one to each group."""

    def _compute_attention(self, query, key, value, *args, **kwargs):
        return super()._compute_attention(query, self._in_turn(key), self._in_turn(value), *args, **kwargs)

    def _in_turn(self, array):
        heads = [(head % self.num_key_value_heads) * self.num_repeats for head in range(self.num_query_heads)]
        return ops.take(array, heads, axis=2)


class ValueGroupsInTurn(KeyGroupsInTurn):
    """Gives query heads the values of key heads in turn, but the keys as it should."""

    def _compute_attention(self, query, key, value, *args, **kwargs):
        attend = keras.layers.GroupQueryAttention._compute_attention
        return attend(self, query, key, self._in_turn(value), *args, **kwargs)


class GroupsShareTheFirstKeys(keras.layers.GroupQueryAttention):
    """Gives all groups the keys of the first."""

    def _compute_attention(self, query, key, value, *args, **kwargs):
        key = ops.repeat(key[:, :, :1], self.num_query_heads, 2)
        return super()._compute_attention(query, key, value, *args, **kwargs)


class ScaleOfTheGroup(keras.layers.GroupQueryAttention):
    """Takes the depth of a group of heads for the scale."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._inverse_sqrt_head_dim *= self.num_repeats**-0.5


class HeadsDropAlike(keras.layers.MultiHeadAttention):
    """Drops the same weights of all heads."""

    def _build_attention(self, rank):
        super()._build_attention(rank)
        shape = (None, 1, None, None) if rank == 4 else (None, None, 1, None, None)
        self._dropout_layer = keras.layers.Dropout(self._dropout, noise_shape=shape, seed=self.seed)


class DroppedWeightsOfHeadsReturned(keras.layers.MultiHeadAttention):
    """Returns the weights after dropout."""

    def _build_attention(self, rank):
        super()._build_attention(rank)
        drop = self._dropout_layer
        self._masked_softmax = lambda scores, mask=None: drop(type(self)._masked_softmax(self, scores, mask))
        self._dropout_layer = lambda weights, training=None: weights


class HeadsDropValues(keras.layers.MultiHeadAttention):
    """Drops entries of the values, not weights."""

    def _compute_attention(self, query, key, value, attention_mask=None, training=None, *args, **kwargs):
        value = self._dropout_layer(value, training=training)
        return super()._compute_attention(query, key, value, attention_mask, False, *args, **kwargs)


class HeadsDropAtInference(keras.layers.MultiHeadAttention):
    """Drops weights whether or not it is trained."""

    def _compute_attention(self, query, key, value, attention_mask=None, training=None, *args, **kwargs):
        return super()._compute_attention(query, key, value, attention_mask, True, *args, **kwargs)


class GroupsDropTwice(keras.layers.GroupQueryAttention):
    """Drops weights twice, so that more is gone and the rest twice as large."""

    def build(self, query_shape, value_shape, key_shape=None):
        super().build(query_shape, value_shape, key_shape)
        drop = self._dropout_layer
        self._dropout_layer = lambda weights, training=None: drop(drop(weights, training=training), training=training)


class RootOfTheDepthForgottenInFloat64(keras.layers.MultiHeadAttention):
    """Divides by the depth, not by its root, in float64 alone."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.compute_dtype == "float64":
            self._inverse_sqrt_key_dim = 1 / self.key_dim


class GroupsUnscaledInFloat64(keras.layers.GroupQueryAttention):
    """Forgets the scale in float64 alone."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.compute_dtype == "float64":
            self._inverse_sqrt_head_dim = 1.0
