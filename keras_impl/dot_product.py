"""Dot-product attention as a Keras layer."""

import keras
from keras import ops

from keras_impl.inputs import check_attention_shapes, check_dropout, check_list, check_mask, check_shapes, shape_of
from keras_impl.softmax import masked_softmax


@keras.saving.register_keras_serializable(package="attention_reference")
class AttentionLayer(keras.layers.Layer):
    """Average the values, each weighted by how well its key matches the query.

    ``softmax(scale * query keyᵀ) value``: Luong's dot-product attention, or with ``scaled=True``
    Vaswani's scaled dot-product attention.

    Args:
        scaled: Whether the scores are multiplied by ``d_k ** -0.5``.
        dropout: Fraction of the weights that are dropped in training, the others scaled up to make good for them.
        seed: Python integer, the seed of the dropout.
        **kwargs: As for every Keras layer, such as ``name`` and ``dtype``.

    Call arguments:
        inputs: List ``[query, key, value]`` of shapes ``(B, T, d_k)``, ``(B, S, d_k)`` and ``(B, S, d_v)``.
        mask: List ``[query_mask, key_mask, value_mask]`` of boolean tensors, ``(B, T)``, ``(B, S)`` and ``(B, S)``,
            each of which may be None; True = a real position. The output of a hidden query is 0. A key that its own
            mask or that of its value hides is attended by none. Masks that come with the inputs are used by themselves.
        training: Whether to drop weights.
        return_attention_scores: Whether to return the weights too.
        use_causal_mask: Whether each query attends only to keys that are not after it.

    Returns:
        The output, ``(B, T, d_v)``, or with ``return_attention_scores`` the pair of it and the weights, ``(B, T, S)``,
        as they are before dropout. A query that may attend nothing has weights 0 and output 0.

    Raises:
        ValueError: If the inputs or masks are not such lists, or their shapes do not fit.

    Example:

    >>> query, key, value = keras.ops.ones((1, 2, 3)), keras.ops.ones((1, 4, 3)), keras.ops.ones((1, 4, 5))
    >>> output, weights = AttentionLayer()([query, key, value], return_attention_scores=True)
    >>> tuple(output.shape), tuple(weights.shape)
    ((1, 2, 5), (1, 2, 4))
    """

    def __init__(self, scaled=False, dropout=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        check_dropout(dropout)
        self.scaled = bool(scaled)
        self.dropout = dropout
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed) if dropout else None

    def build(self, input_shape):
        check_shapes(self, "inputs", input_shape, ("query", "key", "value"))
        check_attention_shapes(self, input_shape)

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        self._check(inputs, mask)
        query, key, value = inputs
        query_mask, *hiding = (None, None, None) if mask is None else mask
        scores = self.compute_scores(query, key)
        weights = self.compute_weights(scores, self.compute_visible(scores, hiding, use_causal_mask))
        output = self.compute_output(weights, value, training)
        if query_mask is not None:
            output = ops.where(ops.cast(query_mask, "bool")[:, :, None], output, 0)
        return (output, weights) if return_attention_scores else output

    def compute_scores(self, query, key):
        """``scale * query keyᵀ``, (B, T, S)."""
        scores = ops.matmul(query, ops.swapaxes(key, -2, -1))
        if not self.scaled:
            return scores
        if key.shape[-1] is None:  # known only when the model runs
            return scores / ops.sqrt(ops.cast(ops.shape(key)[-1], scores.dtype))
        return scores * key.shape[-1] ** -0.5

    def compute_visible(self, scores, masks, causal):
        """Which keys each query may attend, (B or 1, T or 1, S); None is all of them."""
        visible = None
        for mask in masks:
            if mask is not None:
                shown = ops.cast(mask, "bool")[:, None, :]
                visible = shown if visible is None else ops.logical_and(visible, shown)
        if causal:
            _, T, S = ops.shape(scores)
            shown = (ops.arange(S)[None, :] <= ops.arange(T)[:, None])[None]
            visible = shown if visible is None else ops.logical_and(visible, shown)
        return visible

    def compute_weights(self, scores, visible):
        """The softmax of the visible scores, (B, T, S)."""
        return masked_softmax(scores, visible)

    def compute_output(self, weights, value, training):
        """The average of the values, (B, T, d_v)."""
        if training and self.dropout:
            weights = keras.random.dropout(weights, self.dropout, seed=self.seed_generator)
        return ops.matmul(weights, value)

    def compute_mask(self, inputs, mask=None):
        return None if mask is None else mask[0]

    def compute_output_shape(self, input_shape):
        query, _, value = input_shape
        return (*query[:-1], value[-1])

    def compute_output_spec(
        self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False
    ):
        self._check(inputs, mask)
        query, key, value = inputs
        shape = self.compute_output_shape([query.shape, key.shape, value.shape])
        output = keras.KerasTensor(shape, dtype=self.compute_dtype)
        if not return_attention_scores:
            return output
        return output, keras.KerasTensor((*query.shape[:-1], key.shape[-2]), dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "scaled": self.scaled, "dropout": self.dropout, "seed": self.seed}

    def _check(self, inputs, mask):
        check_list(self, "inputs", inputs, ("query", "key", "value"))
        query, key, value = (shape_of(self, "each of inputs", tensor) for tensor in inputs)
        check_attention_shapes(self, (query, key, value))
        if mask is None:
            return
        names = ("query_mask", "key_mask", "value_mask")
        check_list(self, "mask", mask, names)
        for name, one, shape in zip(names, mask, (query, key, value)):
            if one is not None:
                check_mask(self, name, one, shape[:2])
