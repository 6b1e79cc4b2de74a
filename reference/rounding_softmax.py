"""How far rounding can carry weights, and averages by weights: less than the separate operations suggest.

What the exponents of a row have in common cancels when the weights are normalized; no weight leaves the
interval from 0 to 1, and no average that of the values that are averaged.
"""

import numpy as np

from reference.inputs import Array
from reference.rounding_model import EXP_LIMIT, Arithmetic, Tracked, float64, single
from reference.softmax import LOWEST


def normalize(exponentials: Tracked, total: Tracked, row_error: Array, exponent: Array, machine: Arithmetic) -> Tracked:
    """Weights: exponentials divided by their sum. What a row has in common has cancelled."""
    weights = exponentials.value / total.value
    p = float64(weights)
    visible = exponentials.loose > 0
    carried = weights_error(p, float64(total.value), float64(exponent), row_error)
    terms = np.sum(visible, axis=-1, keepdims=True)
    rounding = (p + carried) * ((terms + 3) * machine.unit_roundoff + terms * machine.underflow)
    vanished = 2 * machine.underflow  # as an exponential, and as a weight
    return single(weights, np.where(visible, carried + rounding + vanished, 0.0), ~visible, p)._replace(convex=True)


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
    rest = _sum_of_others(p)
    with np.errstate(invalid="ignore"):
        above = (risen * rest + p * _sum_of_others(fallen)) / (most + _sum_of_others(least))
        below = (fallen * rest + p * _sum_of_others(risen)) / (least + _sum_of_others(most))
    carried = np.fmax(np.fmax(above, below), 0.0)  # 0 / 0 where nothing else is visible
    lost = np.minimum(most + _sum_of_others(least), least + _sum_of_others(most)) < np.exp(-EXP_LIMIT / 2)
    return np.where(lost, _far_apart(p, exponent, error), np.minimum(carried, 1.0))


def _far_apart(p: Array, exponent: Array, error: Array) -> Array:
    """The same from the exponents, seen from one that cannot fall lower, so that no denominator is below 1."""
    pivot = np.max(exponent - error, axis=-1, keepdims=True, initial=LOWEST)
    most = np.exp(np.minimum(exponent + error - pivot, EXP_LIMIT))
    least = np.exp(exponent - error - pivot)
    with np.errstate(invalid="ignore"):  # 0 / 0 where nothing is visible
        above = most / (most + _sum_of_others(least))
        below = _sum_of_others(most) / (least + _sum_of_others(most))
    return np.maximum(np.fmin(above, _sum_of_others(p)), np.fmin(below, p))


def average_error(weights: Tracked, b: Tracked, average: Array, machine: Arithmetic) -> Array:
    """The error of weighted averages, by how far the averaged values lie from their average.

    As the weights sum to 1 whatever their errors are, a value common to all of them costs nothing; and
    no average leaves the interval of the visible values.
    """
    center = float64(average)
    visible = weights.loose > 0
    shape = center.shape
    spread, size, largest_error, carried = np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for s in range(weights.value.shape[-1]):  # a key at a time, lest (..., T, S, d_v) be held at once
        value, error = float64(b.value[..., s : s + 1, :]), b.error[..., s : s + 1, :]
        seen = visible[..., :, s : s + 1]
        distance = np.where(seen, np.abs(value - center), 0.0)
        spread = np.maximum(spread, distance)
        size = np.maximum(size, np.where(seen, np.abs(value) + error, 0.0))
        largest_error = np.maximum(largest_error, np.where(seen, error, 0.0))
        carried = carried + weights.error[..., :, s : s + 1] * distance
    terms = np.sum(visible, axis=-1, keepdims=True)
    sum_error = (terms + 4) * machine.unit_roundoff + terms * machine.underflow
    rounding = ((terms + 2) * machine.unit_roundoff + sum_error) * size + (2 * terms + 2) * machine.underflow
    return np.minimum(carried, spread) + largest_error + sum_error * np.abs(center) + rounding


def _sum_of_others(array: Array) -> Array:
    """For each element of a row, the sum of all the others; nothing is subtracted, hence nothing cancels."""
    sums = np.zeros_like(array)
    sums[..., 1:] = np.cumsum(array[..., :-1], axis=-1)
    sums[..., :-1] += np.cumsum(array[..., :0:-1], axis=-1)[..., ::-1]
    return sums
