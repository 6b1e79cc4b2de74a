"""Known differences between a layer and the reference: read them, and tell which rows they excuse."""

import tomllib
from importlib.resources import files
from typing import NamedTuple

import keras
import numpy as np

from parity_tests.backend import computed_dtype
from parity_tests.strategies import numpy_dtype
from reference import dot_product_attention
from reference.rounding import ARITHMETIC, track

EVERY = "every layer"


class Divergence(NamedTuple):
    """An entry of ``divergences.toml``, which says what the fields mean."""

    name: str
    subject: str
    properties: tuple[str, ...]
    condition: str
    excuses: str
    keras: str
    backend: tuple[str, ...]
    sentence: str
    documented: str

    def rows(self, kind, example):
        """The rows of an example, (B, T), in which the layer may differ; one for all of the example if it is that."""
        return CONDITIONS[self.condition](kind, example)

    def narrowed(self, example, rows):
        """The example without what some rows excuse."""
        return example.without_items(rows.any(axis=1)) if self.excuses == "items" else example.without_rows(rows)


class CaseDivergence(NamedTuple):
    """An entry about golden cases: what runs ONNX models differs in these, in these dtypes."""

    name: str
    subject: str
    cases: tuple[str, ...]
    dtypes: tuple[str, ...]
    verdict: str
    version: str
    sentence: str
    documented: str


def of_cases(target=None):
    """Return the entries about golden cases, those of a target if one is named."""
    found = [
        CaseDivergence(**{**entry, "name": name, "cases": tuple(entry["cases"]), "dtypes": tuple(entry["dtypes"])})
        for name, entry in _entries().items()
        if "cases" in entry
    ]
    return [one for one in found if target in (None, one.subject)]


def known(target):
    """Return the divergences of a subject on the backend in use."""
    return [
        divergence
        for divergence in read()
        if divergence.subject in (target, EVERY) and keras.backend.backend() in divergence.backend
    ]


def read():
    """Return the entries of ``divergences.toml`` about layers."""
    return [
        Divergence(
            **{**entry, "name": name, "properties": tuple(entry["properties"]), "backend": tuple(entry["backend"])}
        )
        for name, entry in _entries().items()
        if "cases" not in entry
    ]


def _entries():
    return tomllib.loads(files("parity_tests").joinpath("divergences.toml").read_text(encoding="utf-8"))


def nothing_visible(kind, example):
    """Rows that may attend nothing."""
    return ~kind.visible(example).any(axis=-1)


def nothing_visible_in_float16(kind, example):
    """Rows that may attend nothing, in float16."""
    return nothing_visible(kind, example) & (example.dtype == "float16")


def nothing_visible_float16(kind, example):
    """Rows that may attend nothing, in which all scores become -inf once the largest float16 is taken away."""
    if example.dtype != "float16":
        return np.zeros(example.judged.shape, dtype=bool)
    scores = _scores(example)
    return nothing_visible(kind, example) & (np.max(scores.value - scores.error, axis=-1, initial=-np.inf) <= -16)


def hidden_outscores(kind, example):
    """Rows in which a hidden key may beat the visible ones in spite of the mask.

    An exponential of less than -750 is 0 in every dtype, so a hidden score that stays 750 below the
    largest visible one after the subtraction leaves no trace.
    """
    subtracted = float(numpy_dtype(example.dtype).type(65504.0 if example.dtype == "float16" else 1e9))
    visible = kind.visible(example)
    scores = _scores(example)
    least_visible = np.max(scores.value - scores.error, axis=-1, where=visible, initial=-np.inf)
    most_hidden = np.max(scores.value + scores.error, axis=-1, where=~visible, initial=-np.inf)
    return visible.any(axis=-1) & (most_hidden - subtracted > least_visible - 750)


def scaled_scores_compiled(kind, example):
    """Rows in a graph with a score whose rounding after it is scaled is so large that its exponential overflows."""
    query, key = _query_and_key(example)
    scale = query.shape[-1] ** -0.5
    exact = np.frexp(scale)[0] == 0.5
    if exact or not example.traced or not example.constructor["scaled"] or example.dtype in ("float16", "bfloat16"):
        return np.zeros(example.judged.shape, dtype=bool)
    with np.errstate(over="ignore", invalid="ignore"):
        largest = np.max(np.abs(scale * (query @ key.mT)), axis=-1, initial=0.0)
    return largest * ARITHMETIC[example.dtype].unit_roundoff >= np.log(np.finfo(example.dtype).max) - 1


def computed_in_another_dtype(kind, example):
    """Whether Keras computes in another dtype than it is asked for."""
    return np.array(computed_dtype(example.dtype) != example.dtype)


def in_training(kind, example):
    """All rows, if the layer drops weights."""
    return np.full(example.judged.shape, bool(example.constructor.get("dropout")))


def _query_and_key(example):
    """What the scores are products of, in float64."""
    arrays = {name: np.asarray(one, np.float64) for name, one in {**example.inputs, **example.weights}.items()}
    if "x" not in arrays:
        return arrays["query"], arrays["key"]
    return (arrays["x"] @ arrays[f"W_{which}"] + arrays.get(f"b_{which}", 0.0) for which in "qk")


def _scores(example):
    arrays = {name: track(array, ARITHMETIC[computed_dtype(example.dtype)]) for name, array in example.inputs.items()}
    return dot_product_attention(**arrays).scores


CONDITIONS = {
    condition.__name__: condition
    for condition in (
        nothing_visible,
        nothing_visible_in_float16,
        nothing_visible_float16,
        hidden_outscores,
        scaled_scores_compiled,
        computed_in_another_dtype,
        in_training,
    )
}
