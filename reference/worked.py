"""Attention worked through: every step of forward and backward, with its name, shape and numbers."""

from typing import Any, NamedTuple

import numpy as np

from reference.dot_product import (
    DotProductAttention,
    DotProductGradients,
    dot_product_attention,
    dot_product_attention_backward,
)
from reference.inputs import Array

SHADES = " ░▒▓█"
OPTIONS = ("scale", "softcap", "bias", "mask")
WIDEST = 32  # keys and queries that a heat-map shows


class Step(NamedTuple):
    """One step: the field that holds its result, what the result is computed from, and the option that needs it."""

    name: str
    formula: str
    option: str | None = None


SCORING = (
    Step("products", "query @ key.mT"),
    Step("scaled", "scale * products", "scale"),
    Step("capped", "softcap * tanh({before} / softcap)", "softcap"),
    Step("scores", "{before} + bias", "bias"),
)

AVERAGING = (
    Step("logits", "where(mask, scores, -inf)", "mask"),
    Step("weights", "softmax({before})"),
    Step("output", "weights @ value"),
)

BACKWARD = (
    Step("d_value", "weights.mT @ d_output"),
    Step("d_weights", "d_output @ value.mT"),
    Step("d_scores", "weights * (d_weights - sum(d_weights * weights))"),
    Step("d_bias", "d_scores, summed over what the bias was broadcast to", "bias"),
    Step("d_scaled", "d_scores * (1 - tanh²)", "softcap"),
    Step("d_scale", "sum({before} * products)", "scale"),
    Step("d_products", "scale * {before}", "scale"),
    Step("d_query", "{before} @ key"),
    Step("d_key", "{before}.mT @ query"),
)


def worked(query: Any, key: Any, value: Any, d_output: Any = None, **options: Any) -> list[str]:
    """Return the lines that show every step of the forward and the backward.

    Parameters
    ----------
    query, key, value, **options
        As for `reference.dot_product_attention`.
    d_output
        The gradient with respect to the output; by default 1 everywhere, so that the loss is the output's sum.

    Returns
    -------
    lines
        To be printed.

    Raises
    ------
    ValueError
        As `reference.dot_product_attention` and its backward do.

    Examples
    --------
    >>> print(*worked([[1.0]], [[1.0]], [[2.0]])[6:9], sep="\\n")
    value  (1, 1)
    [[2.]]
    <BLANKLINE>
    """
    attention = dot_product_attention(query, key, value, **options)
    d_output = np.ones(attention.output.shape) if d_output is None else np.asarray(d_output, dtype=np.float64)
    gradients = dot_product_attention_backward(d_output, attention)
    return [*inputs(attention), *forward(attention), *backward(attention, gradients, d_output)]


def inputs(attention: DotProductAttention) -> list[str]:
    """Return the lines that show what goes in."""
    lines = []
    for name in ("query", "key", "value", *OPTIONS):
        if name in ("query", "key", "value") or name in _used(attention):
            lines += shown(name, getattr(attention, name))
    return lines


def forward(attention: DotProductAttention) -> list[str]:
    """Return the lines that show the forward step by step."""
    used = _used(attention)
    lines = ["FORWARD", ""]
    before = ""
    scoring = [step for step in SCORING if step.option is None or step.option in used]
    averaging = [step for step in AVERAGING if step.option is None or step.option in used]
    for step in (*scoring, *averaging):
        name = "scores" if step is scoring[-1] else step.name  # whatever comes last of them makes the scores
        lines += shown(f"{name} = {step.formula.format(before=before)}", getattr(attention, step.name))
        before = name
    return [*lines, *shaded(attention.weights)]


def backward(
    attention: DotProductAttention, gradients: DotProductGradients, d_output: Array, d_weights: Array | None = None
) -> list[str]:
    """Return the lines that show the backward step by step."""
    return [*cotangents(d_output, d_weights), *undone(attention, gradients, d_weights is not None)]


def cotangents(d_output: Array | None, d_weights: Array | None) -> list[str]:
    """Return the lines that show what the backward starts from."""
    lines = [f"BACKWARD, from the gradient with respect to the {'weights' if d_output is None else 'output'}", ""]
    if d_output is None:
        return lines + shown("d_weights", d_weights)
    lines += shown("d_output", d_output)
    return lines if d_weights is None else lines + shown("and to the weights themselves", d_weights)


def undone(attention: DotProductAttention, gradients: DotProductGradients, weights_too: bool = False) -> list[str]:
    """Return the lines that show each step of the forward undone; of a loss that depends on the weights too, or not."""
    used = _used(attention)
    lines: list[str] = []
    before = "d_scores"
    for step in BACKWARD:
        if step.option is None or step.option in used:
            # Without a scale, what was capped are the products themselves.
            name = "d_products" if step.name == "d_scaled" and "scale" not in used else step.name
            formula = step.formula.format(before=before)
            if name == "d_weights" and weights_too:
                formula += ", and what the weights receive themselves"
            lines += shown(f"{name} = {formula}", getattr(gradients, step.name))
            before = name if name in ("d_scaled", "d_products") else before
    return lines


def _used(attention: DotProductAttention) -> set[str]:
    """The options without which the steps would be others."""
    used = {name for name in OPTIONS[1:] if getattr(attention, name) is not None}
    return used | {"scale"} if np.any(attention.scale != 1) else used


def shaded(weights: Array) -> list[str]:
    """Return the lines that show the weights as shades, with a title."""
    return ["weights, a row for each query, a column for each key", *heat_map(weights), ""]


def heat_map(weights: Array) -> list[str]:
    """Return the weights of the first item of a batch as shades, from blank (0) to solid (1).

    Examples
    --------
    >>> heat_map(np.array([[0.0, 1.0], [0.5, 0.5]]))
    ['  |    ████|', '  |▒▒▒▒▒▒▒▒|']
    """
    if not weights.size:
        return []
    first = weights[(0,) * (weights.ndim - 2)]
    shades = np.minimum(np.round(first * (len(SHADES) - 1)).astype(int), len(SHADES) - 1)
    return [f"  |{''.join(SHADES[shade] * 4 for shade in row[:WIDEST])}|" for row in shades[:WIDEST]]


def shown(title: str, array: Any) -> list[str]:
    """Return the lines that show an array under a title, with its shape."""
    array = np.asarray(array)
    numbers = np.array2string(array, precision=4, suppress_small=True, threshold=200)
    return [f"{title}  {array.shape}", *numbers.splitlines(), ""]
