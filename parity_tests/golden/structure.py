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
    "many_queries": lambda case: case.T > MANY,
    "many_keys": lambda case: case.S > MANY,
    "depth_1": lambda case: 1 in case.depths,
    "deep": lambda case: max(case.depths) > MANY,
    # Scale
    "unscaled": lambda case: case.scale == 1.0,
    "scaled": lambda case: case.scale == case.root != 1.0,
    "other_scale": lambda case: case.scale not in (1.0, case.root),
    # What there is
    "bias": lambda case: "bias" in case.names,
    "projection_biases": lambda case: not case.names.isdisjoint(("b_q", "b_k", "b_v")),
    "softcap": lambda case: "softcap" in case.names,
    "mask": lambda case: "mask" in case.names,
    "padding": lambda case: "key_mask" in case.names,
    "query_mask": lambda case: "query_mask" in case.names,
    "window": lambda case: "window" in case.names,
    "masks_together": lambda case: len(case.names & {"mask", "key_mask", "causal", "window"}) > 1,
    "cotangent_on_weights": lambda case: "d_weights" in case.names,
    # Positions: with as many queries as keys, a causal mask has one alignment, and it is the top left's
    "causal_top_left": lambda case: case.offset == 0,
    "causal_bottom_right": lambda case: case.offset == case.S - case.T != 0,
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
    T, S
        How many queries and keys there are.
    depths
        Of the arrays that go in: ``d_k`` and ``d_v``, and ``d`` of self-attention.
    sizes
        All of these; S is T in self-attention, and then counted once.
    scale, root
        The scale, and what it is if it is the root of the depth.
    offset
        That of the causal mask, or None.
    positions_matter
        Whether a key is hidden for its position, so that it matters which lengths there are.
    broadcasts
        Whether an array has fewer numbers than it stands for: not a scale that is one number, nor projections.
    """

    names: frozenset
    leading: tuple
    T: int
    S: int
    depths: tuple
    sizes: tuple
    scale: object
    root: float
    offset: object
    positions_matter: bool
    broadcasts: bool


def flags(case):
    """The flags that follow from a case, as `catalogue.given` makes it."""
    shapes, options = case["shapes"], case["options"]
    *leading, T, d_v = shapes["d_output"]
    of_self = "x" in shapes
    S = T if of_self else shapes["key"][-2]
    d_k = shapes["W_q" if of_self else "query"][-1]
    depths = (shapes["x"][-1], d_k, d_v) if of_self else (d_k, d_v)
    structure = Structure(
        names=frozenset((*shapes, *options)),
        leading=tuple(leading),
        T=T,
        S=S,
        depths=depths,
        sizes=(*leading, T, *depths) if of_self else (*leading, T, S, *depths),
        scale=case["inputs"]["scale"],
        root=root(d_k),
        offset=options.get("causal", {}).get("offset"),
        positions_matter="causal" in options or "window" in options,
        broadcasts=_broadcasts(shapes, leading, T, S),
    )
    return {flag for flag, applies in DEFINITIONS.items() if applies(structure)}


def root(d_k):
    """``d_k ** -0.5``, rounded correctly to float64, which a power is not on every machine."""
    context = Context(prec=60)
    return float(context.divide(Decimal(1), Decimal(d_k).sqrt(context)))


def _broadcasts(shapes, leading, T, S):
    whole = {name: [*leading, T, S] for name in ("bias", "mask", "d_weights")}
    whole.update(key_mask=[*leading, S], query_mask=[*leading, T], scale=[*leading, T, S] if shapes["scale"] else [])
    whole.update({name: [*leading, *shapes[name][-2:]] for name in ("query", "key", "value", "x") if name in shapes})
    return any(list(shapes[name]) != shape for name, shape in whole.items() if name in shapes)
