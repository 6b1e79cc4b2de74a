"""Where a model looks: the attention weights, taken out of it."""

import keras

from keras_impl.dot_product import AttentionLayer
from keras_impl.self_attention import SelfAttention


def attention_weights(model, x):
    """The weights of each attention of a model, for some inputs.

    The model itself stays as it is: a copy is made that tells what its layers otherwise keep.

    Args:
        model: A functional `keras.Model` with `AttentionLayer` or `SelfAttention` in it, be it within
            `keras.layers.TimeDistributed`.
        x: What the model takes, a batch of it.

    Returns:
        A dictionary of arrays by the names of the layers, ``(B, T, S)``; within TimeDistributed ``(B, N, T, S)``.

    Raises:
        ValueError: If there is no attention in the model.

    Example:

    >>> from keras_impl.models import self_attention_classifier
    >>> weights = attention_weights(self_attention_classifier(), keras.ops.ones((2, 4, 64)))
    >>> {name: array.shape for name, array in weights.items()}
    {'self_attention': (2, 4, 4)}
    """
    teller = _that_tells(model)
    return {name: keras.ops.convert_to_numpy(weights) for name, weights in teller(x, training=False).items()}


def _that_tells(model):
    """A copy of the model, with its weights, whose outputs are those of its attentions."""
    told = {}

    def call(layer, *args, **kwargs):
        if isinstance(layer, (AttentionLayer, SelfAttention)):
            output, told[layer.name] = layer(*args, **{**kwargs, "return_attention_scores": True})
            return output
        if isinstance(layer, keras.layers.TimeDistributed) and isinstance(layer.layer, keras.Model):
            inner = _that_tells(model.get_layer(layer.name).layer)
            for name, weights in inner.output.items():  # one by one, as TimeDistributed hands on a single tensor
                told[name] = keras.layers.TimeDistributed(keras.Model(inner.input, weights))(*args)
        return layer(*args, **kwargs)

    copy = keras.models.clone_model(model, call_function=call)
    copy.set_weights(model.get_weights())
    if not told:
        raise ValueError(
            "Expected a model with AttentionLayer or SelfAttention in it. Received: a model with the layers "
            + ", ".join(f"{layer.name} ({layer.__class__.__name__})" for layer in model.layers)
        )
    return keras.Model(copy.input, told)
