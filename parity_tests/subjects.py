"""The layers under test: those that are checked when none is named, and how a target is found."""

import importlib
import inspect
from contextlib import suppress

import keras

from parity_tests.adapters import ADAPTERS, KerasAttention, KerasConcatAttention
from parity_tests.additive import ADDITIVE_ATTENTION
from parity_tests.attention_of_heads import ATTENTION_OF_HEADS
from parity_tests.backend import in_words
from parity_tests.contract import check_contract, options_of, takes
from parity_tests.dot_product import ATTENTION
from parity_tests.hierarchical import HIERARCHICAL_ATTENTION
from parity_tests.multi_head import MULTI_HEAD_ATTENTION
from parity_tests.pooling import ATTENTION_POOLING
from parity_tests.self_attention import SELF_ATTENTION
from parity_tests.softmax import SOFTMAX
from parity_tests.subject import Subject

OURS = (
    ATTENTION,
    SELF_ATTENTION,
    ATTENTION_POOLING,
    HIERARCHICAL_ATTENTION,
)  # of the others, the contract is the signature of Keras's layer
CONCAT = ".concat"  # behind the name of a class that is derived from keras.layers.Attention: in that mode
KINDS = {kind.name: kind for kind in (*OURS, ADDITIVE_ATTENTION, MULTI_HEAD_ATTENTION, ATTENTION_OF_HEADS, SOFTMAX)}


def registered():
    """The layers that are checked when no target is named."""
    import keras_impl

    layers = {
        "keras_impl:AttentionLayer": (ATTENTION, keras_impl.AttentionLayer),
        "keras_impl:SelfAttention": (SELF_ATTENTION, keras_impl.SelfAttention),
        "keras_impl:AttentionPooling": (ATTENTION_POOLING, keras_impl.AttentionPooling),
        "keras_impl:HierarchicalAttention": (HIERARCHICAL_ATTENTION, keras_impl.HierarchicalAttention),
    }
    ours = [Subject(name, kind, layer, options_of(layer, kind)) for name, (kind, layer) in layers.items()]
    return {subject.target: subject for subject in (*ours, *(adapter() for adapter in ADAPTERS))}


def chosen(targets, kind=None):
    """Return the subjects that targets name; if there are none, the registered ones, of a kind if one is named."""
    check_kind(kind)
    if not targets:
        return [subject for subject in registered().values() if kind in (None, subject.kind.name)]
    found = [find(target, kind) for target in targets]
    return found if kind else [subject for one in found for subject in in_all_modes(one)]


def in_all_modes(subject):
    """A subject; and if it is derived from ``keras.layers.Attention`` and may be told its mode, it in the other too."""
    derived_from_it = type(subject) is KerasAttention and subject.target not in registered()
    if not derived_from_it or not takes(subject.layer_class, "score_mode"):
        return [subject]
    other = KerasConcatAttention(subject.target + CONCAT, subject.layer_class)
    check_contract(other, f" (its other mode, which --kind {subject.kind.name} leaves out)")
    return [subject, other]


def find(target, kind=None):
    """Return the subject that a target names.

    Parameters
    ----------
    target
        A registered name, ``package.module:Class``, or a class: a Keras layer or a `Subject`. With ``.concat`` behind
        it, a class that is derived from ``keras.layers.Attention``, in the mode concat.
    kind
        The name of the kind. By default it is that of the layer of Keras that the layer is derived from; else it is
        guessed: ``self_attention`` if the constructor takes ``units`` or the first argument of ``call`` is ``x``, else
        ``attention``. A layer that keeps the contract of another one of our layers alone is of that kind.

    Raises
    ------
    ValueError
        In one line, if there is no such class or it cannot be called.
    """
    check_kind(kind)
    if isinstance(target, str) and target in registered():
        return _of_this_kind(registered()[target], kind)
    if isinstance(target, str) and target.endswith(CONCAT):
        return _of_this_kind(_in_concat(target), kind)
    found = _imported(target) if isinstance(target, str) else target
    name = target if isinstance(target, str) else f"{target.__module__}:{target.__qualname__}"
    if inspect.isclass(found) and issubclass(found, Subject):
        subject = _adapted(found, name)
        check_contract(subject)
        return subject
    if not (inspect.isclass(found) and issubclass(found, keras.layers.Layer)):
        raise ValueError(f"target: expected a keras.layers.Layer or a Subject, received {name}")
    subject = derived(name, found, kind)
    if subject is not None:
        check_contract(subject)
        return subject
    return _of_kind(name, found, kind) if kind else _of_guessed_kind(name, found)


def derived(name, layer_class, kind=None):
    """A layer that is derived from one of Keras's that are registered, as a subject; None if it is not."""
    for adapter in sorted(ADAPTERS, key=lambda one: -len(one.adapts.__mro__)):  # the most derived first
        if issubclass(layer_class, adapter.adapts) and kind in (None, adapter.contract.name):
            return adapter(name, layer_class)
    return None


def _in_concat(target):
    subject = find(target.removesuffix(CONCAT), KerasConcatAttention.contract.name)
    if type(subject) is not KerasConcatAttention:
        raise ValueError(f"target: expected a class with the mode concat, received {target!r}")
    subject.target = target
    return subject


def _of_this_kind(subject, kind):
    if kind not in (None, subject.kind.name):
        raise ValueError(f"kind: expected {subject.kind.name} for {subject.target}, received {kind!r}")
    return subject


def _of_kind(name, layer_class, kind, guessed=""):
    contract = KINDS[kind]
    if contract in OURS:
        subject = Subject(name, contract, layer_class, options_of(layer_class, contract))
    else:
        adapter = next(adapter for adapter in ADAPTERS if adapter.contract is contract)
        subject = adapter(name, layer_class, known_as=name)
    check_contract(subject, guessed)
    return subject


def _of_guessed_kind(name, layer_class):
    """A subject of the likeliest kind of ours whose contract the layer keeps; if it keeps none, that is said of it."""
    likeliest, reason = _guessed_kind(layer_class)
    others = [kind.name for kind in OURS if kind.name != likeliest]
    guessed = f" (guessed, as {reason}; other kinds: {', '.join(others)})"
    try:
        return _of_kind(name, layer_class, likeliest, guessed)
    except ValueError:
        for other in others:
            with suppress(ValueError):
                return _of_kind(name, layer_class, other)
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
