"""The concepts that there are golden cases of: which arrays a case of each has, and the names of their axes."""

from collections.abc import Iterable
from typing import NamedTuple

Axes = dict[str, tuple[str, ...]]


class Concept(NamedTuple):
    """The arrays of a case, by name, with their axes; ``...`` are leading ones, of which there may be any number."""

    name: str
    inputs: Axes
    masks: Axes
    cotangents: Axes  # of which the first must be there
    results: Axes
    options: tuple[str, ...]  # names of what is no array

    @property
    def needed(self) -> tuple[str, ...]:
        """The names of the inputs that must be there."""
        return tuple(name for name in self.inputs if name not in OPTIONAL)

    @property
    def axes(self) -> Axes:
        """Those of every array but the gradients, which have the shape of what they are of."""
        return {**self.inputs, **self.masks, **self.cotangents, **self.results}


OPTIONAL = ("b_q", "b_k", "b_v", "b_o", "W_g", "b_g", "b_a", "bias")
LOOSE = ("scale", "v_a", "bias")  # inputs whose axes may be missing or of length 1, as those of masks
MAY_HIDE = ("bias", "scores")  # may hold minus infinity

OF_SCORES = ("...", "T", "S")
OF_HEADS = ("...", "H", "T", "S")
ATTENDED: Axes = {"query": ("...", "T", "d_k"), "key": ("...", "S", "d_k"), "value": ("...", "S", "d_v")}
MASKS: Axes = {"mask": OF_SCORES, "key_mask": ("...", "S"), "query_mask": ("...", "T")}
COTANGENTS: Axes = {"d_output": ("...", "T", "d_v"), "d_weights": OF_SCORES}
RESULTS: Axes = {"visible": OF_SCORES, "scores": OF_SCORES, "weights": OF_SCORES, "output": ("...", "T", "d_v")}

DOT_PRODUCT = Concept(
    "dot_product",
    inputs={**ATTENDED, "scale": OF_SCORES, "bias": OF_SCORES},
    masks=MASKS,
    cotangents=COTANGENTS,
    results=RESULTS,
    options=("softcap", "causal", "window"),
)
SELF_ATTENTION = Concept(
    "self_attention",
    inputs={
        "x": ("...", "T", "d"),
        **{"W_q": ("d", "d_k"), "W_k": ("d", "d_k"), "W_v": ("d", "d_v")},
        **{"b_q": ("d_k",), "b_k": ("d_k",), "b_v": ("d_v",)},
        **{"scale": OF_SCORES, "bias": OF_SCORES},
    },
    masks=MASKS,
    cotangents=COTANGENTS,
    results=RESULTS,
    options=("softcap", "causal", "window"),
)
ADDITIVE = Concept(
    "additive",
    inputs={**ATTENDED, "scale": (), "v_a": ("d_k",), "bias": OF_SCORES},
    masks=MASKS,
    cotangents=COTANGENTS,
    results=RESULTS,
    options=("causal", "window"),
)
MULTI_HEAD = Concept(
    "multi_head",
    inputs={
        **{"query": ("...", "T", "d_query"), "key": ("...", "S", "d_key"), "value": ("...", "S", "d_value")},
        **{"W_q": ("d_query", "H", "d_k"), "W_k": ("d_key", "H_kv", "d_k"), "W_v": ("d_value", "H_kv", "d_v")},
        "W_o": ("H", "d_v", "d_output"),
        **{"b_q": ("H", "d_k"), "b_k": ("H_kv", "d_k"), "b_v": ("H_kv", "d_v"), "b_o": ("d_output",)},
        **{"W_g": ("d_query", "H", "d_v"), "b_g": ("H", "d_v")},
        **{"scale": (), "bias": OF_HEADS},
    },
    masks={"mask": OF_HEADS, "key_mask": ("...", "S")},
    cotangents={"d_output": ("...", "T", "d_output"), "d_weights": OF_HEADS},
    results={"visible": OF_HEADS, "scores": OF_HEADS, "weights": OF_HEADS, "output": ("...", "T", "d_output")},
    options=("softcap", "causal", "window"),
)
POOLING = Concept(
    "pooling",
    inputs={"x": ("...", "T", "d"), "W_a": ("d", "units"), "context": ("units",), "b_a": ("units",)},
    masks={"mask": ("...", "T")},
    cotangents={"d_output": ("...", "d"), "d_weights": ("...", "T")},
    results={"visible": ("...", "T"), "scores": ("...", "T"), "weights": ("...", "T"), "output": ("...", "d")},
    options=(),
)
SOFTMAX = Concept(
    "softmax",
    inputs={"scores": OF_SCORES},
    masks={"mask": OF_SCORES},
    cotangents={"d_weights": OF_SCORES},
    results={"visible": OF_SCORES, "weights": OF_SCORES},
    options=(),
)

# An input that no other concept has; whatever has none of them is of dot products.
TELLING = {"W_o": MULTI_HEAD, "v_a": ADDITIVE, "context": POOLING, "scores": SOFTMAX, "x": SELF_ATTENTION}


def concept_of(inputs: Iterable[str]) -> Concept:
    """The concept of a case, from the names of its inputs.

    Examples
    --------
    >>> concept_of(["query", "key", "value", "scale", "v_a"]).name
    'additive'
    """
    names = set(inputs)
    return next((concept for name, concept in TELLING.items() if name in names), DOT_PRODUCT)
