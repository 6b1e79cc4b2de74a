"""Where a model looks: the attention weights, taken out of it."""

import keras

from keras_impl.dot_product import AttentionLayer
from keras_impl.hierarchical import HierarchicalAttention
from keras_impl.pooling import AttentionPooling
from keras_impl.self_attention import SelfAttention

ATTENTIONS = (AttentionLayer, SelfAttention, AttentionPooling, HierarchicalAttention)


def attention_weights(model, x):
    """The weights of each attention of a model, for some inputs.

    The model itself stays as it is: a copy is made that tells what its layers otherwise keep.

    Args:
        model: A functional or sequential `keras.Model` with layers of ours in it, be it within another such model or
            `keras.layers.TimeDistributed`.
        x: What the model takes, a batch of it.

    Returns:
        A dictionary of arrays by the names of the layers, ``(B, T, S)``, or of what pools ``(B, ..., T)``; within
        TimeDistributed ``(B, N, T, S)`` and ``(B, N, T)``. The second time that a layer is called has ``@2`` after its
        name.

    Raises:
        ValueError: If there is no attention in the model, or it is of another kind.

    Example:

    >>> from keras_impl.models import self_attention_classifier
    >>> weights = attention_weights(self_attention_classifier(), keras.ops.ones((2, 4, 64)))
    >>> {name: array.shape for name, array in weights.items()}
    {'self_attention': (2, 4, 4)}
    """
    teller = _that_tells(model)
    if teller is None:
        raise ValueError(
            f"Expected a model with {' or '.join(one.__name__ for one in ATTENTIONS)} in it. Received: a model with "
            "the layers " + ", ".join(f"{layer.name} ({layer.__class__.__name__})" for layer in model.layers)
        )
    told = teller(x, training=False)  # on PyTorch, names may come back in another order
    return {name: keras.ops.convert_to_numpy(told[name]) for name in teller.output}


def _that_tells(model):
    """A copy of the model, with its weights, whose outputs are those of its attentions; None if it has none."""
    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs[0], model.outputs[0])
    told, originals = {}, {layer.name: layer for layer in model.layers}

    def tell(name, weights):
        used = sum(other == name or other.startswith(f"{name}@") for other in told)  # a layer may be called again
        told[f"{name}@{used + 1}" if used else name] = weights

    def call(layer, *args, **kwargs):
        if isinstance(layer, ATTENTIONS):
            output, weights = layer(*args, **{**kwargs, "return_attention_scores": True})
            tell(layer.name, weights)
            return output
        repeated = isinstance(layer, keras.layers.TimeDistributed)
        original = originals.get(layer.name)  # with the weights, unlike that of the copy
        within = original.layer if repeated else original
        inner = _that_tells(within) if isinstance(within, keras.Model) else None
        for name, weights in {} if inner is None else inner.output.items():
            alone = keras.Model(inner.input, weights)  # as TimeDistributed hands on a single tensor
            tell(name, (keras.layers.TimeDistributed(alone) if repeated else alone)(*args))
        return layer(*args, **kwargs)

    copy = keras.models.clone_model(model, call_function=call)
    copy.set_weights(model.get_weights())
    return keras.Model(copy.input, told) if told else None
