"""How a golden case of each concept is computed: its forward, its backward, and the results that a case tells of."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from reference.additive import additive_attention, additive_attention_backward
from reference.dot_product import dot_product_attention, dot_product_attention_backward
from reference.inputs import Array
from reference.multi_head import multi_head_attention, multi_head_attention_backward
from reference.pooling import attention_pooling, attention_pooling_backward
from reference.projections import Projections
from reference.self_attention import self_attention, self_attention_backward
from reference.softmax import softmax, softmax_backward


class Computation(NamedTuple):
    """How a case of a concept is computed.

    Attributes
    ----------
    forward
        Takes inputs, the mask and the options that are no mask, all by name; returns a record.
    backward
        Takes ``d_output``, the record and ``d_weights``; returns gradients.
    results
        Takes both; returns arrays by the names that a case has for them, ``logits`` among them.
    """

    forward: Callable[..., Any]
    backward: Callable[[Any, Any, Any], Any]
    results: Callable[[Any, Any], dict[str, Any]]


class MaskedSoftmax(NamedTuple):
    """The inputs and every intermediate of a softmax of which some scores are hidden."""

    scores: Array  # (..., T, S)
    mask: Array
    logits: Array  # (..., T, S), -inf where masked
    weights: Array  # (..., T, S)


class MaskedSoftmaxGradients(NamedTuple):
    """The gradients of a masked softmax."""

    d_scores: Array  # (..., T, S)


def _multi_head(query: Any, key: Any, value: Any, scale: Any, mask: Array, **others: Any) -> Any:
    projections = Projections(**{name: others.pop(name, None) for name in Projections._fields})
    return multi_head_attention(query, key, value, projections, scale=scale, mask=mask, **others)


def _softmax(scores: Any, mask: Array) -> MaskedSoftmax:
    logits = np.where(mask, scores, -np.inf)
    return MaskedSoftmax(scores, mask, logits, softmax(logits))


def _softmax_backward(d_output: None, record: MaskedSoftmax, d_weights: Any) -> MaskedSoftmaxGradients:
    return MaskedSoftmaxGradients(softmax_backward(d_weights, record.weights))


def _fields(record: Any, gradients: Any) -> dict[str, Any]:
    return {**record._asdict(), **gradients._asdict()}


def _fields_within(record: Any, gradients: Any) -> dict[str, Any]:
    """Those of the attention that a record holds, and its own."""
    return {**_fields(record.attention, gradients.attention), **_fields(record, gradients)}


def _fields_of_heads(record: Any, gradients: Any) -> dict[str, Any]:
    """Heads along one axis, and the gradients of the projections by the names of these."""
    *leading, _, _, T, S = record.attention.scores.shape
    of_heads = (*leading, -1, T, S)
    found = {name: getattr(record.attention, name).reshape(of_heads) for name in ("scores", "logits")}
    d_projections = {f"d_{name}": array for name, array in gradients.d_projections._asdict().items()}
    return {**_fields(record, gradients), **d_projections, **found}


def _fields_of_positions(record: Any, gradients: Any) -> dict[str, Any]:
    """Scores without the axis of the one query, which is the context."""
    found = {name: getattr(record.attention, name)[..., 0, :] for name in ("scores", "logits")}
    return {**_fields(record, gradients), **found}


COMPUTATIONS = {
    "dot_product": Computation(dot_product_attention, dot_product_attention_backward, _fields),
    "self_attention": Computation(self_attention, self_attention_backward, _fields_within),
    "additive": Computation(additive_attention, additive_attention_backward, _fields),
    "multi_head": Computation(_multi_head, multi_head_attention_backward, _fields_of_heads),
    "pooling": Computation(attention_pooling, attention_pooling_backward, _fields_of_positions),
    "softmax": Computation(_softmax, _softmax_backward, _fields),
}
