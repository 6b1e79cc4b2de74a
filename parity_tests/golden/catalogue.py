"""Every golden case as data: what goes in, made from its plan.

A plan gives a description, sizes, what is special, and those flags that do not follow from it, as `structure` says;
the rest is drawn: multiples of 1/8 between -4 and 4, which every dtype holds exactly, from a seed that is the path of
the case and the name of the array. Python promises that ``random.Random(seed).random()`` stays as it is.
"""

from math import prod
from random import Random

from parity_tests.golden import (
    additive,
    dot_product,
    dot_product_axes,
    dot_product_bias,
    dot_product_masks,
    multi_head,
    pooling,
    self_attention,
    softmax,
    structure,
)

MODULES = {
    "dot_product": (dot_product, dot_product_masks, dot_product_bias, dot_product_axes),
    "self_attention": (self_attention,),
    "additive": (additive,),
    "multi_head": (multi_head,),
    "pooling": (pooling,),
    "softmax": (softmax,),
}
PLANS = {
    f"{concept}/{name}": plan
    for concept, modules in MODULES.items()
    for module in modules
    for name, plan in module.PLANS.items()
}

# The sizes that a plan gives, and the axes of what is drawn of these sizes; those in OPTIONAL if the plan names them.
SIZES = {
    "dot_product": ("T", "S", "d_k", "d_v"),
    "self_attention": ("T", "d", "d_k", "d_v"),
    "additive": ("T", "S", "d_k", "d_v"),
    "pooling": ("T", "d", "units"),
    "softmax": ("T", "S"),
}
AXES = {
    "dot_product": {"query": "... T d_k", "key": "... S d_k", "value": "... S d_v", "d_output": "... T d_v"},
    "self_attention": {"x": "... T d", "W_q": "d d_k", "W_k": "d d_k", "W_v": "d d_v", "d_output": "... T d_v"},
    "additive": {
        **{"query": "... T d_k", "key": "... S d_k", "value": "... S d_v", "v_a": "d_k", "d_output": "... T d_v"},
    },
    "multi_head": {
        **{"query": "... T d_query", "key": "... S d_key", "value": "... S d_value"},
        **{"W_q": "d_query H d_k", "W_k": "d_key H_kv d_k", "W_v": "d_value H_kv d_v", "W_o": "H d_v d_output"},
        **{"b_q": "H d_k", "b_k": "H_kv d_k", "b_v": "H_kv d_v", "b_o": "d_output"},
        **{"W_g": "d_query H d_v", "b_g": "H d_v"},
        **{"d_output": "... T d_output", "d_weights": "... H T S"},
    },
    "pooling": {"x": "... T d", "W_a": "d units", "context": "units", "d_output": "... d"},
    "softmax": {"scores": "... T S", "d_weights": "... T S"},
}
OPTIONAL = {"multi_head": ("b_q", "b_k", "b_v", "b_o", "W_g", "b_g", "d_weights")}

# How large the drawn numbers are at most, so that scores are of a few units and weights neither even nor 0 and 1.
LARGEST = {
    **{"query": 2.0, "key": 2.0, "value": 4.0, "x": 2.0},
    **{"W_q": 1.0, "W_k": 1.0, "W_v": 1.0, "W_o": 1.0, "W_g": 1.0, "W_a": 1.0},
}
OTHERWISE = 2.0
INPUTS = (
    *("query", "key", "value", "x", "scores", "W_q", "W_k", "W_v", "W_o", "b_q", "b_k", "b_v", "b_o", "W_g", "b_g"),
    *("W_a", "context", "b_a", "scale", "v_a", "bias"),
)
COTANGENTS = ("d_output", "d_weights")


def given(path):
    """What a case gives, by its path: all that its file holds but for ``expected``.

    Returns
    -------
    case
        ``description``, ``flags``, ``shapes`` (of all arrays), ``inputs``, ``masks``, ``options`` and ``cotangents``.
    """
    plan = PLANS[path]
    drawn = _shapes(path, plan)
    inputs, cotangents = (
        {**{name: _drawn(path, plan, name, drawn[name]) for name in names if name in drawn}, **plan.get(part, {})}
        for part, names in (("inputs", INPUTS), ("cotangents", COTANGENTS))
    )
    masks = {name: _parsed(rows) for name, rows in plan.get("masks", {}).items()}
    if "value" in inputs or "W_v" in inputs:  # so that there are scores to be scaled
        d_k = _shape_of(inputs["W_q" if "W_q" in inputs else "query"])[-1]
        inputs.setdefault("scale", structure.root(d_k) if plan.get("scaled") else 1.0)
    inputs = {name: inputs[name] for name in INPUTS if name in inputs}
    parts = {"inputs": inputs, "masks": masks, "cotangents": cotangents}
    shapes = {
        name: list(drawn[name] if name in drawn and name not in plan.get(part, {}) else _shape_of(numbers))
        for part, arrays in parts.items()
        for name, numbers in arrays.items()
    }
    case = {"description": plan["description"], "shapes": shapes, "options": plan.get("options", {}), **parts}
    return {**case, "flags": sorted(structure.flags(case) | set(plan.get("flags", "").split()))}


def _shapes(path, plan):
    """The shapes of what is drawn: what a case of these sizes always has, and what the plan names or gives a shape."""
    concept = path.partition("/")[0]
    draw = plan.get("draw", {})
    named = draw.split() if isinstance(draw, str) else ()
    shapes = {}
    if "sizes" in plan:
        sizes = plan["sizes"] if isinstance(plan["sizes"], dict) else dict(zip(SIZES[concept], plan["sizes"]))
        left_out = set(OPTIONAL.get(concept, ())) - set(named)
        for name, axes in AXES[concept].items():
            if name not in left_out:
                own = [sizes[axis] for axis in axes.split() if axis != "..."]
                shapes[name] = (*plan.get("leading", ()), *own) if axes.startswith("...") else tuple(own)
    return {**shapes, **({} if named else dict(draw))}


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
