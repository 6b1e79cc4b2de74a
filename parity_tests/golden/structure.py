"""The flags of a case that follow from its structure: from shapes and options, the scale, and which arrays there are.

Each has one definition, here. What a case is about beyond that, such as scores that are large, its plan says by hand.
"""

from decimal import Context, Decimal
from typing import NamedTuple

MANY = 8  # more than a block of the smallest kernels holds

DEFINITIONS = {
    # Leading axes
    "no_batch_axis": lambda case: len(case.leading) == 0,
    "batch": lambda case: len(case.leading) == 1,
    "many_leading_axes": lambda case: len(case.leading) > 1,
    "broadcasting": lambda case: case.broadcasts,
    # Sizes
    "equal_sizes": lambda case: len(set(case.sizes)) == 1,
    "distinct_sizes": lambda case: len(set(case.sizes)) == len(case.sizes),
    "one_query": lambda case: case.T == 1,
    "many_queries": lambda case: (case.T or 0) > MANY,
    "many_keys": lambda case: case.S > MANY,
    "depth_1": lambda case: 1 in case.depths,
    "deep": lambda case: any(depth > MANY for depth in case.depths),
    # Heads
    "one_head": lambda case: case.H == 1,
    "many_heads": lambda case: (case.H or 0) > 1,
    "grouped": lambda case: case.H != case.H_kv != 1,
    "one_key_head": lambda case: case.H != case.H_kv == 1,
    # Scale
    "unscaled": lambda case: case.scale == 1.0,
    "scaled": lambda case: case.scale is not None and case.scale == case.root != 1.0,
    "other_scale": lambda case: case.scale not in (1.0, case.root, None),
    # What there is
    "bias": lambda case: "bias" in case.names,
    "projection_biases": lambda case: not case.names.isdisjoint(("b_q", "b_k", "b_v", "b_o", "b_g", "b_a")),
    "gate": lambda case: "W_g" in case.names,
    "tanh": lambda case: "v_a" in case.names or "context" in case.names,
    "softcap": lambda case: "softcap" in case.names,
    "mask": lambda case: "mask" in case.names and case.T is not None,
    "padding": lambda case: "key_mask" in case.names or ("mask" in case.names and case.T is None),
    "query_mask": lambda case: "query_mask" in case.names,
    "window": lambda case: "window" in case.names,
    "masks_together": lambda case: len(case.names & {"mask", "key_mask", "causal", "window"}) > 1,
    "cotangent_on_weights": lambda case: {"d_output", "d_weights"} <= case.names,
    # Positions: with as many queries as keys, a causal mask has one alignment, and it is the top left's
    "causal_top_left": lambda case: case.offset == 0,
    "causal_bottom_right": lambda case: bool(case.offset) and case.offset == case.S - case.T,
    "fewer_queries": lambda case: case.positions_matter and case.T < case.S,
    "equal_lengths": lambda case: case.positions_matter and case.T == case.S,
    "more_queries": lambda case: case.positions_matter and case.T > case.S,
}


class Structure(NamedTuple):
    """What the flags of a case follow from.

    Attributes
    ----------
    names
        Of all arrays and options.
    leading
        The leading axes of the output.
    T, S, H, H_kv
        How many queries, keys, heads and key heads there are, or None: pooling has no queries.
    depths
        Of what goes in, such as ``d_k`` and ``d_v``.
    sizes
        All of these; S is T in self-attention, and then counted once, as are the heads of keys if each query has one.
    scale, root
        The scale, and what it is if it is the root of the depth, or None.
    offset
        That of the causal mask, or None.
    positions_matter
        Whether a key is hidden for its position, so that it matters which lengths there are.
    broadcasts
        Whether an array has fewer numbers than it stands for: not a scale that is one number, nor projections.
    """

    names: frozenset
    leading: tuple
    T: int | None
    S: int
    H: int | None
    H_kv: int | None
    depths: tuple
    sizes: tuple
    scale: object
    root: float | None
    offset: object
    positions_matter: bool
    broadcasts: bool


def flags(case):
    """The flags that follow from a case, as `catalogue.given` makes it."""
    shapes, options = case["shapes"], case["options"]
    lengths = _lengths(shapes)
    T, S, d_k = (lengths.get(name) for name in ("T", "S", "d_k"))
    own = 1 if "context" in shapes else 2  # the last axes, which are not leading
    leading = shapes["d_output" if "d_output" in shapes else "d_weights"][:-own]
    structure = Structure(
        names=frozenset((*shapes, *options)),
        leading=tuple(leading),
        T=T,
        S=S,
        H=lengths.get("H"),
        H_kv=lengths.get("H_kv"),
        depths=tuple(size for name, size in lengths.items() if name[0] == "d" or name == "units"),
        sizes=(*leading, *_once(lengths)),
        scale=case["inputs"].get("scale"),
        root=root(d_k) if d_k else None,
        offset=options.get("causal", {}).get("offset"),
        positions_matter="causal" in options or "window" in options,
        broadcasts=_broadcasts(shapes, leading, lengths),
    )
    return {flag for flag, applies in DEFINITIONS.items() if applies(structure)}


def _lengths(shapes):
    """How many queries, keys and heads there are, as far as a case has them, and the depths of what goes in."""
    last = {name: shape[-1] for name, shape in shapes.items() if shape}
    if "W_o" in shapes:
        (d_query, H, d_k), (d_key, H_kv, _), (d_value, _, d_v) = (shapes[f"W_{letter}"] for letter in "qkv")
        depths = {"d_query": d_query, "d_key": d_key, "d_value": d_value, "d_k": d_k, "d_v": d_v}
        lengths = {"T": shapes["query"][-2], "S": shapes["key"][-2], "H": H, "H_kv": H_kv}
        return {**lengths, **depths, "d_output": last["W_o"]}
    if "context" in shapes:
        return {"S": shapes["x"][-2], "d": last["x"], "units": last["context"]}
    if "scores" in shapes and "query" not in shapes and "x" not in shapes:
        return {"T": shapes["scores"][-2], "S": last["scores"]}
    if "x" in shapes:
        T = shapes["x"][-2]
        return {"T": T, "S": T, "d": last["x"], "d_k": last["W_q"], "d_v": last["W_v"]}
    return {"T": shapes["query"][-2], "S": shapes["key"][-2], "d_k": last["query"], "d_v": last["value"]}


def _once(lengths):
    """All lengths, but those only once that are the same for a reason: positions of self-attention, ungrouped heads."""
    same = {"S": "T"} if "d" in lengths else {"H_kv": "H"}
    return [size for name, size in lengths.items() if size != lengths.get(same.get(name))]


def root(d_k):
    """``d_k ** -0.5``, rounded correctly to float64, which a power is not on every machine."""
    context = Context(prec=60)
    return float(context.divide(Decimal(1), Decimal(d_k).sqrt(context)))


def _broadcasts(shapes, leading, lengths):
    T, S, H = ([lengths[name]] if name in lengths else [] for name in ("T", "S", "H"))
    of_scores = [*leading, *H, *T, *S]
    whole = dict.fromkeys(("bias", "mask", "d_weights"), of_scores)
    whole.update(key_mask=[*leading, *S], query_mask=[*leading, *T], scale=of_scores if shapes.get("scale") else [])
    whole.update({name: [*leading, *shapes[name][-2:]] for name in ("query", "key", "value", "x") if name in shapes})
    return any(list(shapes[name]) != shape for name, shape in whole.items() if name in shapes)
