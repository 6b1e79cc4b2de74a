"""The softmax of the last axis, and its backward."""

from typing import Any

import numpy as np

from reference.inputs import Array, as_array, as_cotangent, check_rank

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
    logits = as_array("logits", logits, may_hide=True)
    check_rank("logits", logits, "(..., S)", 1)
    shift = np.max(logits, axis=-1, keepdims=True, initial=LOWEST)
    exponentials = np.exp(logits - shift)
    total = np.sum(exponentials, axis=-1, keepdims=True)
    return exponentials / np.where(total == 0, 1.0, total)


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
    mean = np.sum(d_weights * weights, axis=-1, keepdims=True)
    return weights * (d_weights - mean)
