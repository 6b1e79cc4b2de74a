"""Golden cases: read one, and compute what it asks for.

A golden case is a JSON file with inputs, and what attention must give for them; see ``parity_tests/golden/README.md``.
"""

from os import PathLike
from typing import Any, NamedTuple

import numpy as np

from reference.case_file import GoldenCase, fields
from reference.case_work import COMPUTATIONS
from reference.concepts import LOOSE, Concept, concept_of
from reference.inputs import Array
from reference.masks import window_mask
from reference.rounding import track
from reference.rounding_model import Arithmetic


class Worked(NamedTuple):
    """A case worked out: the records of forward and backward, and what hidden queries change of them."""

    concept: Concept
    record: Any  # such as a `reference.dot_product.DotProductAttention`
    gradients: Any
    output: Any  # 0 where a query is hidden; None if the weights are all that there is
    d_output: Any  # 0 where a query is hidden

    def results(self, names: Any) -> dict[str, Array]:
        """The results of these names: visible, scores, weights, output, and gradients of inputs."""
        found = COMPUTATIONS[self.concept.name].results(self.record, self.gradients)
        found |= {"output": self.output, "visible": np.isfinite(found["logits"])}
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
    concept = concept_of(inputs)
    computation = COMPUTATIONS[concept.name]
    options = {name: option for name, option in case.options.items() if name not in ("causal", "window")}
    record = computation.forward(**inputs, mask=visible(case), **options)
    output: Any = getattr(record, "output", None)
    d_output: Any = case.cotangents.get("d_output")
    if "query_mask" in case.masks:
        shown = case.masks["query_mask"][..., None]
        output, d_output = np.where(shown, output, 0.0), np.where(shown, d_output, 0.0)
    d_weights = case.cotangents.get("d_weights")
    cotangents = [None if array is None else convert(array) for array in (d_output, d_weights)]
    gradients = computation.backward(cotangents[0], record, cotangents[1])
    return Worked(concept, record, gradients, output, d_output)


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
    """Which keys may be attended, all masks together but for what a bias of -inf hides: of bool, as scores are."""
    axes, T, S = _of_scores(case)
    mask = np.ones((T, S)[-len(axes) :], dtype=np.bool_)
    if "mask" in case.masks:
        mask = mask & case.masks["mask"]
    if "key_mask" in case.masks:
        between = (1,) * (len(axes) - 1)  # the axes of queries and, if there are any, of heads
        *leading, _ = case.masks["key_mask"].shape
        mask = mask & case.masks["key_mask"].reshape(*leading, *between, S)
    if "causal" in case.options:
        mask = mask & window_mask(T, S, None, 0, case.options["causal"]["offset"])
    if "window" in case.options:
        mask = mask & window_mask(T, S, **case.options["window"])
    return mask


def _of_scores(case: GoldenCase) -> tuple[tuple[str, ...], int, int]:
    """The axes of scores that are not leading, such as ``("T", "S")``, and how many queries and keys there are."""
    concept = concept_of(case.inputs)
    lengths = {
        axis: size
        for name, array in case.inputs.items()
        if name not in LOOSE
        for axis, size in zip(concept.inputs[name][::-1], array.shape[::-1])
    }
    T = lengths["T"]
    return concept.results["visible"][1:], T, lengths.get("S", T)
