"""The models in which people meet attention first: classifiers of sequences, and a translator with cross-attention.

Every builder returns a `keras.Model` in the functional API, for sequences of any length. ``attention=False`` builds
the same model without attention, so that what it does can be measured: in a classifier each position then sees itself
alone.
"""

import keras
from keras import layers

from keras_impl.dot_product import AttentionLayer
from keras_impl.inputs import check_choice, check_size
from keras_impl.pooling import AttentionPooling
from keras_impl.self_attention import SelfAttention

RECURRENT = {"lstm": layers.LSTM, "gru": layers.GRU}


def attention_classifier(
    features=64, classes=10, units=32, *, scaled=False, pooled=False, mask_zero=False, attention=True
):
    """Query, key and value by a dense layer each, and attention over them.

    Args:
        features: Size of each position of the input.
        classes: How many classes there are.
        units: Size of query, key and value.
        scaled: Whether the scores are multiplied by ``units ** -0.5``.
        pooled: Whether the output is one for the whole sequence, from the mean over its positions.
        mask_zero: Whether positions that hold nothing but zeros are padding, which has no influence.
        attention: Whether there is attention; if not, what follows sees the value of its own position.

    Returns:
        A model from ``(B, T, features)`` to the probabilities of the classes, ``(B, T, classes)``, or pooled
        ``(B, classes)``.

    Example:

    >>> model = attention_classifier()
    >>> model.output_shape
    (None, None, 10)
    >>> tuple(model(keras.ops.ones((2, 5, 64))).shape)
    (2, 5, 10)
    """
    inputs, x = _sequence(features, mask_zero)
    if attention:
        query = _dense("query", units)(x)
        key = _dense("key", units)(x)
        value = _dense("value", units)(x)
        x = AttentionLayer(scaled, name="attention")([query, key, value])
    else:
        x = _dense("value", units)(x)
    return _classifier("attention_classifier", inputs, x, classes, pooled)


def self_attention_classifier(
    features=64, classes=10, units=None, *, scaled=False, pooled=False, mask_zero=False, attention=True
):
    """Self-attention over the input as it is.

    Args:
        features: Size of each position of the input.
        classes: How many classes there are.
        units: Size of the projections, by default that of the input.
        scaled: Whether the scores are multiplied by ``units ** -0.5``.
        pooled: Whether the output is one for the whole sequence, from the mean over its positions.
        mask_zero: Whether positions that hold nothing but zeros are padding, which has no influence.
        attention: Whether there is attention; if not, each position is projected to its value and sees that alone.

    Returns:
        A model from ``(B, T, features)`` to the probabilities of the classes, ``(B, T, classes)``, or pooled
        ``(B, classes)``.

    Example:

    >>> self_attention_classifier(pooled=True).output_shape
    (None, 10)
    """
    inputs, x = _sequence(features, mask_zero)
    x = _self_attention("self_attention", units or features, scaled, attention)(x)
    return _classifier("self_attention_classifier", inputs, x, classes, pooled)


def lstm_attention_classifier(
    features=64, classes=10, units=128, *, recurrent="lstm", scaled=False, pooled=False, mask_zero=False, attention=True
):
    """Self-attention over what a recurrent layer says of each position.

    Args:
        features: Size of each position of the input.
        classes: How many classes there are.
        units: Size of the recurrent layer and of the attention.
        recurrent: ``"lstm"`` or ``"gru"``.
        scaled: Whether the scores are multiplied by ``units ** -0.5``.
        pooled: Whether the output is one for the whole sequence, from the mean over its positions.
        mask_zero: Whether positions that hold nothing but zeros are padding, which has no influence.
        attention: Whether there is attention; if not, each position is projected to its value and sees that alone, and
            what the recurrent layer remembers.

    Returns:
        A model from ``(B, T, features)`` to the probabilities of the classes, ``(B, T, classes)``, or pooled
        ``(B, classes)``.

    Example:

    >>> [layer.name for layer in lstm_attention_classifier().layers]
    ['sequence', 'lstm', 'self_attention', 'probabilities']
    """
    check_choice("recurrent", recurrent, RECURRENT)
    inputs, x = _sequence(features, mask_zero)
    x = RECURRENT[recurrent](units, return_sequences=True, name=recurrent)(x)
    x = _self_attention("self_attention", units, scaled, attention)(x)
    return _classifier(f"{recurrent}_attention_classifier", inputs, x, classes, pooled)


def gru_attention_classifier(*args, **kwargs):
    """As `lstm_attention_classifier`, with a GRU."""
    return lstm_attention_classifier(*args, recurrent="gru", **kwargs)


def multi_head_attention_classifier(
    features=64, classes=10, units=32, heads=4, *, scaled=True, pooled=False, mask_zero=False, attention=True
):
    """Several self-attentions beside one another, each with projections of its own, and a dense layer over them all.

    Args:
        features: Size of each position of the input.
        classes: How many classes there are.
        units: Size of the projections of each head.
        heads: How many heads there are.
        scaled: Whether the scores are multiplied by ``units ** -0.5``.
        pooled: Whether the output is one for the whole sequence, from the mean over its positions.
        mask_zero: Whether positions that hold nothing but zeros are padding, which has no influence.
        attention: Whether there is attention; if not, each position is projected to its values and sees them alone.

    Returns:
        A model from ``(B, T, features)`` to the probabilities of the classes, ``(B, T, classes)``, or pooled
        ``(B, classes)``.

    Example:

    >>> [layer.name for layer in multi_head_attention_classifier(heads=2).layers]
    ['sequence', 'head_1', 'head_2', 'heads', 'merged', 'probabilities']
    """
    check_size("heads", heads)
    inputs, x = _sequence(features, mask_zero)
    attended = [_self_attention(f"head_{head}", units, scaled, attention)(x) for head in range(1, heads + 1)]
    x = layers.Concatenate(name="heads")(attended) if heads > 1 else attended[0]
    x = _dense("merged", heads * units)(x)
    return _classifier("multi_head_attention_classifier", inputs, x, classes, pooled)


def hierarchical_attention_classifier(features=64, classes=10, units=64, *, scaled=True, pooled=False, attention=True):
    """Attention pooling of the words of each sentence, and self-attention over the sentences of the document.

    A sentence is the average of its words, weighted by how much they match a learned vector (Yang et al. 2016).

    Args:
        features: Size of each word.
        classes: How many classes there are.
        units: Size of the projections.
        scaled: Whether the scores of the sentences are multiplied by ``units ** -0.5``.
        pooled: Whether the output is one for the whole document, from its sentences, pooled as the words are.
        attention: Whether there is attention; if not, a sentence is the mean of its words and sees itself alone, and a
            document is the mean of its sentences.

    Returns:
        A model from ``(B, sentences, words, features)`` to the probabilities of the classes,
        ``(B, sentences, classes)``, or pooled ``(B, classes)``.

    Example:

    >>> tuple(hierarchical_attention_classifier()(keras.ops.ones((2, 3, 5, 64))).shape)
    (2, 3, 10)
    """
    words = keras.Input((None, features), name="words")
    sentence = keras.Model(words, _pooling("word_pooling", units, attention)(words), name="sentence")
    inputs = keras.Input((None, None, features), name="document")
    x = layers.TimeDistributed(sentence, name="sentences")(inputs)
    x = _dense("features", units)(x)
    x = _self_attention("sentence_attention", units, scaled, attention)(x)
    x = _pooling("sentence_pooling", units, attention)(x) if pooled else x
    return _classifier("hierarchical_attention_classifier", inputs, x, classes, pooled=False)


def translator(source_tokens, target_tokens, units=32, *, recurrent="gru", scaled=False, attention=True):
    """An encoder and a decoder that reads what was encoded through attention, as Luong et al. 2015 have it.

    All that the decoder knows of the source comes through attention. ``attention=False`` is what was there before
    (Sutskever et al. 2014): the encoder's last state, one vector for all of the source, is where the decoder starts.

    Args:
        source_tokens: How many tokens the source language has, 0 of which is padding.
        target_tokens: How many tokens the target language has.
        units: Size of the embeddings and of the encoder in each direction; the decoder has twice as many.
        recurrent: ``"gru"`` or ``"lstm"``.
        scaled: Whether the scores are multiplied by ``(2 * units) ** -0.5``.
        attention: Whether there is attention.

    Returns:
        A model from ``[source, target]``, tokens of shape ``(B, S)`` and ``(B, T)``, to the probabilities of the token
        that follows each of the target, ``(B, T, target_tokens)``.

    Example:

    >>> model = translator(30, 12)
    >>> tuple(model([keras.ops.ones((2, 7), "int32"), keras.ops.ones((2, 4), "int32")]).shape)
    (2, 4, 12)
    """
    check_choice("recurrent", recurrent, RECURRENT)
    source = keras.Input((None,), dtype="int32", name="source")
    target = keras.Input((None,), dtype="int32", name="target")
    x = layers.Embedding(source_tokens, units, mask_zero=True, name="source_embedding")(source)
    encoder = RECURRENT[recurrent](units, return_sequences=True, return_state=True)
    encoded, *states = layers.Bidirectional(encoder, name="encoder")(x)
    x = layers.Embedding(target_tokens, units, name="target_embedding")(target)
    decoder = RECURRENT[recurrent](2 * units, return_sequences=True, name="decoder")
    if attention:
        query = decoder(x)
        context = AttentionLayer(scaled, name="attention")([query, encoded, encoded])
        x = layers.Concatenate(name="query_and_context")([query, context])
    else:
        # The states of both directions, side by side: an LSTM has two of each.
        forward, backward = states[: len(states) // 2], states[len(states) // 2 :]
        x = decoder(x, initial_state=[layers.Concatenate()(pair) for pair in zip(forward, backward)])
    x = layers.Dense(2 * units, activation="tanh", name="combined")(x)
    outputs = layers.Dense(target_tokens, activation="softmax", name="probabilities")(x)
    return keras.Model([source, target], outputs, name="translator")


def _sequence(features, mask_zero):
    """The input, and the same with its padding masked."""
    inputs = keras.Input((None, features), name="sequence")
    return inputs, layers.Masking(name="padding")(inputs) if mask_zero else inputs


def _dense(name, units):
    return layers.Dense(units, activation="relu", name=name)


def _self_attention(name, units, scaled, attention):
    """Self-attention, or what is left of it if each position attends itself alone: the projection to the value."""
    if not attention:
        return layers.Dense(units, use_bias=False, name=f"{name}_value")
    return SelfAttention(units, scaled, kernel_initializer="glorot_uniform", name=name)


def _pooling(name, units, attention):
    """Attention pooling, or what is left of it if all positions count alike: their mean."""
    return AttentionPooling(units, name=name) if attention else layers.GlobalAveragePooling1D(name=name)


def _classifier(name, inputs, x, classes, pooled):
    if pooled:
        x = layers.GlobalAveragePooling1D(name="mean")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax", name="probabilities")(x), name=name)
