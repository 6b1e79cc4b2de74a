"""The file of a golden case: what must be in it, and which shapes fit together. Whatever else it holds is refused."""

import math
from collections.abc import Iterable
from functools import partial
from os import PathLike
from typing import Any

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

# The last axes of every array. Of inputs but scale and bias they are just as long, and say how long that is;
DOT_PRODUCT = {"query": ("T", "d_k"), "key": ("S", "d_k"), "value": ("S", "d_v")}
SELF_ATTENTION = {"x": ("T", "d"), "W_q": ("d", "d_k"), "W_k": ("d", "d_k"), "W_v": ("d", "d_v")}
BIASES = {"b_q": ("d_k",), "b_k": ("d_k",), "b_v": ("d_v",)}
# of these they may be missing at the front, or have length 1;
OF_SCORES = {"scale": ("T", "S"), "bias": ("T", "S")}
MASKS = {"mask": ("T", "S"), "key_mask": ("S",), "query_mask": ("T",)}
# and these have all leading axes that the others have together.
COTANGENTS = {"d_output": ("T", "d_v"), "d_weights": ("T", "S")}
RESULTS = {"visible": ("T", "S"), "scores": ("T", "S"), "weights": ("T", "S"), "output": ("T", "d_v")}
AXES = {**DOT_PRODUCT, **SELF_ATTENTION, **BIASES, **OF_SCORES, **MASKS, **COTANGENTS, **RESULTS}
HAVE_LEADING = ("query", "key", "value", "x")
MAY_HIDE = ("bias", "scores")  # may hold minus infinity


def fields(path: str | PathLike[str]) -> dict[str, Any]:
    """Read what a `reference.golden.GoldenCase` has, by name.

    Raises
    ------
    ValueError
        If something is missing, unknown, or not what it must be: in a line that names it, but not the file.
    """
    document = as_object("case", read_json(path), KEYS, KEYS)
    if as_integer("schema", document["schema"]) != SCHEMA:
        refuse("schema", str(SCHEMA), document["schema"])
    as_integer("revision", document["revision"], 1)
    concept = SELF_ATTENTION if "x" in as_object("part inputs", document["inputs"]) else DOT_PRODUCT
    inputs = {**concept, **(BIASES if concept is SELF_ATTENTION else {}), **OF_SCORES}
    arrays = {
        "inputs": _arrays(document, "inputs", (*concept, "scale"), inputs),
        "masks": _arrays(document, "masks", (), MASKS),
        "cotangents": _arrays(document, "cotangents", ("d_output",), COTANGENTS),
    }
    results = (*RESULTS, *(f"d_{name}" for name in arrays["inputs"]))
    arrays["expected"] = _arrays(document, "expected", results, results)
    names = [name for part in arrays.values() for name in part]
    as_object("shapes", document["shapes"], names, names)
    _check_shapes(arrays)
    description, flags = as_line("description", document["description"]), _flags(document["flags"])
    return {"description": description, "flags": flags, "options": _options(document["options"]), **arrays}


def _arrays(document: dict[str, Any], part: str, needed: Iterable[str], known: Iterable[str]) -> dict[str, Array]:
    arrays = {}
    for name, nested in as_object(f"part {part}", document[part], needed, known).items():
        numbers = partial(as_number, words=("-Infinity",) if name in MAY_HIDE else ())
        array = as_array(name, nested, as_boolean if name in (*MASKS, "visible") else numbers)
        shape = _shape(name, as_object("shapes", document["shapes"], [name])[name])
        arrays[name] = in_shape(array, shape)
        if arrays[name].shape != shape:
            refuse(name, f"shape {shape}, as shapes says", array.shape)
    return arrays


def _shape(name: str, sizes: Any) -> tuple[int, ...]:
    return tuple(as_integer(f"shapes: {name}", size, 0) for size in as_list(f"shapes: {name}", sizes))


def _check_shapes(arrays: dict[str, dict[str, Array]]) -> None:
    """Refuse shapes that do not fit together."""
    inputs = arrays["inputs"]
    lengths = _lengths(inputs)
    leading: tuple[int, ...] = ()
    for name, array in {**inputs, **arrays["masks"]}.items():
        axes = AXES[name]
        if name in MASKS and array.ndim == 0:
            refuse(name, f"shape (..., {', '.join(axes)})", ())
        for axis, size in zip(axes[::-1], array.shape[::-1]):
            if size not in (1, lengths[axis]):
                refuse(name, f"a shape (..., {', '.join(axes)}) with {axis} of 1 or {lengths[axis]}", array.shape)
        leading = broadcast_leading(name, array.shape[: -len(axes)], "the others", leading)
    for name, array in {**arrays["cotangents"], **arrays["expected"]}.items():
        source = name.removeprefix("d_")
        shape = inputs[source].shape if source in inputs else (*leading, *(lengths[axis] for axis in AXES[name]))
        if array.shape != shape:
            refuse(name, f"shape {shape}", array.shape)


def _lengths(inputs: dict[str, Array]) -> dict[str, int]:
    """How long each axis is, as the inputs say that have it as it is."""
    lengths: dict[str, int] = {}
    for name, array in inputs.items():
        axes = AXES[name]
        if name not in OF_SCORES:
            shape = f"({'..., ' if name in HAVE_LEADING else ''}{', '.join(axes)})"
            if array.ndim < len(axes) or (array.ndim > len(axes) and name not in HAVE_LEADING):
                refuse(name, f"shape {shape}", array.shape)
            for axis, size in zip(axes, array.shape[-len(axes) :]):
                if lengths.setdefault(axis, size) != size:
                    refuse(name, f"shape {shape} with {axis} of {lengths[axis]}", array.shape)
    lengths.setdefault("S", lengths["T"])  # of self-attention
    return lengths


def _options(options: Any) -> dict[str, Any]:
    as_object("options", options, known=("softcap", "causal", "window"))
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
