"""JSON as golden cases and results for them hold it, read strictly: what is damaged is told, and never guessed at."""

import json
import math
from collections.abc import Callable, Iterable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from reference.inputs import Array, refuse

MOST_LEVELS = 32  # as many axes as NumPy's arrays long had; a reader that calls itself then ends in time
SHOWN = 60


def read_json(path: str | PathLike[str]) -> Any:
    """Read a file of JSON; NaN, Infinity and -Infinity come as these words.

    Raises
    ------
    ValueError
        If it is no JSON in UTF-8, names something twice, or has more than 32 levels.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        document = json.loads(text, object_pairs_hook=_named_once, parse_constant=str)
    except RecursionError:
        document = None
        levels = MOST_LEVELS + 1
    else:
        levels = _levels(document)
    if levels > MOST_LEVELS:
        refuse("JSON", f"at most {MOST_LEVELS} lists and objects, one in the other", "more")
    return document


def as_object(name: str, value: Any, needed: Iterable[str] = (), known: Iterable[str] | None = None) -> dict[str, Any]:
    """Return an object that has all names that are needed, and no others than those that are known, if any are told."""
    if not isinstance(value, dict):
        refuse(name, "an object", shown(value))
    needed = tuple(needed)
    missing = [one for one in needed if one not in value]
    if missing:
        refuse(name, f"an object with {', '.join(needed)}", f"one without {', '.join(missing)}")
    for one in value:
        if known is not None and one not in known:
            refuse(name, f"no names but {', '.join(known)}", shown(one))
    return value


def as_list(name: str, value: Any) -> list[Any]:
    """Return a list."""
    if not isinstance(value, list):
        refuse(name, "a list", shown(value))
    return value


def as_line(name: str, value: Any) -> str:
    """Return text that can be printed in one line."""
    if not isinstance(value, str) or not value.isprintable():
        refuse(name, "a line of text", shown(value))
    return value


def as_integer(name: str, value: Any, least: float = -math.inf) -> int:
    """Return an integer, which neither true nor 1.0 is, and which float64 holds, as all readers of JSON do."""
    if type(value) is not int or not least <= value or abs(value) >= 2**53:
        refuse(name, f"an integer{'' if math.isinf(least) else f' of at least {least}'} below 2**53", shown(value))
    return value


def as_boolean(name: str, value: Any) -> bool:
    """Return true or false, which neither 1 nor text is."""
    if not isinstance(value, bool):
        refuse(name, "true or false", shown(value))
    return value


def as_number(name: str, value: Any, words: Iterable[str] = ()) -> float:
    """Return a number as float64 holds it, or that for which one of the words stands, such as "-Infinity"."""
    if isinstance(value, str) and value in words:
        return float(value)
    if type(value) not in (int, float):
        refuse(name, "a number", shown(value))
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        refuse(name, "a number that float64 holds", shown(value))
    return number


def as_array(name: str, nested: Any, element: Callable[[str, Any], float | bool]) -> Array:
    """Return nested lists as an array, of bool if ``element`` is `as_boolean` and else of float64.

    Without elements, its shape ends with the first axis of length 0: see `in_shape`.
    """
    shape, elements = [], [nested]
    while elements and isinstance(elements[0], list):
        size = len(elements[0])
        if not all(isinstance(one, list) and len(one) == size for one in elements):
            refuse(name, "an array of numbers", "rows of different lengths")
        shape.append(size)
        elements = [inner for one in elements for inner in one]
    values = [element(name, one) for one in elements]
    return np.array(values, dtype=np.bool_ if element is as_boolean else np.float64).reshape(shape)


def in_shape(array: Array, shape: tuple[int, ...]) -> Array:
    """Give an array without elements the shape that its nesting allows: (2, 0, 3) is ``[[], []]``, or just ``[]``."""
    if 0 in shape and array.shape in ((0,), shape[: shape.index(0) + 1]):
        return array.reshape(shape)
    return array


def shown(value: Any) -> str:
    """A value as a file has it, cut short."""
    text = json.dumps(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = set()
    for name, _ in pairs:
        if name in names:
            refuse("JSON", "each name once in an object", f"{shown(name)} twice")
        names.add(name)
    return dict(pairs)


def _levels(value: Any) -> int:
    level, levels = [value], 0
    while level := [one for one in level if isinstance(one, (list, dict))]:
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
        levels += 1
    return levels
