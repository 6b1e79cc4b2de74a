"""What every public function does first: convert its arguments, and refuse those it cannot use."""

from operator import index
from typing import Any, NoReturn

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

FURTHEST = 2**62 - 1  # position, so that the sum of two is still an int64
PIECE = 2**16  # numbers of an array that are looked at together
KEPT_DTYPES = (np.dtype(np.longdouble), np.dtype(np.complex128), np.dtype(np.clongdouble))


def refuse(name: str, expected: str, received: object) -> NoReturn:
    """Raise the one form of error that this package has."""
    raise ValueError(f"{name}: expected {expected}, received {received}")


def as_array(name: str, array: Any, *, may_hide: bool = False) -> Array:
    """Return ``array`` as finite float64, or unchanged where it carries more than float64 does.

    Longdouble and complex128 keep their precision, and an array type of its own (one that speaks
    ``__array_function__`` and has an array's methods, such as `reference.rounding.Rounded`) passes
    through, so that one code serves the truth, the complex-step derivative and the error bound.

    Parameters
    ----------
    name
        What the error calls the argument.
    array
        Anything that `numpy.asarray` takes, of real or complex numbers.
    may_hide
        Whether -inf is allowed, as in a bias that hides a position.
    """
    array = as_numbers(name, array)
    if not _all_usable(array, may_hide):
        index = tuple(int(i) for i in np.argwhere(~_is_usable(array, may_hide))[0])
        allowed = "finite numbers or -inf" if may_hide else "finite numbers"
        refuse(name, allowed, f"{array[index]} at index {index}" if index else array)
    return array


def _all_usable(array: Array, may_hide: bool) -> bool:
    if isinstance(array, np.ndarray) and array.size > PIECE:  # in parts, as what is found of each number takes memory
        parts: Any = np.nditer(array, ["external_loop", "buffered"], buffersize=PIECE)
        return all(_all_usable(part, may_hide) for part in parts)
    return all_of(_is_usable(array, may_hide))


def _is_usable(array: Array, may_hide: bool) -> Array:
    finite = np.isfinite(array)
    return finite | (array == -np.inf) if may_hide else finite


def all_of(booleans: Array) -> bool:
    """Whether all are true: as ``booleans.all()``, but sooner told of few."""
    return bool(np.count_nonzero(booleans) == booleans.size)


def as_numbers(name: str, array: Any) -> Array:
    """The same, of numbers that may be infinite or NaN."""
    if isinstance(array, np.ndarray) or not hasattr(array, "__array_function__"):
        array = as_one_array(name, "an array of numbers", array)
    if isinstance(array, np.ndarray) and array.dtype != np.float64 and array.dtype not in KEPT_DTYPES:
        array = _widened(name, array)
    return array


def as_one_array(name: str, expected: str, array: Any) -> Array:
    """Return what may be nested lists, or an array of a derived class such as a matrix, as an array, of any dtype."""
    if isinstance(array, np.ndarray):
        if type(array) is np.ndarray:
            return array
        if isinstance(array, np.ma.MaskedArray):
            refuse(name, expected, "a masked array, whose mask would be lost")
    try:
        return np.asarray(array)
    except ValueError:
        refuse(name, expected, "rows of different lengths")


def _widened(name: str, array: Array) -> Array:
    wide = np.complex128 if array.dtype.kind == "c" else np.float64
    try:
        if array.dtype.kind in "USmM":
            raise TypeError
        return array.astype(wide)
    except (TypeError, ValueError, OverflowError):  # of an integer that is larger than any float64
        refuse(name, "an array of numbers", f"dtype {array.dtype}")


def as_integer(name: str, number: int) -> int:
    """Return an integer, such as a position, of any type that counts as one."""
    try:
        number = index(number)
    except TypeError:
        refuse(name, "an integer", repr(number))
    if abs(number) > FURTHEST:
        refuse(name, f"an integer from -{FURTHEST} to {FURTHEST}", number)
    return number


def as_size(name: str, number: int) -> int:
    """Return the size of an axis."""
    number = as_integer(name, number)
    if number < 0:
        refuse(name, "an integer of at least 0", number)
    return number


def as_count(name: str, number: int) -> int:
    """Return how many there are of what there is at least one of."""
    number = as_integer(name, number)
    if number < 1:
        refuse(name, "an integer of at least 1", number)
    return number


def as_mask(name: str, mask: Any) -> Array:
    """Return ``mask`` as a boolean array; 0 and 1 are refused, since additive masks look like that too."""
    expected = "a boolean mask (True = may attend)"
    if callable(mask):
        refuse(name, expected, "a function, which only blockwise_attention takes")
    mask = as_one_array(name, expected, mask)
    if mask.dtype != np.bool_:
        refuse(name, expected, f"dtype {mask.dtype}")
    return mask


def check_plain(name: str, array: Any) -> None:
    """Refuse an array type of its own, where what is computed needs more of it than NumPy's protocols."""
    if array is not None and not isinstance(array, (np.ndarray, np.generic)):
        refuse(name, "an array of NumPy's own", type(array).__name__)


def check_rank(name: str, array: Array, shape: str, least: int) -> None:
    """Refuse an array that lacks one of the axes that ``shape`` names."""
    if array.ndim < least:
        refuse(name, f"shape {shape}", array.shape)


def check_scores_shapes(query: Array, key: Array) -> tuple[int, ...]:
    """Refuse query and key that do not fit together; return the shape of their scores."""
    check_rank("query", query, "(..., T, d_k)", 2)
    check_rank("key", key, "(..., S, d_k)", 2)
    *_, T, d_k = query.shape
    if d_k == 0:
        refuse("query", "shape (..., T, d_k) with d_k of at least 1", query.shape)
    if key.shape[-1] != d_k:
        refuse("key", f"shape (..., S, {d_k}) to match query (..., T, {d_k})", key.shape)
    return (*broadcast_leading("key", key.shape[:-2], "query", query.shape[:-2]), T, key.shape[-2])


def check_attention_shapes(query: Array, key: Array, value: Array) -> tuple[int, ...]:
    """Refuse query, key and value that do not fit together; return the shape of the scores."""
    *leading, T, S = check_scores_shapes(query, key)
    check_rank("value", value, "(..., S, d_v)", 2)
    if value.shape[-2] != S:
        refuse("value", f"shape (..., {S}, d_v) to match key (..., {S}, {key.shape[-1]})", value.shape)
    return (*broadcast_leading("value", value.shape[:-2], "query and key", tuple(leading)), T, S)


def broadcast_leading(name: str, shape: tuple[int, ...], other: str, leading: tuple[int, ...]) -> tuple[int, ...]:
    """Return the leading axes that two arrays have together."""
    if shape == leading:  # the usual case; `broadcast_shapes` takes as long as a product of small matrices
        return leading
    try:
        return np.broadcast_shapes(shape, leading)
    except ValueError:
        refuse(name, f"leading axes that broadcast with {leading} of {other}", shape)


def check_broadcasts_to_scores(name: str, array: Array, scores_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Refuse a scale, bias or mask that does not broadcast to ``(..., T, S)``; return the shape of both together.

    It may add leading axes, as anything that broadcasts may, but never queries or keys.
    """
    T, S = scores_shape[-2:]
    for size, limit in zip(array.shape[::-1], (S, T)):
        if size not in (1, limit):
            refuse(name, f"a shape that broadcasts to (..., {T}, {S})", array.shape)
    if array.ndim <= 2:
        return scores_shape
    try:
        return (*np.broadcast_shapes(array.shape[:-2], scores_shape[:-2]), T, S)
    except ValueError:
        refuse(name, f"a shape that broadcasts to {scores_shape}", array.shape)


def as_bias_and_mask(bias: Any, mask: Any, scores_shape: tuple[int, ...]) -> tuple[Array | None, Array | None]:
    """Return what is added to the scores and what hides some of them, each if there is one."""
    if bias is not None:
        if not hasattr(bias, "__array_function__"):
            bias = as_one_array("bias", "an array of numbers", bias)
        if getattr(bias, "dtype", None) == np.bool_:
            refuse("bias", "numbers to add to the scores", "booleans, which hide as a mask")
        bias = as_array("bias", bias, may_hide=True)
        scores_shape = check_broadcasts_to_scores("bias", bias, scores_shape)
    if mask is not None:
        mask = as_mask("mask", mask)
        check_broadcasts_to_scores("mask", mask, scores_shape)
    return bias, mask


def as_cotangent(name: str, cotangent: Any, of: str, shape: tuple[int, ...]) -> Array:
    """Return a gradient that comes from above, which has the shape of what it is the gradient of."""
    cotangent = as_array(name, cotangent)
    if cotangent.shape != shape:
        refuse(name, f"shape {shape} to match {of}", cotangent.shape)
    return cotangent
