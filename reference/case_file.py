"""The file of a golden case: what must be in it, and which shapes fit together. Whatever else it holds is refused."""

import math
from collections.abc import Iterable
from functools import partial
from os import PathLike
from typing import Any, NamedTuple

from reference.concepts import LOOSE, MAY_HIDE, Concept, concept_of
from reference.inputs import Array, broadcast_leading, refuse
from reference.json_file import (
    as_array,
    as_boolean,
    as_integer,
    as_line,
    as_list,
    as_number,
    as_object,
    in_shape,
    read_json,
    shown,
)

SCHEMA = 1
KEYS = ("schema", "revision", "description", "flags", "shapes", "options", "inputs", "masks", "cotangents", "expected")


class GoldenCase(NamedTuple):
    """What goes in, and what must come out, as arrays by name; `reference.concepts` tells which a concept has."""

    description: str
    flags: tuple[str, ...]
    options: dict[str, Any]  # softcap; causal with its offset; window with left, right and offset
    inputs: dict[str, Array]
    masks: dict[str, Array]  # such as mask (..., T, S), key_mask (..., S), query_mask (..., T)
    cotangents: dict[str, Array]  # d_output, and d_weights if the loss depends on the weights too
    expected: dict[str, Array]  # such as visible, scores, weights, output; and d_ and the name of each input


def fields(path: str | PathLike[str]) -> dict[str, Any]:
    """Read what a `GoldenCase` has, by name.

    Raises
    ------
    ValueError
        If something is missing, unknown, or not what it must be: in a line that names it, but not the file.
    """
    document = as_object("case", read_json(path), KEYS, KEYS)
    if as_integer("schema", document["schema"]) != SCHEMA:
        refuse("schema", str(SCHEMA), document["schema"])
    as_integer("revision", document["revision"], 1)
    concept = concept_of(as_object("part inputs", document["inputs"]))
    arrays = {
        "inputs": _arrays(document, "inputs", concept.needed, concept.inputs),
        "masks": _arrays(document, "masks", (), concept.masks),
        "cotangents": _arrays(document, "cotangents", tuple(concept.cotangents)[:1], concept.cotangents),
    }
    results = (*concept.results, *(f"d_{name}" for name in arrays["inputs"]))
    arrays["expected"] = _arrays(document, "expected", results, results)
    names = [name for part in arrays.values() for name in part]
    as_object("shapes", document["shapes"], names, names)
    _check_shapes(concept, arrays)
    description, flags = as_line("description", document["description"]), _flags(document["flags"])
    return {"description": description, "flags": flags, "options": _options(document["options"], concept), **arrays}


def _arrays(document: dict[str, Any], part: str, needed: Iterable[str], known: Iterable[str]) -> dict[str, Array]:
    arrays = {}
    for name, nested in as_object(f"part {part}", document[part], needed, known).items():
        numbers = partial(as_number, words=("-Infinity",) if name in MAY_HIDE else ())
        array = as_array(name, nested, as_boolean if part == "masks" or name == "visible" else numbers)
        shape = _shape(name, as_object("shapes", document["shapes"], [name])[name])
        arrays[name] = in_shape(array, shape)
        if arrays[name].shape != shape:
            refuse(name, f"shape {shape}, as shapes says", array.shape)
    return arrays


def _shape(name: str, sizes: Any) -> tuple[int, ...]:
    return tuple(as_integer(f"shapes: {name}", size, 0) for size in as_list(f"shapes: {name}", sizes))


def _check_shapes(concept: Concept, arrays: dict[str, dict[str, Array]]) -> None:
    """Refuse shapes that do not fit together."""
    inputs = arrays["inputs"]
    lengths = _lengths(concept, inputs)
    leading: tuple[int, ...] = ()
    for name, array in {**inputs, **arrays["masks"]}.items():
        axes = concept.axes[name]
        if name in concept.masks and array.ndim == 0:
            refuse(name, f"shape {_written(axes)}", ())
        own = _own(axes)
        for axis, size in zip(own[::-1], array.shape[::-1]):
            if size not in (1, lengths[axis]):
                refuse(name, f"a shape {_written(axes)} with {axis} of 1 or {lengths[axis]}", array.shape)
        if "..." in axes:
            leading = broadcast_leading(name, array.shape[: max(0, array.ndim - len(own))], "the others", leading)
    for name, array in {**arrays["cotangents"], **arrays["expected"]}.items():
        source = name.removeprefix("d_")
        own = _own(concept.axes.get(name, ()))
        shape = inputs[source].shape if source in inputs else (*leading, *(lengths[axis] for axis in own))
        if array.shape != shape:
            refuse(name, f"shape {shape}", array.shape)


def _lengths(concept: Concept, inputs: dict[str, Array]) -> dict[str, int]:
    """How long each axis is, as the inputs say that have it as it is."""
    lengths: dict[str, int] = {}
    for name, array in inputs.items():
        axes = concept.inputs[name]
        own = _own(axes)
        if "..." not in axes and (array.ndim > len(own) or (array.ndim < len(own) and name not in LOOSE)):
            refuse(name, f"shape {_written(axes)}", array.shape)
        if name not in LOOSE:
            if array.ndim < len(own):
                refuse(name, f"shape {_written(axes)}", array.shape)
            for axis, size in zip(own, array.shape[array.ndim - len(own) :]):
                if lengths.setdefault(axis, size) != size:
                    refuse(name, f"shape {_written(axes)} with {axis} of {lengths[axis]}", array.shape)
    lengths.setdefault("S", lengths["T"])  # of self-attention
    return lengths


def _own(axes: tuple[str, ...]) -> tuple[str, ...]:
    """Those axes that are not leading."""
    return axes[1:] if axes[:1] == ("...",) else axes


def _written(axes: tuple[str, ...]) -> str:
    return f"({', '.join(axes)})"


def _options(options: Any, concept: Concept) -> dict[str, Any]:
    as_object("options", options, known=concept.options)
    if "softcap" in options and as_number("softcap", options["softcap"]) <= 0:
        refuse("softcap", "a positive number", shown(options["softcap"]))
    if "causal" in options:
        as_integer("causal: offset", as_object("causal", options["causal"], ["offset"], ["offset"])["offset"])
    if "window" in options:
        names = ("left", "right", "offset")
        for name, limit in as_object("window", options["window"], names, names).items():
            if name == "offset" or limit is not None:
                as_integer(f"window: {name}", limit, -math.inf if name == "offset" else 0)
    return dict(options)


def _flags(flags: Any) -> tuple[str, ...]:
    return tuple(as_line("flags", flag) for flag in as_list("flags", flags))
