"""Attention pooling as a Keras layer: a sequence becomes one vector."""

import math

import keras
from keras import ops

from keras_impl.inputs import check_mask, check_shape, check_units, shape_of
from keras_impl.softmax import masked_softmax


@keras.saving.register_keras_serializable(package="attention_reference")
class AttentionPooling(keras.layers.Layer):
    """Average the positions of a sequence, each weighted by how much it matches a learned vector, the context.

    The scores are ``tanh(x W_a + b_a) context``: what Yang et al. 2016 do with the words of a sentence, and then with
    the sentences of a document. The weights of the layer are ``W_a``, ``context`` and ``b_a`` if there is one.

    Args:
        units: Size of what is compared with the context. Defaults to that of the input.
        use_bias: Whether there is ``b_a``, initially 0.
        kernel_initializer: Initializer of ``W_a``.
        context_initializer: Initializer of ``context``.
        **kwargs: As for every Keras layer, such as ``name`` and ``dtype``.

    Call arguments:
        x: Tensor of shape ``(B, ..., T, d)``, of which the T positions are averaged.
        mask: Boolean tensor of shape ``(B, ..., T)``, True = a real position. A hidden position has weight 0; if all
            are hidden, the output is 0. A mask that comes with the input is used by itself.
        return_attention_scores: Whether to return the weights too.

    Returns:
        The output, ``(B, ..., d)``, or with ``return_attention_scores`` the pair of it and the weights,
        ``(B, ..., T)``.

    Raises:
        ValueError: If the input or the mask has not that shape.

    Example:

    >>> layer = AttentionPooling(units=4)
    >>> output, weights = layer(keras.ops.ones((1, 5, 3)), return_attention_scores=True)
    >>> tuple(output.shape), tuple(weights.shape)
    ((1, 3), (1, 5))
    >>> [weight.name for weight in layer.weights]
    ['W_a', 'context', 'b_a']
    """

    def __init__(
        self,
        units=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        context_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_units("units", units)
        self.units = units
        self.use_bias = bool(use_bias)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.context_initializer = keras.initializers.get(context_initializer)

    def build(self, input_shape):
        check_shape(self, "x", input_shape, "(B, ..., T, d)", most=math.inf)
        d = input_shape[-1]
        self.input_spec = keras.layers.InputSpec(min_ndim=3, axes={-1: d})
        units = d if self.units is None else self.units
        self.W_a = self.add_weight(shape=(d, units), initializer=self.kernel_initializer, name="W_a")
        self.context = self.add_weight(shape=(units,), initializer=self.context_initializer, name="context")
        self.b_a = self.add_weight(shape=(units,), initializer="zeros", name="b_a") if self.use_bias else None

    def call(self, x, mask=None, return_attention_scores=False):
        self._check(x, mask)
        weights = self.compute_weights(self.compute_scores(x), None if mask is None else ops.cast(mask, "bool"))
        output = self.compute_output(weights, x)
        return (output, weights) if return_attention_scores else output

    def compute_scores(self, x):
        """``tanh(x W_a + b_a) context``, (B, ..., T)."""
        projected = ops.matmul(x, self.W_a)
        hidden = ops.tanh(projected if self.b_a is None else projected + self.b_a)
        return ops.squeeze(ops.matmul(hidden, self.context[:, None]), -1)

    def compute_weights(self, scores, visible):
        """The softmax of the visible scores, (B, ..., T)."""
        return masked_softmax(scores, visible)

    def compute_output(self, weights, x):
        """The average of the positions, (B, ..., d)."""
        return ops.squeeze(ops.matmul(weights[..., None, :], x), -2)

    def compute_mask(self, x, mask=None):
        """Which of the sequences have any position, where there is more than one to an item of the batch."""
        return None if mask is None or len(mask.shape) < 3 else ops.any(mask, axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-2], input_shape[-1])

    def compute_output_spec(self, x, mask=None, return_attention_scores=False):
        self._check(x, mask)
        output = keras.KerasTensor(self.compute_output_shape(x.shape), dtype=self.compute_dtype)
        if not return_attention_scores:
            return output
        return output, keras.KerasTensor(x.shape[:-1], dtype=self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "context_initializer": keras.initializers.serialize(self.context_initializer),
        }

    def _check(self, x, mask):
        shape = shape_of(self, "x", x)
        check_shape(self, "x", shape, "(B, ..., T, d)", most=math.inf)
        if mask is not None:
            check_mask(self, "mask", mask, shape[:-1])
