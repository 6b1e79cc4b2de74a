"""The layers under test: how each is made, built and called in the contract of its kind."""

import importlib
import inspect

import keras
import numpy as np

from parity_tests.backend import call_with_gradients, quiet_warnings
from parity_tests.dot_product import ATTENTION
from parity_tests.self_attention import SELF_ATTENTION
from parity_tests.strategies import numpy_dtype

KINDS = {kind.name: kind for kind in (ATTENTION, SELF_ATTENTION)}


class Subject:
    """A layer that keeps the contract of its kind as it is.

    For a layer with another signature, derive from this class, override what differs, and name the class
    as the target. `KerasAttention` below is an example.

    Parameters
    ----------
    target
        What the command calls it: ``package.module:LayerClass``, or a registered name.
    kind
        The contract, an `Example`'s `Kind`.
    layer_class
        The layer, as its code is called in saved models.
    """

    def __init__(self, target, kind, layer_class):
        self.target = target
        self.kind = kind
        self.layer_class = layer_class

    def make(self, example):
        """A new layer with the example's constructor arguments."""
        return self.layer_class(**example.constructor, dtype=example.dtype)

    def call(self, layer, inputs, masks, return_attention_scores, use_causal_mask):
        """Call the layer on the example's inputs and masks, in the order of the example."""
        listed = len(inputs) > 1
        return layer(
            list(inputs) if listed else inputs[0],
            mask=(masks if any(mask is not None for mask in masks) else None) if listed else masks[0],
            return_attention_scores=return_attention_scores,
            use_causal_mask=use_causal_mask,
        )

    def weights(self, example):
        """The names and arrays of the layer's weights, in the layer's own order."""
        return example.weights

    def build(self, example):
        """A layer with the example's weights in it."""
        layer = self.make(example)
        self.run(layer, example, return_attention_scores=False)  # which creates the variables
        weights = self.weights(example)
        if len(layer.weights) != len(weights):
            received = ", ".join(variable.name for variable in layer.weights) or "none"
            raise ValueError(f"weights: expected {', '.join(weights) or 'none'}, received {received}")
        for variable, array in zip(layer.weights, weights.values()):
            variable.assign(np.asarray(array).astype(numpy_dtype(variable.dtype)))
        return layer

    def run(self, layer, example, return_attention_scores):
        """The output alone, or the output and the weights."""
        inputs = [keras.ops.convert_to_tensor(array) for array in example.inputs.values()]
        return self._called(layer, inputs, example, return_attention_scores)

    def run_with_gradients(self, layer, example):
        """The results, and the gradients by name; with weights among the results if the loss depends on them."""
        cotangents = [array for array in (example.d_output, example.d_weights) if array is not None]

        def call(inputs):
            results = self._called(layer, inputs, example, example.d_weights is not None)
            return results if isinstance(results, tuple) else [results]

        results, gradients = call_with_gradients(call, example.inputs.values(), layer.trainable_weights, cotangents)
        names = [*example.inputs, *self.weights(example)]
        return results, {f"d_{name}": gradient for name, gradient in zip(names, gradients, strict=True)}

    def _called(self, layer, inputs, example, return_attention_scores):
        masks = list(example.masks.values())
        results = self.call(layer, inputs, masks, return_attention_scores, example.causal)
        if return_attention_scores:
            if not isinstance(results, (list, tuple)) or len(results) != 2:
                raise ValueError(f"results: expected (output, weights), received {_described(results)}")
            return tuple(results)
        if not hasattr(results, "shape"):
            raise ValueError(f"results: expected the output alone, received {_described(results)}")
        return results


def _described(results):
    if isinstance(results, (list, tuple)):
        return f"{len(results)} results"
    return f"a tensor of shape {tuple(results.shape)}" if hasattr(results, "shape") else repr(results)


class KerasAttention(Subject):
    """``keras.layers.Attention``, which takes ``[query, value, key]`` and learns its scale."""

    def __init__(self):
        super().__init__("keras.layers.Attention", ATTENTION, keras.layers.Attention)

    def make(self, example):
        return keras.layers.Attention(use_scale=example.constructor["scaled"], dtype=example.dtype)

    def weights(self, example):
        d_k = example.inputs["query"].shape[-1]
        return {"scale": d_k**-0.5} if example.constructor["scaled"] else {}

    def call(self, layer, inputs, masks, return_attention_scores, use_causal_mask):
        query, key, value = inputs
        query_mask, key_mask, _ = masks
        mask = None if query_mask is None and key_mask is None else [query_mask, key_mask]
        return layer(
            [query, value, key],
            mask=mask,
            return_attention_scores=return_attention_scores,
            use_causal_mask=use_causal_mask,
        )


def registered():
    """The layers that are checked when no target is named."""
    import keras_impl

    return {
        subject.target: subject
        for subject in (
            Subject("keras_impl:AttentionLayer", ATTENTION, keras_impl.AttentionLayer),
            Subject("keras_impl:SelfAttention", SELF_ATTENTION, keras_impl.SelfAttention),
            KerasAttention(),
        )
    }


def find(target, kind=None):
    """Return the subject that a target names.

    Parameters
    ----------
    target
        A registered name, ``package.module:Class``, or a class: a Keras layer or a `Subject`.
    kind
        The name of the kind. By default it is guessed from the layer's ``call``: ``self_attention`` if its
        first argument is ``x``, else ``attention``.

    Raises
    ------
    ValueError
        In one line, if there is no such class or it cannot be called.
    """
    check_kind(kind)
    if isinstance(target, str) and target in registered():
        subject = registered()[target]
        if kind not in (None, subject.kind.name):
            raise ValueError(f"kind: expected {subject.kind.name} for {target}, received {kind!r}")
        return subject
    found = _imported(target) if isinstance(target, str) else target
    name = target if isinstance(target, str) else f"{target.__module__}:{target.__qualname__}"
    if inspect.isclass(found) and issubclass(found, Subject):
        subject = _adapted(found, name)
        _try(subject)
        return subject
    if not (inspect.isclass(found) and issubclass(found, keras.layers.Layer)):
        raise ValueError(f"target: expected a keras.layers.Layer or a Subject, received {name}")
    subject = Subject(name, KINDS[kind or _guessed_kind(found)], found)
    _try(subject)
    return subject


def _adapted(found, name):
    try:
        subject = found()
    except Exception as error:  # whatever somebody's adapter may raise
        raise ValueError(
            f"target: expected a Subject that is made without arguments, received {name}: {_in_one_line(error)}"
        ) from error
    subject.target = name  # by which a script finds it again
    return subject


def check_kind(kind):
    """Refuse a name that is not that of a kind."""
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind: expected one of {', '.join(KINDS)}, received {kind!r}")


def _imported(target):
    module, colon, name = target.partition(":")
    if not colon:
        known = ", ".join(registered())
        raise ValueError(f"target: expected package.module:LayerClass or one of {known}, received {target!r}")
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:  # whatever the import of somebody's module may raise
        raise ValueError(f"target: expected a class to import, received {target!r}: {_in_one_line(error)}") from error


def _guessed_kind(layer_class):
    first = list(inspect.signature(layer_class.call).parameters)[1:2]
    return SELF_ATTENTION.name if first == ["x"] else ATTENTION.name


def _try(subject):
    example = subject.kind.plain()
    try:
        with quiet_warnings():
            subject.run(subject.build(example), example, return_attention_scores=True)
    except Exception as error:  # whatever somebody's layer may raise
        raise ValueError(
            f"target: expected a layer of kind {subject.kind.name}, received {subject.target}, "
            f"which cannot be called as one (--kind names another): {_in_one_line(error)}"
        ) from error


def _in_one_line(error):
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
