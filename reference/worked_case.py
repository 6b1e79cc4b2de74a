"""A golden case worked through: every step, and how far the result is from what the case expects."""

from typing import Any, NamedTuple

import numpy as np

from reference.golden import GoldenCase, Worked, bounds, work
from reference.inputs import Array
from reference.rounding import FLOAT64
from reference.self_attention import SelfAttention, SelfAttentionGradients
from reference.worked import backward, forward, inputs, shown

LETTERS = {"query": "q", "key": "k", "value": "v"}


class WorkedCase(NamedTuple):
    """The lines to be printed, and whether every number lies within its bound."""

    lines: list[str]
    agrees: bool


def worked_case(case: GoldenCase) -> WorkedCase:
    """Return the lines that show every step of a case, and at the end a comparison with what it expects.

    Parameters
    ----------
    case : GoldenCase
        As `reference.golden.read_case` returns it.

    Returns
    -------
    WorkedCase

    Raises
    ------
    ValueError
        If shapes do not fit.

    Examples
    --------
    >>> from reference.golden import read_case
    >>> print(*worked_case(read_case("parity_tests/golden/cases/self_attention/by_hand.json")).lines[:3], sep="\\n")
    Queries and keys 1 and 0: scores 1, 0 and 0, 0, so that the second position averages evenly.
    hunts: by_hand, depth_1, no_batch_axis, unscaled
    <BLANKLINE>
    """
    result = work(case)
    attention = result.attention
    lines = [case.description, f"hunts: {', '.join(case.flags)}", ""]
    if isinstance(result.record, SelfAttention):
        lines += _projections(result.record)
    lines += [*inputs(attention), *forward(attention), *_hidden_queries(case, result)]
    if isinstance(result.gradients, SelfAttentionGradients):
        inner = result.gradients.attention
        lines += backward(attention, inner, result.d_output, case.cotangents.get("d_weights"))
        lines += _projections_backward(result.gradients)
    else:
        lines += backward(attention, result.gradients, result.d_output, case.cotangents.get("d_weights"))
    comparison, agrees = _comparison(case, result)
    return WorkedCase(lines + comparison, agrees)


def _projections(record: SelfAttention) -> list[str]:
    lines = shown("x", record.x)
    for letter in LETTERS.values():
        for name in (f"W_{letter}", f"b_{letter}"):
            if getattr(record, name) is not None:
                lines += shown(name, getattr(record, name))
    formulas = [
        f"{name} = x @ W_{letter}" + (f" + b_{letter}" if getattr(record, f"b_{letter}") is not None else "")
        for name, letter in LETTERS.items()
    ]
    return [*lines, f"PROJECTIONS: {', '.join(formulas)}", ""]


def _projections_backward(gradients: SelfAttentionGradients) -> list[str]:
    lines = ["PROJECTIONS, BACKWARD", ""]
    for name, letter in LETTERS.items():
        if getattr(gradients, f"d_b_{letter}") is not None:
            lines += shown(f"d_b_{letter} = sum(d_{name})", getattr(gradients, f"d_b_{letter}"))
        lines += shown(f"d_W_{letter} = x.mT @ d_{name}", getattr(gradients, f"d_W_{letter}"))
    return lines + shown("d_x = d_query @ W_q.mT + d_key @ W_k.mT + d_value @ W_v.mT", gradients.d_x)


def _hidden_queries(case: GoldenCase, result: Worked) -> list[str]:
    if "query_mask" not in case.masks:
        return []
    lines = shown("query_mask", case.masks["query_mask"])
    lines += shown("output = where(query_mask, output, 0)", result.output)
    return lines + shown("d_output = where(query_mask, d_output, 0)", result.d_output)


def _comparison(case: GoldenCase, result: Worked) -> tuple[list[str], bool]:
    bound = bounds(case, FLOAT64)
    lines = ["THE CASE EXPECTS the same, but for rounding:", "", f"{'':12}{'largest error':>16}{'error / bound':>16}"]
    agrees = True
    for name, array in result.results(case.expected).items():
        error, ratio = _largest(array, case.expected[name], bound.get(name, 0.0))
        lines.append(f"{name:12}{error:>16.2g}{ratio:>16.2g}")
        agrees = agrees and ratio <= 1
    return [*lines, "", "All agree." if agrees else "They disagree."], agrees


def _largest(actual: Array, expected: Array, bound: Any) -> tuple[float, float]:
    """The largest error, and the largest error / bound; NaN is an infinite one."""
    with np.errstate(invalid="ignore", divide="ignore"):
        away = np.abs(np.subtract(actual, expected, dtype=np.float64))
        error = np.where(actual == expected, 0.0, away)  # where both are -inf too
        ratio = np.where(error == 0, 0.0, error / bound)
    error, ratio = (np.where(np.isnan(array), np.inf, array) for array in (error, ratio))
    return float(error.max(initial=0.0)), float(ratio.max(initial=0.0))
