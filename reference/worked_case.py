"""A golden case worked through: every step, and how far the result is from what the case expects."""

import re
from typing import Any, NamedTuple

import numpy as np

from reference.case_file import GoldenCase
from reference.golden import Worked, bounds, work
from reference.inputs import Array
from reference.rounding import FLOAT64
from reference.worked import cotangents, forward, inputs, shaded, shown, undone
from reference.worked_steps import ATTENTION, SHADES, STEPS


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
    steps = STEPS[result.concept.name]
    d_weights = case.cotangents.get("d_weights")
    fields = {**_fields(result), "d_weights_given": d_weights}
    lines = [case.description, f"hunts: {', '.join(case.flags)}", ""]
    attention = getattr(result.record, "attention", result.record)
    for name, formula in steps.forward.items():
        if name == ATTENTION:
            lines += [*_title(formula, fields), *inputs(attention), *forward(attention)]
        else:
            lines += shaded(result.record.weights) if name == SHADES else _step(name, formula, fields)
    lines += _hidden_queries(case, result)
    lines += cotangents(result.d_output, d_weights)
    within = getattr(result.gradients, "attention", result.gradients)
    for name, formula in steps.backward.items():
        if name == ATTENTION:
            lines += [*_title(formula, fields), *undone(attention, within, d_weights is not None)]
        else:
            lines += _step(name, formula, fields)
    comparison, agrees = _comparison(case, result)
    return WorkedCase(lines + comparison, agrees)


def _fields(result: Worked) -> dict[str, Any]:
    """Whatever the records hold, by name; what lies within them first, as the outer ones say more."""
    record, gradients = result.record, result.gradients
    found: dict[str, Any] = {"d_output": result.d_output}
    for inner in (getattr(record, "additive", None), getattr(gradients, "additive", None), record, gradients):
        found |= {} if inner is None else inner._asdict()
    for start, weights in (("", found.get("projections")), ("d_", found.get("d_projections"))):
        found |= {} if weights is None else {f"{start}{name}": array for name, array in weights._asdict().items()}
    return found


def _title(formula: str, fields: dict[str, Any]) -> list[str]:
    """What is said of the attention within, if anything."""
    return [_without_none(formula, fields), ""] if formula else []


def _step(name: str, formula: str, fields: dict[str, Any]) -> list[str]:
    """A step, unless there is nothing of it: its name, its formula without what there is not, and its numbers."""
    if fields[name] is None:
        return []
    return shown(f"{name} = {_without_none(formula, fields)}" if formula else name, fields[name])


def _without_none(formula: str, fields: dict[str, Any]) -> str:
    """A formula without those terms that are None."""
    return re.sub(r" [+*] (\w+)( @ \w+\.mT)?", lambda term: term[0] if _is(term[1], fields) else "", formula)


def _is(name: str, fields: dict[str, Any]) -> bool:
    return name not in fields or fields[name] is not None


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
