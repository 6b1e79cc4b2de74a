"""Attention to some keys merged with that to others, as if to all at once; and its backward."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from reference.inputs import Array, as_array, as_cotangent, check_plain, check_rank, refuse
from reference.softmax import LOWEST


class AttentionPart(NamedTuple):
    """What attention to some of the keys found, and how much it counts beside that to others.

    The exponentials of a query's logits sum to ``exp(maximum) * total``. A kernel that returns the logarithm of
    that sum has it as ``maximum``, with a ``total`` of 1.
    """

    output: Array  # (..., T, d_v)
    maximum: Array  # (..., T), the largest logit of each query; the lowest number there is if nothing is visible
    total: Array | float = 1.0  # (..., T), the sum of exp(logits - maximum)

    @property
    def log_sum_exp(self) -> Array:
        """The logarithm of the sum of the exponentials of each query's logits, (..., T); -inf if nothing is visible."""
        maximum = as_array("maximum", self.maximum, may_hide=True)
        return log_sum_exp(maximum, _total_of_each(maximum, self.total))


class PartGradients(NamedTuple):
    """The gradients of one part."""

    d_output: Array  # (..., T, d_v)
    d_log_sum_exp: Array  # (..., T)


def merge_attention(parts: Iterable[Any]) -> AttentionPart:
    """Put together what the same queries found among different keys.

    The parts may have any keys, as many as they like, in any order: that is what lets a sequence be spread over
    machines (ring attention), or a cache be read by several at once. It is attention once more, in which the parts
    are the keys, their outputs the values, and their ``log_sum_exp`` the logits.

    Parameters
    ----------
    parts : iterable of AttentionPart, BlockwiseAttention, or whatever has ``output``, ``maximum`` and ``total``
        At least one. Outputs of shape (..., T, d_v), the others (..., T), alike in all parts.

    Returns
    -------
    AttentionPart
        Of all keys of all parts. A query to which nothing is visible in any of them has output 0.

    Raises
    ------
    ValueError
        If there is no part, shapes differ, a total is negative, or for NaN or infinity; a maximum may be -inf.

    Notes
    -----
    Milakov and Gimelshein, "Online normalizer calculation for softmax" (2018), section 3; Rabe and Staats,
    "Self-attention Does Not Need O(n²) Memory" (2021); Liu, Zaharia and Abbeel, "Ring Attention" (2023).

    Examples
    --------
    A query finds 6 with weights whose exponentials sum to 1, and elsewhere 2 with such that sum to 3. That is 3:

    >>> merged = merge_attention([AttentionPart([[6.0]], [0.0], [1.0]), AttentionPart([[2.0]], [0.0], [3.0])])
    >>> merged.output, merged.total
    (array([[3.]]), array([4.]))
    """
    return merged(checked_parts(parts))


def merge_attention_backward(d_output: Any, parts: Iterable[Any], d_log_sum_exp: Any = None) -> list[PartGradients]:
    """Return the gradients of each part that `merge_attention` was given.

    Parameters
    ----------
    d_output : (..., T, d_v)
        The gradient of the loss with respect to the merged output.
    parts
        Those that were merged.
    d_log_sum_exp : (..., T), optional
        The gradient with respect to the merged ``log_sum_exp``, where the loss depends on it directly too.

    Returns
    -------
    list of PartGradients
        What `blockwise_attention_backward` takes, for each part.

    Raises
    ------
    ValueError
        As `merge_attention`, or if a gradient has not the shape of what it is of.

    Notes
    -----
    The output is the mean of the parts' outputs, by weights that are a softmax of their ``log_sum_exp``; so the
    gradients are those of `dot_product_attention` with the parts as keys.

    On the way down to a part's keys what is added here is taken away again, and an error stays that is as large as the
    rounding of the part's own output, much larger than that of the whole if that is the smaller of the two.
    `blockwise_attention_backward` with ``whole`` does without, and is what ring attention does.

    Examples
    --------
    >>> parts = [AttentionPart([[6.0]], [0.0], [1.0]), AttentionPart([[2.0]], [0.0], [3.0])]
    >>> [(one.d_output.item(), one.d_log_sum_exp.item()) for one in merge_attention_backward([[4.0]], parts)]
    [(1.0, 3.0), (3.0, -3.0)]
    """
    parts = checked_parts(parts)
    whole = merged(parts)
    d_output = as_cotangent("d_output", d_output, "output", whole.output.shape)
    d_whole = np.zeros(whole.maximum.shape)
    if d_log_sum_exp is not None:
        d_whole = as_cotangent("d_log_sum_exp", d_log_sum_exp, "log_sum_exp", whole.maximum.shape)
    gradients = []
    for part in parts:
        weight = _rescaled_total(part, whole.maximum) / _divisor(whole.total)  # (..., T)
        d_part = weight[..., None] * d_output
        off_average = part.output / 2 - whole.output / 2  # in halves, as the whole may be too large for a number
        gradients.append(PartGradients(d_part, 2 * np.sum(d_part * off_average, axis=-1) + weight * d_whole))
    return gradients


def merged(parts: Sequence[AttentionPart]) -> AttentionPart:
    """`merge_attention` of parts that have been checked."""
    maximum = parts[0].maximum
    for part in parts[1:]:
        maximum = np.maximum(maximum, part.maximum)
    totals = [_rescaled_total(part, maximum) for part in parts]
    with np.errstate(over="ignore"):
        total = sum(totals[1:], totals[0])
    if not np.isfinite(total).all():
        refuse("total", "finite numbers, of all parts together too", "some whose sum overflows")
    divisor = _divisor(total)  # first, as weights at most 1 cannot make outputs overflow
    outputs = [(own / divisor)[..., None] * part.output for own, part in zip(totals, parts)]
    return AttentionPart(sum(outputs[1:], outputs[0]), maximum, total)


def log_sum_exp(maximum: Array, total: Any) -> Array:
    """The logarithm of ``exp(maximum) * total``."""
    with np.errstate(divide="ignore"):  # log 0 is -inf, as it should be
        return maximum + np.log(total)


def checked_parts(parts: Iterable[Any]) -> list[AttentionPart]:
    """The parts as arrays; those that do not fit together are refused."""
    checked: list[AttentionPart] = []
    for number, part in enumerate(parts):
        if not (hasattr(part, "output") and hasattr(part, "maximum") and hasattr(part, "total")):
            refuse(f"part {number}", "a record with output, maximum and total", type(part).__name__)
        output = as_array(f"output of part {number}", part.output)
        check_rank(f"output of part {number}", output, "(..., T, d_v)", 2)
        maximum = np.maximum(as_array(f"maximum of part {number}", part.maximum, may_hide=True), LOWEST)
        total = as_array(f"total of part {number}", part.total)
        for name, array in (("output", output), ("maximum", maximum), ("total", total)):
            check_plain(f"{name} of part {number}", array)
        total = _total_of_each(maximum, total)
        first = checked[0].output.shape if checked else output.shape
        for name, array, shape in (
            ("output", output, first),
            ("maximum", maximum, first[:-1]),
            ("total", total, first[:-1]),
        ):
            if array.shape != shape:
                refuse(f"{name} of part {number}", f"shape {shape}", array.shape)
        if (total < 0).any():
            refuse(f"total of part {number}", "numbers of at least 0", total[total < 0][0])
        checked.append(AttentionPart(output, np.where(total == 0, LOWEST, maximum), total))
    if not checked:
        refuse("parts", "at least one", "none")
    return checked


def as_part_of(whole: AttentionPart, part: Any) -> Any:
    """What was found among some keys, with the softmax and the output of all: a weight is then that of the whole."""
    (whole,) = checked_parts([whole])
    for name in ("output", "maximum"):
        shape = getattr(part, name).shape
        if getattr(whole, name).shape != shape:
            refuse(f"{name} of the whole", f"shape {shape}", getattr(whole, name).shape)
    if np.any(part.maximum > whole.maximum):
        refuse("whole", "what attention is a part of", "one whose maximum is less")
    return part._replace(maximum=whole.maximum, total=whole.total, output=whole.output)


def _total_of_each(maximum: Array, total: Any) -> Array:
    """The total of each query: that of a part given by its logarithm is one number, where nothing is visible too."""
    return np.where(maximum <= LOWEST, 0.0, total) if np.ndim(total) == 0 else total


def _rescaled_total(part: AttentionPart, maximum: Array) -> Array:
    """The sum of the exponentials of a part's logits, over ``exp(maximum)``."""
    return rescaling(part.maximum, maximum) * part.total


def rescaling(before: Array, maximum: Array) -> Array:
    """The factor that makes of a sum of ``exp(logits - before)`` one of ``exp(logits - maximum)``."""
    with np.errstate(over="ignore", under="ignore"):  # so much lower that what was before counts nothing
        return np.exp(before - maximum)


def _divisor(total: Array | float) -> Array:
    return np.where(total == 0, 1.0, total)
