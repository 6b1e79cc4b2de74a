"""What somebody gives for golden cases: the reference, a Keras layer, or a file of results."""

from typing import NamedTuple

import numpy as np

from parity_tests.golden import translation
from reference.golden import work

DTYPES = ("float32", "float64", "float16", "bfloat16")


class Given(NamedTuple):
    """What was computed for one case in one dtype.

    Attributes
    ----------
    dtype
        That of the results, as it was observed.
    arrays
        By the names of what the case expects; ``output_alone`` is the output where the weights were not asked for.
        None is a gradient that the backend calls disconnected.
    error
        What was raised instead, in words.
    """

    dtype: str
    arrays: dict[str, np.ndarray | None]
    error: str = ""


def of_reference(case):
    """What the reference gives, in float64."""
    expected = {name: array for name, array in case.expected.items() if name != "visible"}
    results = work(case).results(expected)
    # Scores and weights lack the leading axes that the values alone have.
    return Given("float64", {name: np.broadcast_to(results[name], expected[name].shape) for name in expected})


def of_layer(layers, case, dtype):
    """What a layer gives in a dtype.

    Parameters
    ----------
    layers
        `parity_tests.layers.Layers` of a subject.
    case : reference.golden.GoldenCase
        One that `translation.inexpressible` has nothing against.
    dtype
        That the layer is asked to compute in.
    """
    from parity_tests.backend import dtype_name, full_precision, in_words, quiet, to_numpy

    subject = layers.subject
    example = translation.example(case, subject.kind, subject.options, dtype)
    try:
        with quiet(), full_precision(dtype):
            layer = layers.of(example)
            results, gradients = layer.run_with_gradients(example)
            both = example.d_weights is not None
            others = layer.run(example, return_attention_scores=not both) if len(subject.kind.results) > 1 else ()
    except Exception as error:  # whatever somebody's layer may raise
        return Given(dtype, {}, in_words(error))
    (alone,), with_weights = (others, results) if both else (results, others)
    found = {"output_alone": alone, **dict(zip(subject.kind.results, with_weights)), **gradients}
    found = {translation.result_name(subject.kind, name): array for name, array in found.items()}
    arrays = {
        name: None if array is None else translation.in_case(case, subject.kind, name, to_numpy(array))
        for name, array in found.items()
        if name.removesuffix("_alone") in case.expected
    }
    other_dtypes = {dtype_name(array) for array in (alone, *with_weights)} - {dtype}
    return Given(min(other_dtypes, default=dtype), arrays)
