"""Attention of several heads as it is defined, in decimal numbers, one at a time."""

from decimal import Decimal
from itertools import product

from parity_tests.golden.definitions import at, average, exponential, projected, weights

ZERO = Decimal(0)


def multi_head(arrays, masks, options):
    """Each head attends by itself; what all of them found, gated or not, is weighted together."""
    H = arrays["W_q"][0][1]
    heads = {name: arrays[name] for name in ("scale", "bias") if name in arrays}
    for name, letter in (("query", "q"), ("key", "k"), ("value", "v")):
        own = _projected_by_head(arrays[name], arrays[f"W_{letter}"], arrays.get(f"b_{letter}"))
        heads[name] = _side_by_side([own[h * len(own) // H] for h in range(H)])  # H_kv heads serve H queries
    of_heads = {name: _with_an_axis_of_heads(mask) if name == "key_mask" else mask for name, mask in masks.items()}
    found = weights(heads, of_heads, options)
    output = average(found["weights"], heads["value"])
    if "W_g" in arrays:
        gates = _projected_by_head(arrays["query"], arrays["W_g"], arrays.get("b_g"))
        output = _gated(output, _side_by_side(gates))
    return {**found, "output": _together(output, arrays["W_o"], arrays.get("b_o"))}


def _projected_by_head(x, W, b):
    """What x is projected to by each head, of W (d, H, units)."""
    return [projected(x, _head(W, h, 1), b and _head(b, h, 0)) for h in range(W[0][1])]


def _head(array, head, axis):
    """One entry along an axis."""
    shape, _ = array
    rest = (*shape[:axis], *shape[axis + 1 :])
    positions = product(*map(range, rest))
    return rest, [at(array, (), *one[:axis], head, *one[axis:]) for one in positions]


def _side_by_side(heads):
    """From one array (..., T, d) for each head to one (..., H, T, d)."""
    *leading, T, d = heads[0][0]
    numbers = [
        at(head, item, t, i)
        for item in product(*map(range, leading))
        for head in heads
        for t, i in product(range(T), range(d))
    ]
    return (*leading, len(heads), T, d), numbers


def _with_an_axis_of_heads(mask):
    (*leading, S), numbers = mask
    return (*leading, 1, S), numbers


def _gated(output, gates):
    shape, _ = output
    positions = list(product(*map(range, shape)))
    return shape, [at(output, one) / (1 + exponential(-at(gates, one))) for one in positions]


def _together(heads, W_o, b_o):
    """``heads W_o + b_o``, summed over heads (..., H, T, d_v) and depth, of W_o (H, d_v, d_output)."""
    (*leading, H, T, d_v), _ = heads
    d_output = W_o[0][-1]
    numbers = []
    for *item, t, j in product(*map(range, (*leading, T, d_output))):
        pairs = product(range(H), range(d_v))
        terms = [at(heads, item, h, t, i) * at(W_o, (), h, i, j) for h, i in pairs]
        numbers.append(sum(terms, ZERO) + (at(b_o, (), j) if b_o else 0))
    return (*leading, T, d_output), numbers
