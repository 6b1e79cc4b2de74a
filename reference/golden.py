"""Golden cases: read one, and compute what it asks for.

A golden case is a JSON file with inputs, and what attention must give for them; see ``parity_tests/golden/README.md``.
"""

from os import PathLike
from typing import Any, NamedTuple

import numpy as np

from reference.case_file import fields
from reference.dot_product import DotProductAttention, DotProductGradients, dot_product_attention
from reference.dot_product import dot_product_attention_backward as dot_product_backward
from reference.inputs import Array, refuse
from reference.masks import window_mask
from reference.rounding import track
from reference.rounding_model import Arithmetic
from reference.self_attention import SelfAttention, SelfAttentionGradients, self_attention, self_attention_backward


class GoldenCase(NamedTuple):
    """What goes in, and what must come out, as arrays by name."""

    description: str
    flags: tuple[str, ...]
    options: dict[str, Any]  # softcap; causal with its offset; window with left, right and offset
    inputs: dict[str, Array]
    masks: dict[str, Array]  # mask (..., T, S), key_mask (..., S), query_mask (..., T)
    cotangents: dict[str, Array]  # d_output, and d_weights if the loss depends on the weights too
    expected: dict[str, Array]  # visible, scores, weights, output, and d_ and the name of each input


class Worked(NamedTuple):
    """A case worked out: the records of forward and backward, and what hidden queries change of them."""

    record: DotProductAttention | SelfAttention
    gradients: DotProductGradients | SelfAttentionGradients
    output: Array  # 0 where a query is hidden
    d_output: Array  # 0 where a query is hidden

    @property
    def attention(self) -> DotProductAttention:
        """The record of the dot-product attention."""
        return self.record.attention if isinstance(self.record, SelfAttention) else self.record

    def results(self, names: Any) -> dict[str, Array]:
        """The results of these names: visible, scores, weights, output, and gradients of inputs."""
        inner = self.gradients.attention if isinstance(self.gradients, SelfAttentionGradients) else self.gradients
        found = {**self.attention._asdict(), **inner._asdict(), **self.gradients._asdict(), "output": self.output}
        found["visible"] = np.isfinite(self.attention.logits)
        return {name: found[name] for name in names}


def read_case(path: str | PathLike[str]) -> GoldenCase:
    """Read a case from its file.

    Parameters
    ----------
    path
        Of a JSON file.

    Returns
    -------
    GoldenCase
        Its arrays are float64 or, as masks and ``expected["visible"]``, bool.

    Raises
    ------
    ValueError
        If the file is damaged, or lacks something or has more than it should, in a line that names the file.

    Examples
    --------
    >>> case = read_case("parity_tests/golden/cases/self_attention/by_hand.json")
    >>> case.expected["output"]
    array([[2.92423431],
           [2.        ]])
    """
    try:
        return GoldenCase(**fields(path))
    except ValueError as error:
        raise ValueError(f"{path}: expected a golden case, received a damaged file: {error}") from error


def work(case: GoldenCase, convert: Any = np.asarray) -> Worked:
    """Compute a case, forward and backward.

    Parameters
    ----------
    case : GoldenCase
    convert
        Applied to each input and cotangent, such as ``lambda array: reference.rounding.track(array, FLOAT32)``.

    Returns
    -------
    Worked

    Raises
    ------
    ValueError
        If shapes do not fit.

    Examples
    --------
    >>> case = read_case("parity_tests/golden/cases/self_attention/by_hand.json")
    >>> work(case).results(["output"])["output"] - case.expected["output"]
    array([[0.],
           [0.]])
    """
    inputs = {name: convert(array) for name, array in case.inputs.items()}
    mask = visible(case)
    softcap = case.options.get("softcap")
    record: Any
    if "x" in inputs:
        record = self_attention(**inputs, softcap=softcap, mask=mask)
        backward: Any = self_attention_backward
    else:
        record = dot_product_attention(**inputs, softcap=softcap, mask=mask)
        backward = dot_product_backward
    output, d_output = record.output, case.cotangents["d_output"]
    if "query_mask" in case.masks:
        shown = case.masks["query_mask"][..., None]
        output, d_output = np.where(shown, output, 0.0), np.where(shown, d_output, 0.0)
    d_weights = case.cotangents.get("d_weights")
    gradients = backward(convert(d_output), record, None if d_weights is None else convert(d_weights))
    return Worked(record, gradients, output, d_output)


def bounds(case: GoldenCase, arithmetic: Arithmetic) -> dict[str, Array]:
    """How far a machine may be off each number that is expected.

    Parameters
    ----------
    case : GoldenCase
    arithmetic
        The machine's, such as `reference.rounding.FLOAT32`.

    Returns
    -------
    bounds
        By name, for all that is expected but ``visible``, of its shape. Where rounding cannot be avoided, they
        include that of the expected number itself, which is rounded to float64.

    Raises
    ------
    ValueError
        If shapes do not fit.

    Examples
    --------
    >>> from reference.rounding import FLOAT32
    >>> case = read_case("parity_tests/golden/cases/self_attention/by_hand.json")
    >>> bounds(case, FLOAT32)["output"] < 1e-5
    array([[ True],
           [ True]])
    """
    names = [name for name in case.expected if name != "visible"]
    tracked: dict[str, Any] = work(case, lambda array: track(array, arithmetic)).results(names)
    found = {}
    for name in names:
        expected = np.where(np.isfinite(case.expected[name]), case.expected[name], 0.0)
        error = np.broadcast_to(np.asarray(tracked[name].error, dtype=np.float64), expected.shape)
        found[name] = error + np.where(error > 0, np.spacing(np.abs(expected)) / 2, 0.0)
    return found


def visible(case: GoldenCase) -> Array:
    """Which keys each query may attend, all masks together but for what a bias of -inf hides: (..., T, S) of bool."""
    of_queries, of_keys = (case.inputs.get("x", case.inputs.get(name)) for name in ("query", "key"))
    if of_queries is None or of_keys is None:
        refuse("inputs", "x, or query, key and value", ", ".join(case.inputs))
    T, S = of_queries.shape[-2], of_keys.shape[-2]
    mask = np.ones((T, S), dtype=np.bool_)
    if "mask" in case.masks:
        mask = mask & case.masks["mask"]
    if "key_mask" in case.masks:
        mask = mask & case.masks["key_mask"][..., None, :]
    if "causal" in case.options:
        mask = mask & window_mask(T, S, None, 0, case.options["causal"]["offset"])
    if "window" in case.options:
        mask = mask & window_mask(T, S, **case.options["window"])
    return mask
