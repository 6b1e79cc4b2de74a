"""What a layer must have to be checked at all; what it lacks is said in one line."""

import inspect

from parity_tests.backend import in_words, quiet
from parity_tests.built_layer import BuiltLayer

CALL = ("mask", "return_attention_scores")


def check_contract(subject, guessed=""):
    """Refuse a subject that cannot be called as its kind says.

    Parameters
    ----------
    subject
        A `Subject`.
    guessed
        Why it is taken to be of that kind, if nobody said so.

    Raises
    ------
    ValueError
        In one line, which says what is missing.
    """
    lacking = subject.lacking()
    for used in (False, True):
        example = subject.kind.plain(subject.options, used)
        try:
            if not lacking:
                with quiet():
                    BuiltLayer(subject, example).run(example, return_attention_scores=True)
        except Exception as error:  # whatever somebody's layer may raise
            lacking = f"which cannot be called as one: {in_words(error)}"
    if lacking:
        raise ValueError(
            f"target: expected a layer of kind {subject.kind.name}{guessed}, received {subject.target}, {lacking}"
        )


def options_of(layer_class, kind):
    """Those of a kind's options that a layer's constructor takes by name."""
    return kind.options & _taken(layer_class, "__init__")


def takes(layer_class, option):
    """Whether a layer's constructor takes an option by name."""
    return option in _taken(layer_class, "__init__")


def lacking(layer_class, kind):
    """What the signatures of a layer lack; empty if nothing."""
    call = (*CALL, "use_causal_mask") if kind.causal else CALL
    for method, needed in (("__init__", (*kind.plain().constructor, "dtype")), ("call", call)):
        own = inspect.signature(getattr(layer_class, method)).parameters.values()
        if method == "call" and any(parameter.kind is parameter.VAR_KEYWORD for parameter in own):
            continue  # whose base, if it hands them on, is seen by calling it
        missing = [name for name in needed if name not in _taken(layer_class, method)]
        if missing:
            return f"whose {method} takes no {' and no '.join(missing)}"
    return ""


def _taken(layer_class, method):
    """The arguments that a method takes by name, itself or by handing on what it does not know to that of a base."""
    names = set()
    for base in layer_class.__mro__:
        if method in vars(base):
            parameters = inspect.signature(vars(base)[method]).parameters
            names |= parameters.keys()
            if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters.values()):
                break
    return names
