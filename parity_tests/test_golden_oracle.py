"""The golden cases themselves: what is in them, and that anybody finds the same."""

import json
import subprocess
import sys
from decimal import Decimal, localcontext
from math import prod

import pytest

from parity_tests.golden import catalogue, generate, layout, oracle

CASES = generate.HOME / "cases"
SIZED = ("query", "key", "value", "x", "W_q", "W_k", "W_v")
PURE = """\
import sys
sys.modules["_decimal"] = None  # so that decimal is the one written in Python
from parity_tests.golden import generate
assert "_pydecimal" in sys.modules
for path in sys.argv[1:]:
    sys.stdout.write(generate.text_of(path, 1))
"""


def parts(case, *names):
    """The numbers of some parts of a case, by name."""
    for name in names:
        for array, numbers in case[name].items():
            flat = [numbers]
            while any(isinstance(one, list) for one in flat):
                flat = [one for row in flat for one in (row if isinstance(row, list) else [row])]
            yield array, flat


@pytest.mark.parametrize("path", catalogue.PLANS)
def test_a_case_is_what_the_oracle_finds(path):
    written = (CASES / f"{path}.json").read_text(encoding="utf-8")
    assert written == generate.text_of(path, json.loads(written)["revision"])


def test_decimals_of_pure_python_find_the_same_bytes():
    paths = ["dot_product/by_hand_two_queries", "dot_product/softcap_bias_and_mask", "self_attention/biases"]
    found = subprocess.run([sys.executable, "-c", PURE, *paths], capture_output=True, text=True, check=True).stdout
    assert found == "".join((CASES / f"{path}.json").read_text(encoding="utf-8") for path in paths)


def test_the_oracle_needs_the_standard_library_alone():
    script = (
        "import sys; before = set(sys.modules); from parity_tests.golden import generate; "
        "print(*{name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names))"
    )
    script = f"import sys; sys.path.insert(0, {str(generate.HOME.parents[1])!r}); {script}"
    found = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)
    assert set(found.stdout.split()) <= {"parity_tests", "__main__", "__mp_main__"}


@pytest.mark.parametrize("path", catalogue.PLANS)
def test_inputs_are_eighths_that_every_dtype_holds(path):
    case = catalogue.given(path)
    for name, numbers in parts(case, "inputs", "cotangents"):
        if name != "scale":
            assert all(number == "-Infinity" or (8 * number).is_integer() for number in numbers)
        if name not in ("scale", "bias", "d_output", "d_weights"):
            assert all(abs(number) <= 4 for number in numbers)


def test_a_very_small_gradient_is_not_taken_for_0():
    # Scores 200 and 0: the derivative of the weight of the first is w (1 - w), about 1.4e-87.
    case = {
        "shapes": {"query": [1, 1], "key": [2, 1], "value": [2, 1], "scale": [], "d_output": [1, 1]},
        "inputs": {"query": [[1.0]], "key": [[200.0], [0.0]], "value": [[1.0], [0.0]], "scale": 1.0},
        "masks": {},
        "options": {},
        "cotangents": {"d_output": [[1.0]]},
    }
    with localcontext() as context:
        context.prec = 200
        weight = 1 / (1 + Decimal(-200).exp())
        expected = float(weight * (1 - weight))
    _, found = oracle.truth(case)
    assert found["d_key"] == [[expected], [-expected]]
    assert expected > 0


def test_digits_that_never_settle_are_an_error():
    with pytest.raises(ArithmeticError, match="expected 600 digits to settle"):
        oracle._settled(lambda digits: [Decimal(digits)])


@pytest.mark.parametrize("path", catalogue.PLANS)
def test_a_case_is_written_one_matrix_row_a_line(path):
    lines = (CASES / f"{path}.json").read_text(encoding="utf-8").splitlines()
    assert all(line.count("[") <= 1 for line in lines)


def test_what_is_written_reads_back_as_it_was():
    case = {name: {} for name in layout.ORDER} | {"inputs": {"bias": [[0.1, float("-inf")]], "scale": 1e-300}}
    assert json.loads(layout.text(case))["inputs"] == {"bias": [[0.1, "-Infinity"]], "scale": 1e-300}


def test_flags_say_what_a_case_is():
    for path in catalogue.PLANS:
        case = json.loads((CASES / f"{path}.json").read_text(encoding="utf-8"))
        flags, what = set(case["flags"]), facts(case)
        assert {name for name in what if name in flags} == {name for name, so in what.items() if so}, path
        assert flags & {"unscaled", "scaled", "other_scale"}, path
        T, S = case["shapes"]["visible"][-2:]
        lengths = {"fewer_queries": T < S, "equal_lengths": T == S, "more_queries": T > S}
        assert all(lengths[flag] for flag in flags & lengths.keys()), path
        sizes = [size for name in SIZED if name in case["shapes"] for size in case["shapes"][name]]
        assert "equal_sizes" not in flags or len(set(sizes)) == 1, path


def facts(case):
    """Those flags that follow from what a case holds, and whether they do."""
    shapes, scale, options = case["shapes"], case["inputs"]["scale"], case["options"]
    d_k = shapes["W_q" if "W_q" in shapes else "query"][-1]
    T, S = shapes["visible"][-2:]
    rows = [row for name, flat in parts({"": {"visible": case["expected"]["visible"]}}, "") for row in flat]
    rows = [rows[S * number : S * (number + 1)] for number in range(prod(shapes["visible"][:-1]))]
    offset = options.get("causal", {}).get("offset")
    return {
        "unscaled": scale == 1.0,
        "scaled": scale == float(1 / Decimal(d_k).sqrt()) != 1.0,
        "no_batch_axis": len(shapes["output"]) == 2,
        "many_leading_axes": len(shapes["output"]) > 3,
        "cotangent_on_weights": "d_weights" in case["cotangents"],
        "bias": "bias" in case["inputs"],
        "softcap": "softcap" in options,
        "window": "window" in options,
        "mask": "mask" in case["masks"],
        "padding": "key_mask" in case["masks"],
        "query_mask": "query_mask" in case["masks"],
        "nothing_visible": any(not any(row) for row in rows),
        "causal_top_left": offset == 0 and "causal_bottom_right" not in case["flags"],
        "projection_biases": any(name.startswith("b_") for name in case["inputs"]),
        "many_keys": S > 8,
        "many_queries": T > 8 and "W_q" not in shapes,
    }
