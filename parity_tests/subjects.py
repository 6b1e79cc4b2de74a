"""The layers under test: how each is made, built and called in the contract of its kind."""

import importlib
import inspect
from contextlib import suppress

import keras

from parity_tests.backend import in_words
from parity_tests.contract import check_contract, lacking, options_of
from parity_tests.dot_product import ATTENTION
from parity_tests.self_attention import SELF_ATTENTION

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
    options
        Those of the kind's options that `make` passes on, such as ``"dropout"``; they are checked too.
    """

    def __init__(self, target, kind, layer_class, options=()):
        self.target = target
        self.kind = kind
        self.layer_class = layer_class
        self.options = frozenset(options)

    @property
    def adapted(self):
        """Whether the layer is made or called in a way of its own."""
        return type(self) is not Subject

    def make(self, example):
        """A new layer with the example's constructor arguments."""
        return self.layer_class(**example.constructor, dtype=example.policy)

    def call(self, layer, inputs, masks, return_attention_scores, use_causal_mask, **training):
        """Call the layer on the example's inputs and masks, in the order of the example.

        ``training``, true or false, is given in some calls if ``dropout`` is among the subject's options.
        """
        listed = len(inputs) > 1
        return layer(
            list(inputs) if listed else inputs[0],
            mask=(masks if any(mask is not None for mask in masks) else None) if listed else masks[0],
            return_attention_scores=return_attention_scores,
            use_causal_mask=use_causal_mask,
            **training,
        )

    def weights(self, example):
        """The names and arrays of the layer's weights, in the layer's own order.

        Weights that the layer keeps as one, side by side, have a tuple of names.
        """
        return example.weights

    def lacking(self):
        """What the layer's signatures lack, in words; an adapter, which calls it in its own way, says nothing."""
        return "" if self.adapted else lacking(self.layer_class, self.kind)

    def mask(self, layer, inputs, masks):
        """The mask that the layer hands on, or None."""
        listed = len(inputs) > 1
        given = any(mask is not None for mask in masks)
        return layer.compute_mask(
            list(inputs) if listed else inputs[0], (masks if listed else masks[0]) if given else None
        )

    def output_shape(self, layer, shapes):
        """The shape of the output as the layer tells it; None if it does not, or an adapter calls it in its own way."""
        defined = type(layer).compute_output_shape is not keras.layers.Layer.compute_output_shape
        if not defined or type(self).call is not Subject.call:
            return None
        return layer.compute_output_shape(shapes if len(shapes) > 1 else shapes[0])


class KerasAttention(Subject):
    """``keras.layers.Attention``, which takes ``[query, value, key]`` and learns its scale."""

    def __init__(self):
        super().__init__("keras.layers.Attention", ATTENTION, keras.layers.Attention, {"dropout", "seed"})

    def make(self, example):
        options = dict(example.constructor)
        return self.layer_class(use_scale=options.pop("scaled"), **options, dtype=example.policy)

    def weights(self, example):
        d_k = example.inputs["query"].shape[-1]
        return {"scale": d_k**-0.5} if example.constructor["scaled"] else {}

    def call(self, layer, inputs, masks, return_attention_scores, use_causal_mask, **training):
        query, key, value = inputs
        query_mask, key_mask, _ = masks
        mask = None if query_mask is None and key_mask is None else [query_mask, key_mask]
        return layer(
            [query, value, key],
            mask=mask,
            return_attention_scores=return_attention_scores,
            use_causal_mask=use_causal_mask,
            **training,
        )

    def output_shape(self, layer, shapes):
        query, key, value = shapes
        return layer.compute_output_shape([query, value, key])


def registered():
    """The layers that are checked when no target is named."""
    import keras_impl

    layers = {
        "keras_impl:AttentionLayer": (ATTENTION, keras_impl.AttentionLayer),
        "keras_impl:SelfAttention": (SELF_ATTENTION, keras_impl.SelfAttention),
    }
    ours = [Subject(name, kind, layer, options_of(layer, kind)) for name, (kind, layer) in layers.items()]
    return {subject.target: subject for subject in (*ours, KerasAttention())}


def chosen(targets, kind=None):
    """Return the subjects that targets name; if there are none, the registered ones, of a kind if one is named."""
    check_kind(kind)
    if not targets:
        return [subject for subject in registered().values() if kind in (None, subject.kind.name)]
    return [find(target, kind) for target in targets]


def find(target, kind=None):
    """Return the subject that a target names.

    Parameters
    ----------
    target
        A registered name, ``package.module:Class``, or a class: a Keras layer or a `Subject`.
    kind
        The name of the kind. By default it is guessed: ``self_attention`` if the constructor takes ``units`` or the
        first argument of ``call`` is ``x``, else ``attention``. A layer that does not keep the contract of that kind,
        but that of another, is of the other.

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
        check_contract(subject)
        return subject
    if not (inspect.isclass(found) and issubclass(found, keras.layers.Layer)):
        raise ValueError(f"target: expected a keras.layers.Layer or a Subject, received {name}")
    return _of_kind(name, found, kind) if kind else _of_guessed_kind(name, found)


def _of_kind(name, layer_class, kind, guessed=""):
    subject = Subject(name, KINDS[kind], layer_class, options_of(layer_class, KINDS[kind]))
    check_contract(subject, guessed)
    return subject


def _of_guessed_kind(name, layer_class):
    """A subject of the likeliest kind whose contract the layer keeps; if it keeps none, that is said of the first."""
    likeliest, reason = _guessed_kind(layer_class)
    others = [kind for kind in KINDS if kind != likeliest]
    guessed = f" (guessed, as {reason}; the other is --kind {' or '.join(others)})"
    try:
        return _of_kind(name, layer_class, likeliest, guessed)
    except ValueError:
        for kind in others:
            with suppress(ValueError):
                return _of_kind(name, layer_class, kind)
        raise


def _adapted(found, name):
    try:
        subject = found()
    except Exception as error:  # whatever somebody's adapter may raise
        raise ValueError(
            f"target: expected a Subject that is made without arguments, received {name}: {in_words(error)}"
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
        raise ValueError(f"target: expected a class to import, received {target!r}: {in_words(error)}") from error


def _guessed_kind(layer_class):
    """The kind that the names of arguments suggest, and why."""
    if "units" in inspect.signature(layer_class.__init__).parameters:
        return SELF_ATTENTION.name, "its constructor takes units"
    first = next(iter([*inspect.signature(layer_class.call).parameters][1:]), "nothing")
    if first == "x":
        return SELF_ATTENTION.name, "its call begins with x"
    return ATTENTION.name, f"its constructor takes no units and its call begins with {first}"
