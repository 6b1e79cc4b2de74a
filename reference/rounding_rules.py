"""How far rounding can carry each operation on single numbers astray: one rule an operation.

Every rule takes arrays of which it is known how far off a machine may have them, and the machine's
arithmetic; it returns the result with its own bound. `reference.rounding` puts them behind NumPy's
operators; `rounding_sums` has those along an axis. Higham, "Accuracy and Stability of Numerical Algorithms" (2002),
chapters 2 and 3.
"""

import numpy as np

from reference import rounding_averages as averages
from reference.inputs import Array
from reference.rounding_model import (
    EXP_LIMIT,
    EXPONENTIAL,
    LARGEST_STEP,
    TANGENT,
    Arithmetic,
    Tracked,
    by_its_root,
    float64,
    known,
    rounded,
    rounded_twice,
)
from reference.rounding_sigmoid import by_either_form
from reference.rounding_softmax import normalize


def add(a: Tracked, b: Tracked, machine: Arithmetic) -> Tracked:
    """A sum. Its operands may be sums, and all their terms added up in any order.

    Then each term of one takes part in as many more roundings as the other has terms.
    """
    value = a.value + b.value
    magnitude = a.magnitude + b.magnitude
    fused = b.terms * (a.magnitude + a.loose) + a.terms * (b.magnitude + b.loose)
    loose = a.loose + b.loose + machine.unit_roundoff * fused + machine.underflow
    if not value.all() or not np.isfinite(value).all():
        loose = np.where((a.absent & b.absent) | (value == -np.inf), 0.0, loose)
    step = None if a.step is None or b.step is None else np.minimum(a.step, b.step)
    total = known(value, loose, magnitude, step, a.terms + b.terms, machine)
    return total if b.exponent is None or not np.all(a.value == 1) else total._replace(one_more_than=b)


def subtract(a: Tracked, b: Tracked, machine: Arithmetic) -> Tracked:
    """A difference of finished numbers. If ``b`` is the largest of each row of ``a``, its error is common to the row.

    Then three unit roundoffs, as exponentials to base 2 multiply it by a constant, itself rounded. A machine that takes
    the logarithm of the sum from a score instead of dividing by the sum rounds at the size of both.
    """
    difference = add(_finished(a), _finished(negative(b, machine)), machine)
    if b.mean is not None and b.mean.d_weights is a:
        return difference._replace(mean=b.mean)
    if b.maximum_of is not a:
        return difference
    finite = np.isfinite(difference.value)
    distance = np.where(finite, float64(np.abs(difference.value)), 0.0) + a.error + b.error
    own_error = difference.loose if machine.log_sum_exp else a.error
    row_error = np.where(finite, own_error + 3 * machine.unit_roundoff * distance, 0.0)
    return difference._replace(row_error=row_error)


def negative(a: Tracked, machine: Arithmetic) -> Tracked:
    """A change of sign, which is exact."""
    return Tracked(-a.value, a.error, a.loose, a.magnitude, a.step, a.terms)


def multiply(a: Tracked, b: Tracked, machine: Arithmetic) -> Tracked:
    """A product, of which one operand may be a scale whose root is applied to both sides of what it multiplies."""
    product = _product(by_its_root(a, machine), by_its_root(b, machine), machine)
    return averages.multiplied(a, b, product, machine)


def _product(a: Tracked, b: Tracked, machine: Arithmetic) -> Tracked:
    """A product. If one is a sum, the other may have been multiplied into its terms; if both are, both are finished.

    Rounded twice, as both sides of a product are where each is multiplied by the root of a scale.
    """
    value = a.value * b.value
    of_a, of_b = float64(np.abs(a.value)), float64(np.abs(b.value))
    magnitude, terms = a.magnitude * b.magnitude, np.maximum(a.terms, b.terms)
    if a.gradient is not None or b.gradient is not None:
        sums = np.minimum(a.terms, b.terms) > 1
        magnitude, terms = np.where(sums, of_a * of_b, magnitude), np.where(sums, 1.0, terms)
    carried = a.loose * (of_b + b.loose) + of_a * b.loose
    loose = carried + rounded_twice(magnitude + carried, machine) + machine.underflow
    step = None if a.step is None or b.step is None else np.minimum(a.step * b.step, LARGEST_STEP)
    if not value.all():
        absent = a.absent | b.absent
        loose, step = np.where(absent, 0.0, loose), None if step is None else np.where(absent, LARGEST_STEP, step)
    return known(value, loose, magnitude, step, terms, machine)


def square(a: Tracked, machine: Arithmetic) -> Tracked:
    """A product with itself."""
    return multiply(a, a, machine)


def divide(a: Tracked, b: Tracked, machine: Arithmetic) -> Tracked:
    """A quotient. Exponentials divided by their own sum are weights, for which there is a sharper rule."""
    if b.sum_of is a and a.exponent is not None and a.row_error is not None:
        return normalize(a, b, a.row_error, a.exponent, machine)
    value = a.value / b.value
    least = np.maximum(float64(np.abs(b.value)) - b.error, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        carried = (a.error + float64(np.abs(value)) * b.error) / least
    carried = np.where(np.isnan(carried), np.inf, carried)
    loose = carried + 2 * machine.unit_roundoff * (float64(np.abs(value)) + carried) + machine.underflow
    with np.errstate(over="ignore"):  # a divisor that may be 0 leaves no bound
        magnitude = a.magnitude / np.where(least == 0, np.finfo(float).tiny, least)
    quotient = rounded(value, np.where(a.absent, 0.0, loose), magnitude)
    return quotient if b.one_more_than is None else by_either_form(a, b.one_more_than, quotient, machine)


def exp(a: Tracked, machine: Arithmetic) -> Tracked:
    """An exponential. exp(-inf) is exactly 0."""
    value = np.exp(a.value)
    size = float64(value)
    with np.errstate(over="ignore", invalid="ignore"):
        carried = size * np.expm1(a.error)
        if (a.value <= -EXP_LIMIT).any():
            carried = np.where(a.value > -EXP_LIMIT, carried, np.exp(float64(a.value) + a.error))
        loose = carried + EXPONENTIAL * machine.unit_roundoff * (size + carried) + machine.underflow
    row_error = None if a.row_error is None else a.row_error - np.log1p(-EXPONENTIAL * machine.unit_roundoff)
    result = rounded(value, np.where(a.value == -np.inf, 0.0, loose), size)
    return result._replace(row_error=row_error, exponent=a.value)


def tanh(a: Tracked, machine: Arithmetic) -> Tracked:
    """A hyperbolic tangent, steepest at the point of the error's interval that is nearest to 0."""
    value = np.tanh(a.value)
    nearest = np.maximum(float64(np.abs(a.value)) - a.error, 0.0)
    steepness = 1 / np.square(np.cosh(np.minimum(nearest, EXP_LIMIT / 2)))
    size = float64(np.abs(value))
    carried = np.minimum(a.error * steepness, 1 + size)
    loose = carried + TANGENT * machine.unit_roundoff * (size + carried)
    return rounded(value, np.where(a.absent, 0.0, loose + machine.underflow), size)


def select(condition: Array, a: Tracked, b: Tracked) -> Tracked:
    """Elements of one or the other, which is exact. A sum stays one if only zeros are replaced."""
    sum_of = None
    if a.sum_of is not None and np.all(condition | (a.value == 0)):
        sum_of = a.sum_of
    if b.sum_of is not None and np.all(~condition | (b.value == 0)):
        sum_of = b.sum_of
    value, error, loose, magnitude, terms = (
        np.where(condition, getattr(a, name), getattr(b, name))
        for name in ("value", "error", "loose", "magnitude", "terms")
    )
    step = None
    if a.step is not None or b.step is not None:
        steps = np.where(condition, 0.0 if a.step is None else a.step, 0.0 if b.step is None else b.step)
        step = np.broadcast_to(steps, value.shape)  # as a condition may have fewer axes than what it chooses
    return Tracked(value, error, loose, magnitude, step, terms, sum_of=sum_of)


def _finished(a: Tracked) -> Tracked:
    """The same number, into whose sum nothing more is fused."""
    return Tracked(a.value, a.error, a.loose, float64(np.abs(a.value)), a.step, np.ones(np.shape(a.value)))
