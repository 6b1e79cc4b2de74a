"""A folder of golden cases, read only if nothing in it is damaged."""

import json
from functools import cache
from pathlib import Path

import jsonschema

from parity_tests.golden import manifest
from parity_tests.golden.generate import HOME
from reference.golden import read_case
from reference.json_file import read_json, shown


def read(folder=HOME):
    """Read all cases of a folder.

    Parameters
    ----------
    folder
        With ``cases``, ``flags.json`` and ``MANIFEST.sha256``; by default the one that comes with this package.

    Returns
    -------
    cases
        `reference.golden.GoldenCase` by path, such as ``"dot_product/causal"``.

    Raises
    ------
    ValueError
        In one line that names the file: if one is cut short, does not keep to the schema, has a flag that
        ``flags.json`` does not explain, or is not what the manifest says.
    """
    folder = Path(folder)
    files = sorted(Path(folder, "cases").rglob("*.json"))
    if not files:
        raise ValueError(f"{folder}: expected a folder with golden cases, received one without cases/*.json")
    explained = flags(folder)
    for file in files:
        _check(file, explained)
    for problem in manifest.problems(folder):
        raise ValueError(problem)
    return {path.relative_to(folder / "cases").with_suffix("").as_posix(): read_case(path) for path in files}


def flags(folder=HOME):
    """What each flag of a folder hunts."""
    file = Path(folder, "flags.json")
    explained = _json(file)
    if not isinstance(explained, dict) or not all(isinstance(text, str) for text in explained.values()):
        raise ValueError(f"{file}: expected an object that says what each flag hunts, received {shown(explained)}")
    return explained


def _check(file, explained):
    """Refuse a case that does not keep to the schema, or has a flag that nobody explains."""
    document = _json(file)
    error = jsonschema.exceptions.best_match(_validator().iter_errors(document))
    if error is not None:
        where = ".".join(map(str, error.absolute_path))
        raise ValueError(f"{file}: {where + ': ' if where else ''}{_short(error.message)}")
    for flag in document["flags"]:
        if flag not in explained:
            raise ValueError(f"{file}: flags: expected flags that flags.json explains, received {flag!r}")
    for part in ("inputs", "masks", "cotangents", "expected"):
        for name in document[part]:
            if name not in document["shapes"]:
                raise ValueError(f"{file}: shapes: expected one for every array, received none for {name}")


def _json(file):
    try:
        return read_json(file)
    except FileNotFoundError:
        raise ValueError(f"{file}: expected a file, received none") from None
    except ValueError as error:
        raise ValueError(f"{file}: expected JSON, received a file that is cut short or damaged: {error}") from error


def _short(message):
    return message if len(message) < 200 else f"{message[:100]} ... {message[-80:]}"


@cache
def _validator():
    schema = json.loads((HOME / "case.schema.json").read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema)
