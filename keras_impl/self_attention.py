"""Self-attention as a Keras layer."""

import keras
from keras import ops

from keras_impl.dot_product import AttentionLayer
from keras_impl.inputs import check_mask, check_shape, check_units, shape_of


@keras.saving.register_keras_serializable(package="attention_reference")
class SelfAttention(keras.layers.Layer):
    """Let every position of a sequence attend to every other.

    Queries, keys and values are projections of one sequence by the weights ``W_q``, ``W_k`` and ``W_v``, in this order
    in ``weights``, then the biases ``b_q``, ``b_k`` and ``b_v`` if there are any. What follows is `AttentionLayer`.

    Args:
        units: Size of the projections, and so of the output. Defaults to that of the input.
        scaled: Whether the scores are multiplied by ``units ** -0.5``.
        use_bias: Whether the projections have a bias, initially 0.
        kernel_initializer: Initializer of ``W_q``, ``W_k`` and ``W_v``.
        dropout: Fraction of the attention weights that are dropped in training.
        seed: Python integer, the seed of the dropout.
        **kwargs: As for every Keras layer, such as ``name`` and ``dtype``.

    Call arguments:
        x: Tensor of shape ``(B, T, d)``.
        mask: Boolean tensor of shape ``(B, T)``, True = a real position. A hidden position is attended by none, and
            its output is 0. A mask that comes with the input is used by itself.
        training: Whether to drop weights.
        return_attention_scores: Whether to return the weights too.
        use_causal_mask: Whether each position attends only to those that are not after it.

    Returns:
        The output, ``(B, T, units)``, or with ``return_attention_scores`` the pair of it and the weights,
        ``(B, T, T)``, as they are before dropout.

    Raises:
        ValueError: If the input or the mask has not that shape.

    Example:

    >>> layer = SelfAttention(units=4)
    >>> tuple(layer(keras.ops.ones((1, 2, 3))).shape)
    (1, 2, 4)
    >>> [weight.name for weight in layer.weights]
    ['W_q', 'W_k', 'W_v']
    """

    def __init__(
        self,
        units=None,
        scaled=False,
        use_bias=False,
        kernel_initializer="random_normal",
        dropout=0.0,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_units("units", units)
        self.units = units
        self.use_bias = bool(use_bias)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.attention = AttentionLayer(scaled, dropout, seed, dtype=self.dtype_policy)

    def build(self, input_shape):
        check_shape(self, "x", input_shape, "(B, T, d)")
        d = input_shape[-1]
        self.input_spec = keras.layers.InputSpec(ndim=3, axes={-1: d})
        units = d if self.units is None else self.units
        self.W_q, self.W_k, self.W_v = (
            self.add_weight(shape=(d, units), initializer=_numbered(self.kernel_initializer, number), name=name)
            for number, name in enumerate(("W_q", "W_k", "W_v"))
        )
        self.b_q = self.b_k = self.b_v = None
        if self.use_bias:
            self.b_q, self.b_k, self.b_v = (
                self.add_weight(shape=(units,), initializer="zeros", name=name) for name in ("b_q", "b_k", "b_v")
            )
        self.attention.build([(*input_shape[:-1], units)] * 3)

    def call(self, x, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        self._check(x, mask)
        query = self.project(x, self.W_q, self.b_q)
        key = self.project(x, self.W_k, self.b_k)
        value = self.project(x, self.W_v, self.b_v)
        return self.attention(
            [query, key, value],
            mask=None if mask is None else [mask, mask, mask],
            training=training,
            return_attention_scores=return_attention_scores,
            use_causal_mask=use_causal_mask,
        )

    def project(self, x, W, b):
        """``x W + b``, (B, T, units)."""
        projected = ops.matmul(x, W)
        return projected if b is None else projected + b

    def compute_mask(self, x, mask=None):
        return mask

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] if self.units is None else self.units)

    def compute_output_spec(self, x, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        self._check(x, mask)
        output = keras.KerasTensor(self.compute_output_shape(x.shape), dtype=self.compute_dtype)
        if not return_attention_scores:
            return output
        return output, keras.KerasTensor((*x.shape[:-1], x.shape[-2]), dtype=self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "scaled": self.attention.scaled,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "dropout": self.attention.dropout,
            "seed": self.attention.seed,
        }

    def _check(self, x, mask):
        check_shape(self, "x", shape_of(self, "x", x), "(B, T, d)")
        if mask is not None:
            check_mask(self, "mask", mask, tuple(x.shape)[:2])


def _numbered(initializer, number):
    """The same initializer with a seed of its own: at equal seeds the three projections would be equal."""
    config = initializer.get_config() if isinstance(initializer, keras.initializers.Initializer) else {}
    if not isinstance(config.get("seed", ""), (int, type(None))):
        return initializer  # without a seed, or with a generator, which goes on by itself
    if config["seed"] is not None:
        config["seed"] += number
    return initializer.__class__.from_config(config)
