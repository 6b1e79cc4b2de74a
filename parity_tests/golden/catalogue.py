"""Every golden case as data: what goes in, made from its plan.

A plan gives a description, sizes, what is special, and those flags that do not follow from it, as `structure` says;
the rest is drawn: multiples of 1/8 between -4 and 4, which every dtype holds exactly, from a seed that is the path of
the case and the name of the array. Python promises that ``random.Random(seed).random()`` stays as it is.
"""

from math import prod
from random import Random

from parity_tests.golden import (
    dot_product,
    dot_product_axes,
    dot_product_bias,
    dot_product_masks,
    self_attention,
    structure,
)

PLANS = {
    **{
        f"dot_product/{name}": plan
        for module in (dot_product, dot_product_masks, dot_product_bias, dot_product_axes)
        for name, plan in module.PLANS.items()
    },
    **{f"self_attention/{name}": plan for name, plan in self_attention.PLANS.items()},
}

# How large the drawn numbers are at most, so that scores are of a few units and weights neither even nor 0 and 1.
LARGEST = {"query": 2.0, "key": 2.0, "value": 4.0, "x": 2.0, "W_q": 1.0, "W_k": 1.0, "W_v": 1.0}
OTHERWISE = 2.0
INPUTS = ("query", "key", "value", "x", "W_q", "W_k", "W_v", "b_q", "b_k", "b_v", "scale", "bias")
COTANGENTS = ("d_output", "d_weights")


def given(path):
    """What a case gives, by its path: all that its file holds but for ``expected``.

    Returns
    -------
    case
        ``description``, ``flags``, ``shapes`` (of all arrays), ``inputs``, ``masks``, ``options`` and ``cotangents``.
    """
    plan = PLANS[path]
    drawn = {**_shapes(path, plan), **plan.get("draw", {})}
    inputs, cotangents = (
        {**{name: _drawn(path, plan, name, drawn[name]) for name in names if name in drawn}, **plan.get(part, {})}
        for part, names in (("inputs", INPUTS), ("cotangents", COTANGENTS))
    )
    masks = {name: _parsed(rows) for name, rows in plan.get("masks", {}).items()}
    d_k = _shape_of(inputs["W_q" if "W_q" in inputs else "query"])[-1]
    inputs.setdefault("scale", structure.root(d_k) if plan.get("scaled") else 1.0)
    inputs = {name: inputs[name] for name in INPUTS if name in inputs}
    parts = {"inputs": inputs, "masks": masks, "cotangents": cotangents}
    shapes = {
        name: list(drawn[name] if name in drawn else _shape_of(numbers))
        for part in parts.values()
        for name, numbers in part.items()
    }
    case = {"description": plan["description"], "shapes": shapes, "options": plan.get("options", {}), **parts}
    return {**case, "flags": sorted(structure.flags(case) | set(plan.get("flags", "").split()))}


def _shapes(path, plan):
    """The shapes of what a case of these sizes always has."""
    if "sizes" not in plan:
        return {}
    leading = plan.get("leading", ())
    if path.startswith("dot_product/"):
        T, S, d_k, d_v = plan["sizes"]
        shapes = {"query": (*leading, T, d_k), "key": (*leading, S, d_k), "value": (*leading, S, d_v)}
    else:
        T, d, d_k, d_v = plan["sizes"]
        shapes = {"x": (*leading, T, d), "W_q": (d, d_k), "W_k": (d, d_k), "W_v": (d, d_v)}
    return {**shapes, "d_output": (*leading, T, d_v)}


def _drawn(path, plan, name, shape):
    eighths = 8 * plan.get("largest", {}).get(name, LARGEST.get(name, OTHERWISE))
    random = Random(f"{path} {name}").random
    rows = [
        [(int(random() * (2 * eighths + 1)) - eighths) / 8 for _ in range(shape[-1])] for _ in range(prod(shape[:-1]))
    ]
    if name in plan.get("rows", {}):  # so many different rows, one after the other
        rows = [rows[number % plan["rows"][name]] for number in range(len(rows))]
    return _nested(rows, shape)


def _parsed(rows):
    """A mask from words of 0 and 1: one is a row, several are a matrix, and a list has one more axis."""
    if isinstance(rows, str):
        words = [[digit == "1" for digit in word] for word in rows.split()]
        return words if len(words) > 1 else words[0]
    return [_parsed(one) for one in rows]


def _shape_of(numbers):
    return (len(numbers), *_shape_of(numbers[0])) if isinstance(numbers, list) else ()


def _nested(rows, shape):
    if len(shape) < 2:
        return rows[0]
    if len(shape) == 2:
        return rows
    step = prod(shape[1:-1])
    return [_nested(rows[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])]
