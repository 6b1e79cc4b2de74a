"""What Hypothesis draws: shapes and structure itself, bulk values by the seed of a generator.

The kinds of values are chosen so that no fault hides: flat and one-hot softmaxes, ties, values far from
uniform, integers whose products are exact in the layer's own dtype, so that the bound stays sharp where
scores are large.
"""

import math

import ml_dtypes
import numpy as np
from hypothesis import strategies as st

DTYPES = ("float32", "float64", "float16", "bfloat16")
PRECISION = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}  # bits of the significand
LARGE = {"float16": 4.0, "bfloat16": 64.0, "float32": 64.0, "float64": 64.0}  # clear of overflow in all gradients
KINDS_OF_VALUES = (*("integers", "moderate", "ordinary") * 2, "tied", "tiny", "large", "wide", "drawn")
KINDS_OF_COTANGENTS = ("integers", "ordinary", "drawn")
SIZE = {"ordinary": 1.0, "moderate": 0.5, "tiny": 2.0**-10}
MODES_OF_SIZES = (*("free", "distinct", "equal") * 4, "long", "long", "empty")
ANY = (2, 3, 1, 4, 5, 6, 7, 8)  # Hypothesis ends at the first: of a single key or a depth of 1 there is little to see
DISTINCT = (2, 3, 4, 5, 7)
LONG = (9, 17, 40, 130)
DRAWN_AT_MOST = 24  # elements that are drawn one by one; a counterexample made of them can be read


def numpy_dtype(name):
    """Return NumPy's dtype of that name, bfloat16 included."""
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


@st.composite
def sizes(draw, names):
    """Sizes of the named axes: free, all equal, all distinct, one of them long, or one empty.

    Equal sizes hide no transpose that distinct ones turn into an error, and the other way round. The
    same things are drawn whatever the mode, so that Hypothesis can make an example of any mode smaller.
    """
    mode = draw(st.sampled_from(MODES_OF_SIZES))
    drawn = {name: draw(st.sampled_from(ANY)) for name in names}
    special = draw(st.sampled_from([name for name in names if name in ("T", "S")]))
    long = draw(st.sampled_from(LONG))
    depth = draw(st.sampled_from((None, None, 1, 4, 16)))  # where scaling is exact
    if mode == "equal":
        return dict.fromkeys(names, drawn["B"])
    if mode == "distinct":
        return dict(zip(sorted(names, key=drawn.get), DISTINCT))
    if mode in ("long", "empty"):
        drawn[special] = long if mode == "long" else 0
        drawn["B"] = min(drawn["B"], 3)
    return {**drawn, "d_k": depth or drawn["d_k"]}


@st.composite
def generators(draw):
    """A NumPy generator."""
    return np.random.default_rng(draw(st.integers(0, 2**32 - 1)))


@st.composite
def arrays(draw, shape, dtype, rng, kind, wide=None):
    """An array of one kind of values, rounded to the dtype.

    ``wide`` is the largest of the integers whose products are to be exact.
    """
    if kind == "drawn" and math.prod(shape) <= DRAWN_AT_MOST:
        eighths = draw(st.lists(st.integers(-16, 16), min_size=math.prod(shape), max_size=math.prod(shape)))
        values = np.reshape(np.array(eighths, dtype=float) / 8, shape)
    elif kind in ("integers", "drawn"):
        values = rng.integers(-2, 3, size=shape)
    elif kind == "wide":
        values = rng.integers(-wide, wide + 1, size=shape)
    elif kind == "tied":  # rows that occur more than once
        rows = rng.integers(-2, 3, size=(2, *shape[-1:]))
        values = rows[rng.integers(0, 2, size=shape[:-1])]
    else:
        values = rng.normal(size=shape) * {**SIZE, "large": LARGE[dtype]}[kind]
    return values.astype(numpy_dtype(dtype))


def largest_exact(dtype, terms):
    """Return the largest n such that ``terms`` products of integers up to n are added up exactly."""
    return max(1, math.isqrt(2 ** PRECISION[dtype] // max(1, terms)))


@st.composite
def position_masks(draw, B, positions, rng):
    """A mask of positions, (B, positions): none, padding, or any; each item of the batch has its own."""
    style = draw(st.sampled_from(("none", "none", "padding", "any")))
    if style == "none":
        return None
    if style == "padding":
        return np.arange(positions) < rng.integers(0, positions + 1, size=(B, 1))
    return rng.random((B, positions)) < 0.7


@st.composite
def cotangents(draw, shape, dtype, rng):
    """Gradients from above: random, never constant, so that no permutation goes unseen."""
    return draw(arrays(shape, dtype, rng, draw(st.sampled_from(KINDS_OF_COTANGENTS))))
