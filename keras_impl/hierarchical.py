"""Hierarchical attention as a Keras layer: words are pooled to sentences, and sentences to a document."""

import keras

from keras_impl.inputs import check_mask, check_shape, shape_of
from keras_impl.pooling import AttentionPooling


@keras.saving.register_keras_serializable(package="attention_reference")
class HierarchicalAttention(keras.layers.Layer):
    """Pool the words of each sentence, then the sentences of each document.

    Two `AttentionPooling`, ``words`` and ``sentences``, whose weights follow one another. To encode the sentences
    before they are pooled, as Yang et al. 2016 do, use two `AttentionPooling` with what encodes between them.

    Args:
        units: Size of what is compared with the two contexts. Defaults to that of the input.
        use_bias: Whether the poolings have a bias, initially 0.
        **kwargs: As for every Keras layer, such as ``name`` and ``dtype``.

    Call arguments:
        x: Tensor of shape ``(B, N, T, d)``, N sentences of T words.
        mask: Boolean tensor of shape ``(B, N, T)``, True = a word. A sentence without words has weight 0. A mask that
            comes with the input is used by itself.
        return_attention_scores: Whether to return the weights too.

    Returns:
        The output, ``(B, d)``, or with ``return_attention_scores`` the pair of it and the weights, ``(B, N, T)``, of
        each word in the document: that in its sentence times that of its sentence.

    Raises:
        ValueError: If the input or the mask has not that shape.

    Example:

    >>> layer = HierarchicalAttention(units=4)
    >>> output, weights = layer(keras.ops.ones((1, 2, 5, 3)), return_attention_scores=True)
    >>> tuple(output.shape), tuple(weights.shape)
    ((1, 3), (1, 2, 5))
    >>> [weight.path.partition("/")[2] for weight in layer.weights][:3]
    ['words/W_a', 'words/context', 'words/b_a']
    """

    def __init__(self, units=None, use_bias=True, **kwargs):
        super().__init__(**kwargs)
        self.words = AttentionPooling(units, use_bias, name="words", dtype=self.dtype_policy)
        self.sentences = AttentionPooling(units, use_bias, name="sentences", dtype=self.dtype_policy)

    def build(self, input_shape):
        check_shape(self, "x", input_shape, "(B, N, T, d)", 4, 4)
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={-1: input_shape[-1]})
        self.words.build(input_shape)
        self.sentences.build(self.words.compute_output_shape(input_shape))

    def call(self, x, mask=None, return_attention_scores=False):
        self._check(x, mask)
        sentences, of_words = self.words(x, mask=mask, return_attention_scores=True)
        has_words = None if mask is None else self.words.compute_mask(x, mask)
        output, of_sentences = self.sentences(sentences, mask=has_words, return_attention_scores=True)
        return (output, self.compute_weights(of_words, of_sentences)) if return_attention_scores else output

    def compute_weights(self, of_words, of_sentences):
        """The weight of each word in the document, (B, N, T)."""
        return of_words * of_sentences[..., None]

    def compute_mask(self, x, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])

    def compute_output_spec(self, x, mask=None, return_attention_scores=False):
        self._check(x, mask)
        output = keras.KerasTensor(self.compute_output_shape(x.shape), dtype=self.compute_dtype)
        if not return_attention_scores:
            return output
        return output, keras.KerasTensor(x.shape[:-1], dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "units": self.words.units, "use_bias": self.words.use_bias}

    def _check(self, x, mask):
        shape = shape_of(self, "x", x)
        check_shape(self, "x", shape, "(B, N, T, d)", 4, 4)
        if mask is not None:
            check_mask(self, "mask", mask, shape[:-1])
