"""How far rounding can carry averages by weights, and the gradient of a softmax: rules sharper than one an operation.

Weights that are off still sum to 1, so that only the distances of what is averaged from its average count.
How far an average ``sum(q * b)`` can move with the exponents of its weights follows from the mean value theorem: its
derivative with respect to exponent k is ``q[k] * (b[k] - average)``, so it moves by no more than the sum
over k of the error of exponent k, times the largest that ``q[k]`` can be, times the largest that the distance can be.
"""

from collections.abc import Iterator

import numpy as np

from reference.inputs import Array
from reference.rounding_model import (
    Arithmetic,
    Mean,
    RowGradient,
    Softmax,
    Tracked,
    by_its_root,
    float64,
    rounded_twice,
)

HELD = 2**19  # elements of (..., T, d, S) that are held at once
PAIRS = 2**19  # elements of (..., T, S, S) beyond which pairs of keys are not looked at one by one


def average_error(weights: Tracked, softmax: Softmax, b: Tracked, average: Array, machine: Arithmetic) -> Array:
    """The error of averages by weights: as the weights move, as what is averaged is off, and as all is rounded.

    No average leaves the interval of the visible values. Two roundings more than a product of matrices has are
    for terms that are scaled before they are added, as an online softmax does.
    """
    center, visible = float64(average), weights.loose > 0
    swayed = _swayed(weights, softmax)
    coefficients = _stacked(softmax.moved, swayed)
    sums = np.zeros((*center.shape, 2))
    spread, largest_size, largest_error = (np.zeros(center.shape) for _ in range(3))
    b_error = np.ascontiguousarray(b.error.mT)[..., None, :, :]
    for block, value, distance in _distances(visible, float64(b.value)[..., None, :, :], center):
        sums = sums + distance @ coefficients[..., block, :]
        seen, error = visible[..., None, block], b_error[..., block]
        spread = np.maximum(spread, distance.max(axis=-1, initial=0.0))
        largest_error = np.maximum(largest_error, np.where(seen, error, 0.0).max(axis=-1, initial=0.0))
        largest_size = np.maximum(largest_size, np.where(seen, np.abs(value) + error, 0.0).max(axis=-1, initial=0.0))
    moved = np.minimum(sums[..., 0], spread)
    moved = np.fmin(moved, sums[..., 1] + moved * swayed.sum(axis=-1, keepdims=True))
    n = visible.sum(axis=-1, keepdims=True)
    total = 1 + softmax.alone.sum(axis=-1, keepdims=True)
    size = np.minimum(weights.size @ b.size, total * largest_size)
    error = np.minimum(weights.size @ b.error, total * largest_error)
    rounding = (n + 2) * machine.unit_roundoff * size + (2 * n + 2) * machine.underflow
    return moved + error + softmax.alone @ b.size + rounding


def summed(products: Tracked, total: Tracked, machine: Arithmetic) -> Tracked:
    """The sum of each row, and what is known of it if it is one of exponentials or of weighted numbers."""
    if products.factors is None:
        return total._replace(sum_of=products)
    weights, d_weights = products.factors
    return total if weights.softmax is None else weighted_mean(weights, weights.softmax, d_weights, total, machine)


def weighted_mean(
    weights: Tracked, softmax: Softmax, d_weights: Tracked, mean: Tracked, machine: Arithmetic
) -> Tracked:
    """The mean ``sum(d_weights * weights)`` of each row, also taken as ``sum(d_output * output)``.

    The output then has the roundings of a product of matrices, of which each is multiplied by ``d_output``:
    those of sums of as many terms as ``d_weights`` are sums of, in all.
    """
    visible, swayed = weights.loose > 0, _swayed(weights, softmax)
    distance = np.where(visible, np.abs(float64(d_weights.value - mean.value)), 0.0)
    moved = np.minimum(_of_rows(softmax.moved * distance), distance.max(axis=-1, keepdims=True, initial=0.0))
    moved = np.fmin(moved, _of_rows(swayed * distance) + moved * _of_rows(swayed))
    n = _of_rows(visible)
    carried = _largest_average(weights, softmax, d_weights.loose)
    terms = _largest_average(weights, softmax, d_weights.magnitude + d_weights.loose)
    common = _of_rows(softmax.alone * float64(np.abs(d_weights.value))) + carried
    common = common + (n + 2) * machine.unit_roundoff * terms + 2 * n * machine.underflow
    known = Mean(d_weights, weights, moved, common, carried)
    return mean._replace(error=moved + common, loose=moved + common, mean=known)


def multiplied(a: Tracked, b: Tracked, product: Tracked, machine: Arithmetic) -> Tracked:
    """The product of ``a`` and ``b``, and what is known of it if one of them is weights or a row's gradient."""
    if b.softmax is not None or b.gradient is not None:
        a, b = b, a
    if a.softmax is not None:
        if b.mean is not None and b.mean.weights is a:
            return row_gradient(a, a.softmax, b, b.mean, product, machine)
        return product._replace(factors=(a, b))
    if a.gradient is not None:
        if b.value.size == 1:
            return product._replace(gradient=_scaled(a, a.gradient, b, machine))
        return product._replace(factors=(a, b))
    return product


def row_gradient(
    weights: Tracked, softmax: Softmax, slope: Tracked, mean: Mean, product: Tracked, machine: Arithmetic
) -> Tracked:
    """The gradient ``weights * (d_weights - mean)`` of a row's logits, whose errors are no strangers to one another.

    Its derivative with respect to exponent k is ``q[j] * ((j == k) * slope[j] - q[k] * (slope[j] + slope[k]))``.
    """
    p, signed, error = float64(weights.value), float64(slope.value), mean.d_weights.error
    distance = np.where(weights.loose > 0, np.abs(signed), 0.0)
    most, swayed = p + softmax.moved, _swayed(weights, softmax)
    if signed.size * signed.shape[-1] <= PAIRS:
        pairs = np.abs(signed[..., :, None] + signed[..., None, :])
        of_others = (pairs @ swayed[..., None])[..., 0] - 2 * np.abs(signed) * swayed
    else:
        of_others = _of_rows(swayed * distance) + distance * _of_rows(swayed) - 2 * distance * swayed
    of_others = of_others + 2 * mean.moved * _of_rows(swayed)
    own = softmax.exponent_error * np.minimum(np.abs(1 - 2 * p) + 2 * softmax.moved, 1.0) * (distance + mean.moved)
    moved = np.fmin(softmax.moved * distance + most * mean.moved, most * (own + np.maximum(of_others, 0.0)))
    u = machine.unit_roundoff
    size = slope.magnitude + error + mean.moved + mean.common
    met = distance + mean.moved
    if machine.log_sum_exp:  # the weights that meet the mean are others, those of the derivative of the logarithm
        met = size
        product = product._replace(
            loose=product.loose + weights.loose * size, error=product.error + weights.loose * size
        )
    alone = softmax.alone * met + 2 * u * (1 + u) * weights.size * size + 3 * machine.underflow
    loose = np.fmin(product.loose, moved + weights.size * (error + mean.common) + alone)
    gradient = RowGradient(weights, softmax, signed, mean.moved, error, mean.common + mean.carried, alone)
    return product._replace(loose=loose, error=np.minimum(product.error, loose), gradient=gradient)


def _scaled(a: Tracked, gradient: RowGradient, by: Tracked, machine: Arithmetic) -> RowGradient:
    """The same multiplied by a number, each product rounded twice."""
    number, loose = float64(by.value), by_its_root(by, machine).loose
    size = np.abs(number)
    alone = size * gradient.alone + a.size * (loose + rounded_twice(size + loose, machine))
    return gradient._replace(
        slope=number * gradient.slope,
        mean_moved=size * gradient.mean_moved,
        slope_error=size * gradient.slope_error,
        common=size * gradient.common,
        alone=alone + machine.underflow,
    )


def gradient_error(gradient: RowGradient, b: Tracked, sums: Array) -> Array:
    """How far a row's gradient times ``b``, (..., S, d), can be off as the gradient is."""
    return _covariance_error(gradient, float64(b.value)[..., None, :, :], float64(sums))


def products_error(products: Tracked, a: Tracked, b: Tracked, machine: Arithmetic) -> Array:
    """How far the sums of the products of a row, (..., T, 1), can be off, but for the rounding of the sum.

    If ``a`` is a row's gradient and ``b`` dot products of a query, the gradient of a scale, a machine may multiply
    ``a`` by the keys before it multiplies by the query: a scale that is applied to the query leads to that. Then
    the products are rounded at the size of their terms, however small ``b`` is.
    """
    if a.gradient is None:
        return _of_rows(products.loose)
    size = a.size * (b.magnitude + b.loose)
    own = a.size * b.loose + (size.shape[-1] + 1) * machine.unit_roundoff * size + machine.underflow
    sums = _of_rows(float64(products.value))
    carried = _covariance_error(a.gradient, float64(b.value)[..., None], sums)
    return np.fmin(carried, _of_rows(a.loose * float64(np.abs(b.value)))) + _of_rows(own)


def _covariance_error(gradient: RowGradient, b: Array, sums: Array) -> Array:
    """How far ``sums`` of a row's gradient times ``b``, (..., T or 1, S, d), can be off as the gradient is.

    Such a sum is the covariance of ``slope`` and ``b``. Its derivative with respect to exponent k is ``q[k]`` times
    the product of their distances from their means, less the covariance itself. What is common to the
    slopes of a row meets the mean of ``b``, and what is each slope's own the distance from it.
    """
    weights, softmax, slope = gradient.weights, gradient.softmax, gradient.slope
    p, visible, swayed = float64(weights.value), weights.loose > 0, _swayed(weights, softmax)
    distance, slope_error = np.where(visible, np.abs(slope), 0.0), weights.size * gradient.slope_error
    mean = (p[..., None, :] @ b)[..., 0, :]
    coefficients = _stacked(softmax.moved, swayed, softmax.moved * distance, slope_error)
    parts, products, spread = np.zeros((*mean.shape, 4)), np.zeros_like(mean), np.zeros_like(mean)
    for block, value, apart in _distances(visible, b, mean):
        parts = parts + apart @ coefficients[..., block, :]
        spread = np.maximum(spread, apart.max(axis=-1, initial=0.0))
        centered = slope[..., None, block] * (value - mean[..., None]) - sums[..., None]
        products = products + (np.abs(centered) @ swayed[..., block, None])[..., 0]
    by_moved, by_swayed, by_both, by_slopes = (parts[..., part] for part in range(4))
    b_moved, slope_moved = np.minimum(by_moved, spread), gradient.mean_moved
    both = by_both + 2 * slope_moved * b_moved
    moved = products + slope_moved * by_swayed + b_moved * _of_rows(swayed * distance) + both * _of_rows(swayed)
    alone = np.abs(b).mT @ _stacked(gradient.alone, softmax.alone)
    off = b_moved + alone[..., 1]
    common = gradient.common * (np.abs(mean) + off) + alone[..., 0]
    return moved + by_slopes + off * _of_rows(slope_error) + common


def _stacked(*rows: Array) -> Array:
    """(..., T, S) each, all of them (..., T, S, their number), by which what is averaged is multiplied."""
    return np.concatenate([row[..., None, :] for row in rows], axis=-2).mT


def _distances(visible: Array, b: Array, center: Array) -> Iterator[tuple[slice, Array, Array]]:
    """Some keys at a time, their ``b``, and how far it lies from the center where they are visible: (..., T, d, keys).

    Keys come last, as there are more of them than columns: a maximum along a short axis that is not the last is slow.
    """
    keys = visible.shape[-1]
    held = max(1, HELD // max(1, center.size))
    for first in range(0, keys, held):
        block = slice(first, first + held)
        value = np.ascontiguousarray(b[..., block, :].mT)
        yield block, value, np.where(visible[..., None, block], np.abs(value - center[..., None]), 0.0)


def _swayed(weights: Tracked, softmax: Softmax) -> Array:
    """The errors of the exponents, each times the largest that its weight can be."""
    return softmax.exponent_error * (float64(weights.value) + softmax.moved)


def _largest_average(weights: Tracked, softmax: Softmax, array: Array) -> Array:
    """The largest weighted mean of each row of an array that is nowhere negative."""
    most = np.where(weights.loose > 0, array, 0.0).max(axis=-1, keepdims=True, initial=0.0)
    return np.minimum(_of_rows(weights.size * array), (1 + _of_rows(softmax.alone)) * most)


def _of_rows(array: Array) -> Array:
    return np.add.reduce(array, axis=-1, keepdims=True)
