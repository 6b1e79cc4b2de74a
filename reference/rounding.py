"""How far rounding can carry attention astray, computed by running the reference itself.

A `Rounded` array carries, beside each value, a bound on the error that a machine of a given
arithmetic may have made in it (running error analysis: Wilkinson, 1986; Higham, "Accuracy and Stability of
Numerical Algorithms", 2002, section 3.3). It speaks NumPy's protocols, so that forward and backward run on it
unchanged and return their own bound:

>>> from reference import dot_product_attention
>>> query, key, value = (track(array, FLOAT32) for array in ([[0.1]], [[0.2], [0.3]], [[0.4], [0.5]]))
>>> output = dot_product_attention(query, key, value).output
>>> output.value, output.error < 1e-6
(array([[0.45025]]), array([[ True]]))

What is covered: dot products added up in any order, with or without fused multiply-add; the scale applied to
the scores, to the query, or its root to both sides; the bias added before, between or after the products;
weights that are normalized before or after they meet the values; an online softmax over blocks of 16 visible keys
or more, or of fewer if exponentials are good to 1 ulp (one by one, 12 keys at most); exponentials to base 2; exponents
that are off by three roundings of their distance from the row's largest; exp good to 4 ulp, tanh to 6; a sigmoid by
exp or as ``0.5 + 0.5 * tanh(x / 2)``; results that underflow to zero; and in the backward, the sum of
``d_weights * weights`` taken as that of ``d_output * output`` (unless the loss depends directly on weights that an
online softmax computes besides), the weights multiplied with ``d_weights`` before that sum is subtracted or after, and
gradients of what leading axes share, such as a key head, as one sum over all of these axes and the queries.
Of additive scores, a v_a that multiplies each tanh or, if it is a scalar, their sum, and the slope of tanh taken as
``1 - tanh²`` or ``(1 - tanh) (1 + tanh)``, either factor first.

Operands that are integers times one power of two are followed exactly while their sums stay
below ``1 / u``: the error is 0 as long as every covered evaluation gives the same number. Scores that are scaled
are so where the root of the scale is such a number too: 1/4 (d_k = 16) has the root 1/2, 1/2 (d_k = 4) has none.

Not covered: overflow, where the bound says nothing; an operand that underflows and is multiplied by something
large afterwards; any other sum of sums taken as one long sum of all their terms, or taken after what follows it;
and, but for a machine whose arithmetic says ``log_sum_exp``, weights taken as ``exp(scores - log_sum_exp)`` and not
normalized afterwards, whose exponents are rounded at the size of the scores.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from reference import rounding_model as model
from reference import rounding_rules as rules
from reference import rounding_sums as sums
from reference.inputs import Array, refuse
from reference.rounding_model import Arithmetic, Tracked

FLOAT16 = Arithmetic(2.0**-11, 2.0**-24)  # no platform flushes a float16 to zero before its smallest number
BFLOAT16 = Arithmetic(2.0**-8, 2.0**-126)
FLOAT32 = Arithmetic(2.0**-24, 2.0**-126)
FLOAT64 = Arithmetic(2.0**-53, 2.0**-1022)

ARITHMETIC = {"float16": FLOAT16, "bfloat16": BFLOAT16, "float32": FLOAT32, "float64": FLOAT64}

RULES: dict[Callable[..., Any], Callable[..., Tracked]] = {
    np.add: rules.add,
    np.subtract: rules.subtract,
    np.negative: rules.negative,
    np.multiply: rules.multiply,
    np.square: rules.square,
    np.divide: rules.divide,
    np.exp: rules.exp,
    np.tanh: rules.tanh,
    np.matmul: sums.matmul,
}

QUESTIONS = {np.isfinite, np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal}


class Rounded(NDArrayOperatorsMixin):
    """An array, and how far off a machine may have each of its elements.

    Make one with `track`; NumPy's operations on it give others, or with ``out`` write into one. An operation without
    a rule is a `TypeError`, never a wrong bound.

    Attributes
    ----------
    value
        float64, or longdouble where the machine's arithmetic is float64's.
    error
        A machine's element lies within this of ``value``. It includes the rounding of ``value`` itself.
    arithmetic
        The machine's.
    """

    __slots__ = ("_tracked", "arithmetic")

    def __init__(self, tracked: Tracked | Callable[[], Tracked], arithmetic: Arithmetic) -> None:
        self._tracked = tracked
        self.arithmetic = arithmetic

    @property
    def tracked(self) -> Tracked:
        """All that is known of it, computed when it is first asked for: of some sums nobody asks."""
        if not isinstance(self._tracked, Tracked):
            self._tracked = self._tracked()
        return self._tracked

    @property
    def value(self) -> Array:
        """The values, as the reference computes them."""
        return self.tracked.value

    @property
    def error(self) -> Array:
        """The bound of each value."""
        return self.tracked.error

    @property
    def shape(self) -> tuple[int, ...]:
        """As of any array."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """As of any array."""
        return self.value.ndim

    @property
    def dtype(self) -> Any:
        """That of the values."""
        return self.value.dtype

    @property
    def mT(self) -> "Rounded":
        """The last two axes swapped."""
        return Rounded(model.rearranged(self.tracked, lambda array: array.mT), self.arithmetic)

    def reshape(self, *shape: Any) -> "Rounded":
        """As of any array."""
        return Rounded(lambda: model.rearranged(self.tracked, lambda array: array.reshape(*shape)), self.arithmetic)

    def sum(self, **along: Any) -> "Rounded":
        """As of any array."""
        return _sum(self, **along)

    def max(self, **along: Any) -> "Rounded":
        """As of any array."""
        return _max(self, **along)

    def __getitem__(self, index: Any) -> "Rounded":
        return Rounded(model.rearranged(self.tracked, lambda array: array[index]), self.arithmetic)

    def __repr__(self) -> str:
        return f"Rounded(value={self.value!r}, error={self.error!r})"

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        (out,) = options.pop("out", (None,))
        if method != "__call__" or options or not (out is None or (isinstance(out, Rounded) and ufunc in RULES)):
            return NotImplemented
        if ufunc in QUESTIONS:
            return ufunc(*(getattr(operand, "value", operand) for operand in inputs))
        if ufunc not in RULES:
            return NotImplemented
        operands = [_tracked(operand, self.arithmetic) for operand in inputs]
        result = RULES[ufunc](*operands, model.both_roundings(self.arithmetic))
        if out is None:
            return Rounded(result, self.arithmetic)
        if out.shape != result.value.shape:
            refuse("out", f"shape {result.value.shape}", out.shape)
        out._tracked = result
        return out

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function not in FUNCTIONS:
            return NotImplemented
        return FUNCTIONS[function](*args, **kwargs)


def _sum(a: Rounded, axis: Any = None, keepdims: bool = False) -> Rounded:
    return Rounded(lambda: sums.sum_along(a.tracked, model.both_roundings(a.arithmetic), axis, keepdims), a.arithmetic)


def _max(a: Rounded, axis: Any = None, keepdims: bool = False, initial: float = -np.inf) -> Rounded:
    return Rounded(sums.maximum_along(a.tracked, axis, keepdims, initial), a.arithmetic)


def _where(condition: Any, a: Any, b: Any) -> Rounded:
    condition = np.asarray(condition, dtype=np.bool_)
    arithmetic = next(operand.arithmetic for operand in (a, b) if isinstance(operand, Rounded))
    return Rounded(rules.select(condition, _tracked(a, arithmetic), _tracked(b, arithmetic)), arithmetic)


def _moveaxis(a: Rounded, source: int, destination: int) -> Rounded:
    return Rounded(lambda: model.rearranged(a.tracked, lambda x: np.moveaxis(x, source, destination)), a.arithmetic)


def _concatenate(arrays: Any, axis: int = 0) -> Rounded:
    arithmetic = next(array.arithmetic for array in arrays if isinstance(array, Rounded))
    return Rounded(model.joined([_tracked(array, arithmetic) for array in arrays], axis), arithmetic)


FUNCTIONS: Any = {np.sum: _sum, np.max: _max, np.where: _where, np.moveaxis: _moveaxis, np.concatenate: _concatenate}


def track(array: Any, arithmetic: Arithmetic) -> Rounded:
    """Return an array whose error is followed through everything that is computed from it.

    Parameters
    ----------
    array
        Real numbers. One that the machine cannot represent, it has rounded (such as a scale of ``3 ** -0.5``).
    arithmetic
        The machine's: `FLOAT16`, `BFLOAT16`, `FLOAT32`, `FLOAT64`, or one of your own.

    Returns
    -------
    Rounded

    Raises
    ------
    ValueError
        If the array is not made of numbers.

    Examples
    --------
    >>> track([0.5, 0.1], FLOAT32).error == [0, 2**-23 * 0.1]
    array([ True,  True])
    """
    return Rounded(_tracked(array, arithmetic), arithmetic)


def _tracked(operand: Any, arithmetic: Arithmetic) -> Tracked:
    if isinstance(operand, Rounded):
        if operand.arithmetic != arithmetic:
            refuse("arithmetic", f"one for all, {arithmetic}", operand.arithmetic)
        return operand.tracked
    if np.ndim(operand) == 0:
        number: Any = np.asarray(operand)[()]
        return model.constant(number, arithmetic)
    return model.track(np.asarray(operand, dtype=model.carrier(arithmetic)), arithmetic)
