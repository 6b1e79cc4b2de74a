"""How far rounding can carry weights: less than the separate operations suggest.

What the exponents of a row have in common cancels when the weights are normalized, and no weight leaves the
interval from 0 to 1.
"""

import numpy as np

from reference.inputs import Array
from reference.rounding_model import EXP_LIMIT, Arithmetic, Softmax, Tracked, float64, rounded
from reference.softmax import LOWEST

BLOCK = 16  # visible keys that an online softmax takes at a time, at least
CORRECTED = 3  # unit roundoffs: a correction has 9, of its exponential and a product; sums in blocks spare 6 of them


def normalize(exponentials: Tracked, total: Tracked, row_error: Array, exponent: Array, machine: Arithmetic) -> Tracked:
    """Weights: exponentials divided by their sum. What a row has in common has cancelled.

    Beyond a block of keys, an online softmax corrects what it has summed up, where a block brings a new largest.
    Weights that are exponentials less the logarithm of their sum are normalized by nothing: each is off as its own
    exponent is, and all of a row as that logarithm is.
    """
    weights = exponentials.value / total.value
    p = float64(weights)
    visible = exponentials.loose > 0
    moved = weights_error(p, float64(total.value), float64(exponent), row_error)
    terms = visible.sum(axis=-1, keepdims=True)
    roundings = terms + 3 + CORRECTED * (terms > BLOCK)
    rounding = (p + moved) * (roundings * machine.unit_roundoff + terms * machine.underflow)
    if machine.log_sum_exp:
        exponent_error = row_error + np.max(row_error, axis=-1, keepdims=True, initial=0.0, where=visible)
        exponent_error = exponent_error + roundings * machine.unit_roundoff
        rounding = rounding + (p + moved) * np.expm1(np.minimum(exponent_error, EXP_LIMIT))
    vanished = 2 * machine.underflow  # as an exponential, and as a weight
    moved, alone = np.where(visible, moved, 0.0), np.where(visible, rounding + vanished, 0.0)
    return rounded(weights, moved + alone, p)._replace(softmax=Softmax(row_error, moved, alone))


def weights_error(p: Array, total: Array, exponent: Array, error: Array) -> Array:
    """How far weights can move if each exponent is off by its error; never beyond 0 and 1.

    The largest that weight ``p`` can be is ``most / (most + the others' least)``, the least that it can be
    ``least / (least + the others' most)``. As ``p + rest`` is 1, the differences from ``p`` can be
    written so that nothing cancels. Where a denominator is lost to underflow, as the errors of a row may
    be larger than what lies between its weights, the exponents alone have to tell.
    """
    most = np.exp(np.minimum(exponent + error, EXP_LIMIT)) / total
    least = np.exp(exponent - error) / total
    risen = np.where(error < 1, p * np.expm1(np.minimum(error, 1)), most - p)  # most - p
    fallen = p * -np.expm1(-error)  # p - least
    rest, others_risen, others_fallen, others_most, others_least = _sum_of_others(
        np.array((p, risen, fallen, most, least))
    )
    with np.errstate(invalid="ignore"):
        above = (risen * rest + p * others_fallen) / (most + others_least)
        below = (fallen * rest + p * others_risen) / (least + others_most)
    carried = np.minimum(np.fmax(np.fmax(above, below), 0.0), 1.0)  # 0 / 0 where nothing else is visible
    lost = np.minimum(most + others_least, least + others_most) < np.exp(-EXP_LIMIT / 2)
    return np.where(lost, _far_apart(p, exponent, error), carried) if lost.any() else carried


def _far_apart(p: Array, exponent: Array, error: Array) -> Array:
    """The same from the exponents, seen from one that cannot fall lower, so that no denominator is below 1."""
    pivot = np.max(exponent - error, axis=-1, keepdims=True, initial=LOWEST)
    most = np.exp(np.minimum(exponent + error - pivot, EXP_LIMIT))
    least = np.exp(exponent - error - pivot)
    with np.errstate(invalid="ignore"):  # 0 / 0 where nothing is visible
        above = most / (most + _sum_of_others(least))
        below = _sum_of_others(most) / (least + _sum_of_others(most))
    return np.maximum(np.fmin(above, _sum_of_others(p)), np.fmin(below, p))


def _sum_of_others(array: Array) -> Array:
    """For each element of a row, the sum of all the others; nothing is subtracted, hence nothing cancels."""
    sums = np.zeros_like(array)
    sums[..., 1:] = np.cumsum(array[..., :-1], axis=-1)
    sums[..., :-1] += np.cumsum(array[..., :0:-1], axis=-1)[..., ::-1]
    return sums
