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
KINDS_OF_VALUES = ("drawn", *("ordinary", "moderate", "integers") * 2, "tied", "tiny", "large", "wide")
MODES_OF_SIZES = (*("free", "distinct", "equal") * 4, "long", "long", "empty")
SIZE = {"ordinary": 1.0, "moderate": 0.5, "tiny": 2.0**-10}
DRAWN_AT_MOST = 24  # elements that are drawn one by one; a counterexample made of them can be read


def numpy_dtype(name):
    """Return NumPy's dtype of that name, bfloat16 included."""
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


@st.composite
def sizes(draw, names):
    """Sizes of the named axes: free, all equal, all distinct, one of them long, or one empty.

    Equal sizes hide no transpose that distinct ones turn into an error, and the other way round.
    """
    mode = draw(st.sampled_from(MODES_OF_SIZES))
    if mode == "equal":
        return dict.fromkeys(names, draw(st.integers(1, 6)))
    if mode == "distinct":
        return dict(zip(names, draw(st.permutations((2, 3, 4, 5, 7)))))
    drawn = {name: draw(st.integers(1, 8)) for name in names}
    if "d_k" in drawn and draw(st.booleans()):
        drawn["d_k"] = draw(st.sampled_from((1, 4, 16)))  # where scaling is exact
    positions = [name for name in names if name in ("T", "S")]
    if mode == "long":
        drawn[draw(st.sampled_from(positions))] = draw(st.sampled_from((9, 17, 40, 130)))
    if mode == "empty":
        drawn[draw(st.sampled_from(positions))] = 0
    return drawn


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
    elif kind == "integers":
        values = rng.integers(-2, 3, size=shape)
    elif kind == "wide":
        values = rng.integers(-wide, wide + 1, size=shape)
    elif kind == "tied":  # rows that occur more than once
        rows = rng.integers(-2, 3, size=(2, *shape[-1:]))
        values = rows[rng.integers(0, 2, size=shape[:-1])]
    else:
        values = rng.normal(size=shape) * SIZE.get(kind, LARGE[dtype])
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
    kind = draw(st.sampled_from(("drawn", "ordinary", "integers")))
    return draw(arrays(shape, dtype, rng, kind))
