"""The softmax of the last axis, and its backward."""

from typing import Any

import numpy as np

from reference.inputs import Array, all_of, as_array, as_cotangent, as_numbers, check_rank
from reference.products import dot_rows, finite_beside_zeros

# The largest logit of a row with nothing visible is -inf, and -inf - (-inf) is NaN. Against this
# finite floor it is exp(-inf) = 0, and the same holds for a row with no keys at all.
LOWEST = float(np.finfo(np.float64).min)


def softmax(logits: Any) -> Array:
    """Turn each row of logits into weights that are positive and sum to 1.

    Parameters
    ----------
    logits : (..., S)
        Any real numbers; -inf hides a position.

    Returns
    -------
    weights : (..., S)
        ``exp(logits) / sum(exp(logits))`` along the last axis. A hidden position has weight
        exactly 0; a row that is hidden altogether, or empty, has weights 0.

    Raises
    ------
    ValueError
        If ``logits`` is a scalar or holds NaN or +inf.

    Notes
    -----
    Taking away the largest logit changes nothing in exact arithmetic and keeps ``exp`` from
    overflowing. It must be the largest of its own row: against the largest of all rows a low row
    would underflow to 0 / 0. Blanchard, Higham and Higham, "Accurately computing the log-sum-exp
    and softmax functions", IMA J. Numer. Anal. 41 (2021).

    Examples
    --------
    Logits ln 1, ln 2, ln 3 stand to one another as 1 : 2 : 3.

    >>> np.round(6 * softmax(np.log([1.0, 2.0, 3.0])), 12)
    array([1., 2., 3.])
    >>> softmax([0.0, -np.inf])
    array([1., 0.])
    """
    logits = as_numbers("logits", logits)
    check_rank("logits", logits, "(..., S)", 1)
    shift = logits.max(axis=-1, keepdims=True, initial=LOWEST)
    if not all_of(np.isfinite(shift)):  # as it is if the row has NaN or +inf: cheaper than to ask each logit
        as_array("logits", logits, may_hide=True)
    weights = logits - shift
    np.exp(weights, out=weights)  # worked in place, as what is large takes longer to write than to compute
    total = weights.sum(axis=-1, keepdims=True)
    weights /= np.where(total == 0, 1.0, total)
    return weights


def softmax_backward(d_weights: Any, weights: Any) -> Array:
    """Return the gradient with respect to the logits.

    With ``weights[i] = exp(logits[i]) / total``, the derivative of ``weights[i]`` with respect to
    ``logits[j]`` is ``weights[i] * ((i == j) - weights[j])``, so that
    ``d_logits[j] = weights[j] * (d_weights[j] - sum(d_weights * weights))``.

    Parameters
    ----------
    d_weights : (..., S)
        The gradient with respect to the weights.
    weights : (..., S)
        What `softmax` returned.

    Returns
    -------
    d_logits : (..., S)
        Each row sums to 0, since a shift of all logits changes no weight. Where a weight is 0,
        so is the gradient.

    Raises
    ------
    ValueError
        If the shapes differ, or for NaN or infinity.

    Examples
    --------
    Weights 1/6, 2/6, 3/6 of the values 6, 3, 2 give 3, so the gradient is 3/6, 0, -3/6.

    >>> softmax_backward(np.array([6.0, 3.0, 2.0]), np.array([1.0, 2.0, 3.0]) / 6)
    array([ 0.5,  0. , -0.5])
    """
    weights = as_array("weights", weights)
    d_weights = as_cotangent("d_weights", d_weights, "weights", weights.shape)
    return d_logits_of(d_weights, weights)


def d_logits_of(d_weights: Array, weights: Array) -> Array:
    """`softmax_backward` of arrays that have been checked; where a weight is 0, ``d_weights`` may be infinite."""
    mean = dot_rows(d_weights, weights)
    if not all_of(np.isfinite(mean)):  # of what is hidden, as it may be as large as a number can be
        d_weights = finite_beside_zeros(d_weights, weights)
        mean = dot_rows(d_weights, weights)
    d_logits = d_weights - mean
    d_logits *= weights
    return d_logits
