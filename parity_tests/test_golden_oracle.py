"""The golden cases themselves: what is in them, and that anybody finds the same."""

import json
import subprocess
import sys
from decimal import Decimal, localcontext

import pytest

from parity_tests.golden import catalogue, definitions, generate, layout, oracle

CASES = generate.HOME / "cases"
LARGE = 15000  # bytes: those of more than 128 positions, and the widest of several heads
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


def marked(path):
    """The largest, in bytes, take some ten seconds each."""
    size = (CASES / f"{path}.json").stat().st_size
    return pytest.param(path, marks=pytest.mark.ci if size > LARGE else ())


@pytest.mark.parametrize("path", [marked(path) for path in catalogue.PLANS])
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
        if name not in ("scale", "bias", "scores", "d_output", "d_weights"):
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


def test_an_exponential_that_is_kept_has_the_digits_that_are_asked_for():
    found = []
    for digits in (10, 50):
        with localcontext() as context:
            context.prec = digits
            found.append(definitions.exponential(Decimal(1)))
    assert [str(one) for one in found] == ["2.718281828", "2.7182818284590452353602874713526624977572470937000"]


def test_digits_that_never_settle_are_an_error():
    with pytest.raises(ArithmeticError, match="expected 600 digits to settle"):
        oracle._settled(lambda digits: [Decimal(digits)])


def test_a_number_beside_the_midpoint_of_two_float64_is_an_error_unless_it_is_exact():
    assert oracle._settled(lambda digits: [1 + Decimal(2) ** -53]) == [1.0]
    with pytest.raises(ArithmeticError, match="expected 600 digits to settle"):
        oracle._settled(lambda digits: [1 + Decimal(2) ** -53 + Decimal(10) ** (1 - digits)])


@pytest.mark.parametrize("path", catalogue.PLANS)
def test_a_case_is_written_one_matrix_row_a_line(path):
    lines = (CASES / f"{path}.json").read_text(encoding="utf-8").splitlines()
    assert all(line.count("[") <= 1 for line in lines)


def test_what_is_written_reads_back_as_it_was():
    case = {name: {} for name in layout.ORDER} | {"inputs": {"bias": [[0.1, float("-inf")]], "scale": 1e-300}}
    assert json.loads(layout.text(case))["inputs"] == {"bias": [[0.1, "-Infinity"]], "scale": 1e-300}
