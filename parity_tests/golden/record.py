"""A file of results for golden cases: of a layer before it is changed, or of a kernel in any language.

::

    {"schema": 1, "target": "my_kernel", "results": {"dot_product/causal": {"float32": {"output": [[...], ...]}}}}

Arrays are nested lists in the shapes of the case; ``"NaN"``, ``"Infinity"`` and ``"-Infinity"`` are strings. A case, a
dtype or a name that is not there is not judged. ``{"error": "..."}`` stands for a call that failed.
"""

import json
import math
from math import prod
from pathlib import Path

import numpy as np

from parity_tests.golden.results import DTYPES, Given
from parity_tests.report import write_atomically

SCHEMA = 1
WORDS = ("NaN", "Infinity", "-Infinity")


def write(path, target, results):
    """Write results, which are `Given` by the path of the case and the dtype that was asked for."""
    document = {"schema": SCHEMA, "target": target, "results": {}}
    for case, dtypes in results.items():
        document["results"][case] = {asked: _written(given) for asked, given in dtypes.items()}
    write_atomically(path, json.dumps(document, allow_nan=False) + "\n")


def read(path, truth):
    """Read results.

    Parameters
    ----------
    path
        Of a JSON file.
    truth : parity_tests.golden.verdict.Truth
        Whose cases the results are for.

    Returns
    -------
    target, results
        The name of what gave them; `Given` by the path of the case and the dtype.

    Raises
    ------
    ValueError
        In one line that names the file, if it is damaged or has a case, dtype or name that there is not.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema: expected {SCHEMA}, received {document['schema']}")
        if not document["results"]:
            raise ValueError("results: expected one case at least, received none")
        results = {}
        for case, dtypes in document["results"].items():
            _check(case, dtypes, truth)
            expected = truth.cases[case].expected
            results[case] = {dtype: _read(dtype, arrays, expected) for dtype, arrays in dtypes.items()}
        return document["target"], results
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else error
        raise ValueError(f"{path}: expected results for golden cases, received a damaged file: {reason}") from error


def _check(case, dtypes, truth):
    if case not in truth.cases:
        raise ValueError(
            f"case: expected one of {len(truth.cases)}, such as {next(iter(truth.cases))}, received {case!r}"
        )
    if not dtypes:
        raise ValueError(f"{case}: expected a dtype with results, received none")
    for dtype, arrays in dtypes.items():
        if not arrays.keys() - {"dtype"}:
            raise ValueError(f"{case}: {dtype}: expected results, received none")
        if dtype not in DTYPES:
            raise ValueError(f"{case}: dtype: expected one of {', '.join(DTYPES)}, received {dtype!r}")
        names = {"output_alone", "dtype", "error", *truth.cases[case].expected} - {"visible"}
        for name in arrays:
            if name not in names:
                raise ValueError(f"{case}: expected names such as {', '.join(sorted(names)[:3])}, received {name!r}")


def _written(given):
    if given.error:
        return {"error": given.error}
    arrays = {
        name: None if array is None else _lists(array.astype(float).tolist()) for name, array in given.arrays.items()
    }
    return {"dtype": given.dtype, **arrays}


def _lists(numbers):
    if isinstance(numbers, list):
        return [_lists(one) for one in numbers]
    if math.isfinite(numbers):
        return numbers
    return "NaN" if math.isnan(numbers) else "Infinity" if numbers > 0 else "-Infinity"


def _read(dtype, arrays, expected):
    if "error" in arrays:
        return Given(dtype, {}, str(arrays["error"]))
    named = {}
    for name, numbers in arrays.items():
        if name != "dtype":
            array = None if numbers is None else np.array(numbers, dtype=np.float64)
            shape = expected[name.removesuffix("_alone")].shape
            named[name] = array.reshape(shape) if array is not None and array.size == 0 == prod(shape) else array
    return Given(arrays.get("dtype", dtype), named)
