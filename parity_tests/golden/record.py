"""A file of results for golden cases: of a layer before it is changed, or of a kernel in any language.

::

    {"schema": 1, "target": "my_kernel", "results": {"dot_product/causal": {"float32": {"output": [[...], ...]}}}}

Arrays are nested lists in the shapes of the case; ``"NaN"``, ``"Infinity"`` and ``"-Infinity"`` are strings. A case, a
dtype or a name that is not there is not judged. ``null`` is a gradient that a framework calls disconnected, and
``{"error": "..."}`` stands for a call that failed.
"""

import json
import math
from functools import partial

from parity_tests.golden.results import DTYPES, Given
from parity_tests.report import write_atomically
from reference.json_file import as_array, as_integer, as_line, as_number, as_object, in_shape, read_json, shown

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
        document = as_object("file", read_json(path), ("schema", "target", "results"))
        if as_integer("schema", document["schema"]) != SCHEMA:
            raise ValueError(f"schema: expected {SCHEMA}, received {document['schema']}")
        found = as_object("results", document["results"])
        if not found:
            raise ValueError("results: expected one case at least, received none")
        results = {case: _case(case, dtypes, truth) for case, dtypes in found.items()}
        return as_line("target", document["target"]), results
    except ValueError as error:
        raise ValueError(f"{path}: expected results for golden cases, received a damaged file: {error}") from error


def _case(case, dtypes, truth):
    if case not in truth.cases:
        raise ValueError(
            f"case: expected one of {len(truth.cases)}, such as {next(iter(truth.cases))}, received {shown(case)}"
        )
    if not as_object(case, dtypes):
        raise ValueError(f"{case}: expected a dtype with results, received none")
    for dtype in dtypes:
        if dtype not in DTYPES:
            raise ValueError(f"{case}: dtype: expected one of {', '.join(DTYPES)}, received {shown(dtype)}")
    return {dtype: _given(f"{case}: {dtype}", dtype, one, truth.cases[case]) for dtype, one in dtypes.items()}


def _given(where, dtype, written, case):
    """What a file says of one case in one dtype: what was raised, or arrays, and perhaps the dtype that they have."""
    if "error" in as_object(where, written):
        error = as_object(where, written, known=("error",))["error"]
        if not isinstance(error, str) or not error.strip():
            raise ValueError(f"{where}: error: expected a text that says what was raised, received {shown(error)}")
        return Given(dtype, {}, error)
    if not written.keys() - {"dtype"}:
        raise ValueError(f"{where}: expected results, received none")
    names = {"output_alone", "dtype", *case.expected} - {"visible"}
    for name in written:
        if name not in names:
            raise ValueError(f"{where}: expected names such as {', '.join(sorted(names)[:3])}, received {shown(name)}")
    arrays = {name: _array(where, name, nested, case) for name, nested in written.items() if name != "dtype"}
    return Given(as_line(f"{where}: dtype", written.get("dtype", dtype)), arrays)


def _array(where, name, nested, case):
    if nested is None:
        return None
    array = as_array(f"{where}: {name}", nested, partial(as_number, words=WORDS))
    return in_shape(array, case.expected[name.removesuffix("_alone")].shape)


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
