"""How a case is written: as JSON, one matrix row a line, so that a change of one number is a change of one line."""

import json
import math

SCHEMA = 1
ORDER = ("schema", "revision", "description", "flags", "shapes", "options", "inputs", "masks", "cotangents", "expected")


def text(case):
    """The bytes of a case's file, as text.

    Numbers are the shortest that read back as the same float64; minus infinity, for which JSON has no number, is the
    string ``"-Infinity"``.
    """
    return _written({name: case[name] for name in ORDER}, "") + "\n"


def _written(value, indent):
    inner = indent + "  "
    if isinstance(value, dict) and value and not _is_row(value.values()):
        lines = [f"{inner}{json.dumps(key)}: {_written(one, inner)}" for key, one in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and not _is_row(value):
        lines = [inner + _written(one, inner) for one in value]
        return "[\n" + ",\n".join(lines) + f"\n{indent}]"
    return json.dumps(_finite(value), allow_nan=False)


def _is_row(values):
    return not any(isinstance(one, (list, dict)) for one in values)


def _finite(value):
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return "-Infinity" if isinstance(value, float) and math.isinf(value) and value < 0 else value
