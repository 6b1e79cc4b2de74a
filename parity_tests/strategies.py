"""How examples are drawn: Hypothesis or a generator makes the choices, bulk values come from a seed.

The kinds of values are chosen so that no fault hides: flat and one-hot softmaxes, ties, values far from
uniform, integers whose products are exact in the layer's own dtype, so that the bound stays sharp where
scores are large.
"""

import math
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
from hypothesis import strategies as st

from parity_tests.backend import graphs_know_sizes
from parity_tests.example import Example

DTYPES = ("float32", "float64", "float16", "bfloat16")
PRECISION = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}  # bits of the significand
LARGE = {"float16": 4.0, "bfloat16": 64.0, "float32": 64.0, "float64": 64.0}  # clear of overflow in all gradients
KINDS_OF_VALUES = (*("integers", "moderate", "ordinary") * 2, "tied", "tiny", "large", "wide", "steep", "drawn")
KINDS_OF_COTANGENTS = ("integers", "ordinary", "drawn")
SIZE = {"ordinary": 1.0, "moderate": 0.5, "tiny": 2.0**-10, "huge": 2.0**12}
ANY = (2, 3, 1, *2 * (4, 5, 6, 7, 8))  # Hypothesis ends at the first: where a size is 1 there is little to see
LONG = (9, 17, 40, 130)
EIGHTHS = tuple(sorted(range(-16, 17), key=abs))
DRAWN_AT_MOST = 24  # elements that are drawn one by one; a counterexample made of them can be read
OF_THE_LAYER = ("scaled", "use_bias", "dropout", "seed", "dtype", "mixed", "traced", "depths", "d_k")
OF_THE_CALL = ("causal", "d_weights", "training")
OF_THE_DEPTHS = ("depths", "d", "d_k", "d_v", "d_query", "d_key", "d_value", "d_output")
OF_THE_SIZES = frozenset(("lengths", "B", "T", "S", "special", "long", *OF_THE_DEPTHS))
OF_EACH_CORNER = 2
DROPPED = {"dropout": 0.5, "seed": 0, "use_bias": True, "scaled": True, "traced": False}
CORNERS = {
    "float64": {"dtype": "float64"},
    "bfloat16": {"dtype": "bfloat16"},
    "mixed precision": {"dtype": "float16", "mixed": True, "scaled": True},
    "weights dropped": {**DROPPED, "dropout": 0.25, "seed": 1, "d_weights": False},
    "weights dropped and returned": {**DROPPED, "d_weights": True},
    "weights dropped, traced": {**DROPPED, "traced": True},
    "traced with all sizes known": {"traced": True, "sizes known": True},
    "eight items": {"B": 8},
    "no items": {"B": 0},
}
TRACED_FACTOR = 4  # tracing takes as long as this many families, so a traced family has as many more examples


class Choice:
    """Makes the choices that an example depends on, each under a name, and remembers them.

    Parameters
    ----------
    choose
        Returns one of several options; the first is the simplest.
    settled
        Choices that are made already, by name.
    """

    def __init__(self, choose, settled=None):
        self.choose = choose
        self.settled = settled or {}
        self.made = {}

    def __call__(self, name, options):
        """One of the options."""
        self.made[name] = self.settled[name] if name in self.settled else self.choose(options)
        return self.made[name]


class Drawn(NamedTuple):
    """An example, the choices that led to it, those of them that were settled before, and if it is long, its name and
    seed, from which it is drawn again.
    """

    example: Example
    choices: dict[str, Any]
    settled: dict[str, Any]
    again: tuple[str, int] | None = None


class Family(tuple):
    """Examples that share how the layer is made and called."""

    def __repr__(self):  # Hypothesis takes long to write down what nobody reads
        return f"<{len(self)} examples>"


@st.composite
def families(draw, kind, options=frozenset(), cases=1, settled=None, salt=0):
    """A `family` of which Hypothesis makes the choices of the first example, to shrink it or to drive it somewhere.

    Values depend on the salt too, as Hypothesis draws small seeds again and again.
    """
    rng = np.random.default_rng([salt, draw(st.integers(0, 2**32 - 1))])
    first = _by_choice(lambda among: draw(st.sampled_from(among)), rng, kind, options, settled)
    return family(first, rng, kind, options, cases)


def family(first, rng, kind, options, cases):
    """An example and others that share how the layer is made and called, and where sizes are compiled, these; all else
    is each one's own.

    A generator makes their choices, as Hypothesis takes longer to draw an example than a layer to compute it.
    """
    by_sizes, traced = graphs_know_sizes(), first.example.traced
    names = kind.shared | kind.shared_by_graph if traced or by_sizes else kind.shared
    names = names | OF_THE_SIZES if by_sizes else names
    shared = {name: made for name, made in first.choices.items() if name in names}
    size = cases * TRACED_FACTOR if traced and cases > 1 and not by_sizes else cases
    settled = {**first.settled, **shared}
    return Family((first, *(by_generator(own, kind, options, settled) for own in rng.spawn(size - 1))))


def corners(small, own):
    """The corners of a kind by name, those of all kinds and its own: a small example's choices, and what differs."""
    return {name: {**small, **choices} for name, choices in {**CORNERS, **own}.items()}


def of_corner(kind, options, settled, seed):
    """Draw examples in which some choices are settled; where sizes are compiled, the same ones in a graph.

    The seed may be several numbers, such as one and those of the corner's name, lest all corners draw alike.
    """
    by_sizes = graphs_know_sizes()
    settled = {"traced": True, **settled} if by_sizes else settled
    names = kind.shared | kind.shared_by_graph | OF_THE_SIZES if by_sizes else ()
    for rng in np.random.default_rng(seed).spawn(OF_EACH_CORNER):
        drawn = by_generator(rng, kind, options, settled)
        yield drawn
        settled = {**{name: made for name, made in drawn.choices.items() if name in names}, **settled}


def by_generator(rng, kind, options, settled):
    """Draw an example of which a generator makes the choices, among options of equal standing."""
    return _by_choice(lambda among: among[rng.integers(len(among))], rng, kind, options, settled)


def _by_choice(choose, rng, kind, options, settled):
    choice = Choice(choose, settled)
    return Drawn(kind.draw(choice, rng, options), choice.made, choice.settled)


def numpy_dtype(name):
    """Return NumPy's dtype of that name, bfloat16 included."""
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


def depths(choice, names):
    """Sizes of the last axes: free, or all equal. Equal sizes hide what distinct ones turn into errors."""
    free = {name: choice(name, ANY) for name in names}
    if choice("depths", ("free", "free", "free", "equal")) == "equal":
        return dict.fromkeys(names, free[names[0]])
    return free


def lengths(choice, names, depths):
    """Sizes of the other axes: free, equal to the first depth, all distinct, one of them long, or one empty."""
    mode = choice("lengths", (*("free", "distinct", "equal") * 3, "long", "empty"))
    free = {name: choice(name, ANY) for name in names}
    if mode == "equal":
        return dict.fromkeys(names, next(iter(depths.values())))
    if mode == "distinct":
        others = [size for size in dict.fromkeys(ANY) if size not in depths.values()]
        first = others.index(free["B"]) if free["B"] in others else 0
        return {name: others[(first + number) % len(others)] for number, name in enumerate(names)}
    if mode in ("long", "empty"):
        special = choice("special", names[1:] if mode == "long" else names)
        return {**free, "B": min(free["B"], 2), special: choice("long", LONG) if mode == "long" else 0}
    return free


def arrays(choice, shape, dtype, rng, kind, wide=None):
    """An array of one kind of values, rounded to the dtype.

    ``wide`` is the largest of the integers whose products are to be exact.
    """
    if kind == "drawn" and math.prod(shape) <= DRAWN_AT_MOST:
        eighths = [choice("element", EIGHTHS) for _ in range(math.prod(shape))]
        values = np.reshape(np.array(eighths, dtype=float) / 8, shape)
    elif kind in ("integers", "drawn"):
        values = rng.integers(-2, 3, size=shape)
    elif kind in ("wide", "steep"):  # steep: scores of about 50, beyond what any exponential leaves of the others
        largest = wide if kind == "wide" else min(wide, 7)
        values = rng.integers(-largest, largest + 1, size=shape)
    elif kind == "tied":  # rows that occur more than once
        rows = rng.integers(-2, 3, size=(2, *shape[-1:]))
        values = rows[rng.integers(0, 2, size=shape[:-1])]
    else:
        values = rng.normal(size=shape) * (LARGE[dtype] if kind == "large" else SIZE[kind])
    return values.astype(numpy_dtype(dtype))


def weight(choice, shape, dtype, rng):
    """A weight that a layer learns; a single number is not left at 0 or 1, where it does nothing."""
    if shape:
        return arrays(choice, shape, dtype, rng, choice("W", ("integers", "moderate", "moderate", "drawn")))
    return np.array(choice("scalar", (0.5, -0.75, 2.0, 0.3))).astype(numpy_dtype(dtype))


def largest_exact(dtype, terms):
    """Return the largest n such that ``terms`` products of integers up to n are added up exactly."""
    return max(1, math.isqrt(2 ** PRECISION[dtype] // max(1, terms)))


def position_masks(choice, name, B, positions, rng):
    """A mask of positions, (B, positions), if there is one: any, or padding at one end; each item has its own."""
    if not choice(f"{name} given", (False, True)):
        return None
    style = choice(f"{name} style", ("any", "padding", "left padding"))
    if style == "any":
        return rng.random((B, positions)) < 0.7
    shown = np.arange(positions) < rng.integers(0, positions + 1, size=(B, 1))
    return shown if style == "padding" else shown[:, ::-1]


def cotangents(choice, shape, dtype, rng):
    """Gradients from above: random, never constant, so that no permutation goes unseen."""
    return arrays(choice, shape, dtype, rng, choice("cotangent", KINDS_OF_COTANGENTS))


def plain_options(options, used):
    """The constructor's arguments for the options that a layer has, all used or all left at rest."""
    return {
        name: value
        for name, value in {"use_bias": used, "dropout": 0.5 if used else 0.0, "seed": 1}.items()
        if name in options
    }


def way_of_calling(choice, options, scaled=True):
    """What all kinds share, as arguments of the constructor and fields of the example; ``scaled`` only if it is one."""
    constructor = {"scaled": choice("scaled", (False, True))} if scaled else {}
    if "use_bias" in options:
        constructor["use_bias"] = choice("use_bias", (False, True))
    if "dropout" in options:
        constructor["dropout"] = choice("dropout", (0.0, 0.0, 0.5, 0.25))
    if "seed" in options:
        constructor["seed"] = choice("seed", (1, 0)) if constructor.get("dropout") else 1
    training = choice("training", (None, False, True)) if "dropout" in options else None
    dtype = choice("dtype", DTYPES)
    fields = {
        "dtype": dtype,
        "causal": choice("causal", (False, True)),
        "mixed": dtype in ("float16", "bfloat16") and choice("mixed", (False, False, True)),
        "traced": choice("traced", (False, False, False, False, True)),
        "training": training and not constructor["dropout"],  # what is dropped is seen by a trial of its own
    }
    fields["sizes_known"] = fields["traced"] and choice("sizes known", (*(False,) * 23, True))  # a graph of its own
    return constructor, fields
