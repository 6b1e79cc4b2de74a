"""A golden case as an example of a kind of layer, where the kind has what the case needs; a file for each kind."""

from parity_tests.golden.translation import (
    additive_attention,
    attention,
    attention_of_heads,
    attention_pooling,
    multi_head_attention,
    self_attention,
    softmax,
)
from reference.concepts import concept_of

KINDS = {
    "attention": attention,
    "self_attention": self_attention,
    "attention_of_heads": attention_of_heads,
    "additive_attention": additive_attention,
    "multi_head_attention": multi_head_attention,
    "attention_pooling": attention_pooling,
    "softmax": softmax,
}


def inexpressible(case, kind, options=frozenset()):
    """Why a layer cannot be asked what a case asks; empty if it can.

    Parameters
    ----------
    case : reference.golden.GoldenCase
    kind
        A `parity_tests.Kind`.
    options
        Those of the kind's options that the layer has.
    """
    if concept_of(case.inputs).name != KINDS[kind.name].CONCEPT:
        return "another concept"
    return KINDS[kind.name].inexpressible(case, options)


def example(case, kind, options, dtype):
    """The case as an `Example`, its leading axes as one batch.

    Parameters
    ----------
    case, kind, options
        As in `inexpressible`, which says nothing.
    dtype
        Such as ``"float32"``.
    """
    return KINDS[kind.name].example(case, options, dtype)


def result_name(kind, name):
    """What a case calls a result of a kind, such as ``"output_alone"`` or ``"d_query"``."""
    return getattr(KINDS[kind.name], "NAMES", {}).get(name, name)


def in_case(case, kind, name, array):
    """A result of the example, under the case's name, as the case has it."""
    return KINDS[kind.name].in_case(case, name.removesuffix("_alone"), array)


def rows(case, kind, name, judged):
    """Rows of the example, as they broadcast against a result of the case."""
    return KINDS[kind.name].rows(case, name.removesuffix("_alone"), judged)
