"""The reference gives what the golden cases expect, though their oracle shares nothing with it."""

import json

import numpy as np
import pytest

from parity_tests.comparison import compare
from parity_tests.golden import catalogue, generate
from reference.__main__ import main
from reference.golden import bounds, read_case, visible, work
from reference.rounding import FLOAT64

CASES = generate.HOME / "cases"
HIDING = ("mask", "key_mask", "causal", "window")


def edited(tmp_path, path, edit):
    """A copy of a case in which something is changed."""
    document = json.loads((CASES / f"{path}.json").read_text(encoding="utf-8"))
    edit(document)
    file = tmp_path / "case.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


@pytest.mark.parametrize("path", catalogue.PLANS)
def test_the_reference_gives_what_a_case_expects(path):
    case = read_case(CASES / f"{path}.json")
    results = work(case).results(case.expected)
    assert np.array_equal(
        np.broadcast_to(results.pop("visible"), case.expected["visible"].shape), case.expected["visible"]
    )
    for name, bound in bounds(case, FLOAT64).items():
        expected, actual = case.expected[name], np.broadcast_to(results[name], case.expected[name].shape)
        hidden = np.isneginf(expected)
        assert np.array_equal(np.isneginf(actual), hidden)
        outcome = compare(np.where(hidden, 0.0, actual), np.where(hidden, 0.0, expected), bound)
        assert outcome.agrees, (name, outcome)


@pytest.mark.parametrize("path", catalogue.PLANS)
def test_a_case_is_worked_through(path, capsys):
    assert main(["golden", str(CASES / f"{path}.json")]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(catalogue.PLANS[path]["description"])
    assert printed.endswith("All agree.\n")


@pytest.mark.parametrize("name", ["weights", "output", "d_W_k", "d_b_v"])
def test_a_number_that_is_wrong_by_twice_its_bound_disagrees(name, tmp_path, capsys):
    path = "self_attention/causal_scaled_with_biases"
    bound = bounds(read_case(CASES / f"{path}.json"), FLOAT64)[name]

    def edit(document):
        row = document["expected"][name]
        while isinstance(row[0], list):
            row = row[-1]
        row[0] += 2 * bound.max()

    assert main(["golden", str(edited(tmp_path, path, edit))]) == 1
    assert capsys.readouterr().out.endswith("They disagree.\n")


def test_a_key_that_is_said_to_be_visible_and_is_not_disagrees(tmp_path, capsys):
    path = edited(tmp_path, "dot_product/window", lambda document: document["expected"]["visible"][0].reverse())
    assert main(["golden", str(path)]) == 1
    assert capsys.readouterr().out.endswith("They disagree.\n")


def test_a_file_that_is_no_case_is_refused_in_one_line(tmp_path, capsys):
    path = edited(tmp_path, "dot_product/window", lambda document: document.pop("masks"))
    assert main(["golden", str(path)]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"reference: {path}: expected a golden case, received a damaged file: case: expected ")
    assert printed.endswith(", received one without masks\n")


def test_a_file_that_is_cut_short_is_refused_in_one_line(tmp_path, capsys):
    path = tmp_path / "case.json"
    path.write_text((CASES / "dot_product/window.json").read_text(encoding="utf-8")[:500], encoding="utf-8")
    assert main(["golden", str(path)]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"reference: {path}: expected a golden case, received a damaged file: ")
    assert printed.count("\n") == 1


def put(value, *names):
    """An edit that puts a value in its place."""

    def edit(document):
        for name in names[:-1]:
            document = document[name]
        document[names[-1]] = value

    return edit


def reshaped(value, part, name, *shape):
    """An edit that puts an array of another shape in its place."""

    def edit(document):
        document[part][name], document["shapes"][name] = value, list(shape)

    return edit


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (put(True, "schema"), "schema: expected an integer below 2**53, received true"),
        (put(2, "schema"), "schema: expected 1, received 2"),
        (put(0, "revision"), "revision: expected an integer of at least 1 below 2**53, received 0"),
        (put(5, "description"), "description: expected a line of text, received 5"),
        (put("two\nlines", "description"), 'description: expected a line of text, received "two\\nlines"'),
        (put(None, "flags"), "flags: expected a list, received null"),
        (put([5], "flags"), "flags: expected a line of text, received 5"),
        (put(5, "new"), 'received "new"'),
        (put([1], "options"), "options: expected an object, received [1]"),
        (put(0, "options", "softcap"), "softcap: expected a positive number, received 0"),
        (put("2", "options", "softcap"), 'softcap: expected a number, received "2"'),
        (put(3, "options", "causal"), "causal: expected an object, received 3"),
        (put({}, "options", "causal"), "causal: expected an object with offset, received one without offset"),
        (put({"offset": 0.5}, "options", "causal"), "causal: offset: expected an integer below 2**53, received 0.5"),
        (put({"offset": 2**53}, "options", "causal"), f"an integer below 2**53, received {2**53}"),
        (put({"left": 1}, "options", "window"), "received one without right, offset"),
        (put(-1, "options", "window", "left"), "left: expected an integer of at least 0 below 2**53, received -1"),
        (put(1, "options", "window", "width"), 'expected no names but left, right, offset, received "width"'),
        (lambda document: document["inputs"].pop("scale"), "received one without scale"),
        (lambda document: document["inputs"].pop("value"), "received one without value"),
        (put([[1.0]], "inputs", "x"), "received one without W_q, W_k, W_v"),
        (put([[1.0]], "inputs", "keys"), 'part inputs: expected no names but query, key, value, scale, bias, '),
        (put(True, "inputs", "scale"), "scale: expected a number, received true"),
        (put("1", "inputs", "scale"), 'scale: expected a number, received "1"'),
        (put("-Infinity", "inputs", "scale"), 'scale: expected a number, received "-Infinity"'),
        (put(float("nan"), "inputs", "scale"), 'scale: expected a number, received "NaN"'),
        (put(10**400, "inputs", "scale"), "scale: expected a number that float64 holds, received 1000"),
        (put([[1.0], [2.0, 3.0]], "inputs", "query"), "query: expected an array of numbers, received rows of "),
        (put(["false"], "masks", "key_mask"), 'key_mask: expected true or false, received "false"'),
        (put([1], "masks", "key_mask"), "key_mask: expected true or false, received 1"),
        (put({}, "cotangents"), "part cotangents: expected an object with d_output, received one without d_output"),
        (put({}, "expected"), "received one without visible, scores, weights, output, d_query, "),
        (lambda document: document["expected"].pop("visible"), "received one without visible"),
        (put([[1.0]], "expected", "d_x"), 'd_value, d_scale, received "d_x"'),
        (put("a", "shapes", "query"), 'shapes: query: expected a list, received "a"'),
        (put([10**30], "shapes", "query"), "shapes: query: expected an integer of at least 0 below 2**53"),
        (put([1], "shapes", "new"), 'd_scale, received "new"'),
        (put([9], "shapes", "query"), "query: expected shape (9,), as shapes says, received (4, 2)"),
        (reshaped(1.0, "inputs", "query"), "query: expected shape (..., T, d_k), received ()"),
        (reshaped([1.0], "inputs", "key", 1), "key: expected shape (..., S, d_k), received (1,)"),
        (reshaped([[1.0]], "inputs", "key", 1, 1), "key: expected shape (..., S, d_k) with d_k of 2, received (1, 1)"),
        (reshaped([1.0] * 3, "inputs", "scale", 3), "scale: expected a shape (..., T, S) with S of 1 or 6, "),
        (reshaped(True, "masks", "key_mask"), "key_mask: expected shape (..., S), received ()"),
        (reshaped([[True], [True]], "masks", "query_mask", 2, 1), "d_output: expected shape (2, 4, 2)"),
        (reshaped([1.0], "expected", "output", 1), "output: expected shape (4, 2), received (1,)"),
        (reshaped([1.0], "expected", "d_scale", 1), "d_scale: expected shape (), received (1,)"),
    ],
)  # fmt: skip
def test_what_a_case_cannot_hold_is_refused_in_one_line(edit, message, tmp_path, capsys):
    path = edited(tmp_path, "dot_product/window", edit)
    assert main(["golden", str(path)]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"reference: {path}: expected a golden case, received a damaged file: ")
    assert message in printed
    assert printed.count("\n") == 1


def test_a_projection_with_a_batch_axis_is_refused(tmp_path):
    path = edited(tmp_path, "self_attention/by_hand", reshaped([[[1.0]]], "inputs", "W_q", 1, 1, 1))
    with pytest.raises(ValueError, match=r"W_q: expected shape \(d, d_k\), received \(1, 1, 1\)$"):
        read_case(path)


@pytest.mark.parametrize("text", ["[" * 100_000, "\xff", '{"schema": 1, "schema": 1}'])
def test_a_file_that_no_reader_takes_is_refused_in_one_line(text, tmp_path, capsys):
    path = tmp_path / "case.json"
    path.write_text(text, encoding="latin-1")
    assert main(["golden", str(path)]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"reference: {path}: expected a golden case, received a damaged file: ")
    assert printed.count("\n") == 1


def test_a_case_whose_numbers_overflow_is_named(tmp_path, capsys):
    path = edited(tmp_path, "dot_product/window", put(1e308, "inputs", "scale"))
    with np.errstate(over="ignore", invalid="ignore"):
        assert main(["golden", str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"reference: {path}: logits: expected finite numbers or -inf, received ")


@pytest.mark.parametrize(
    "path", [path for path in catalogue.PLANS if "masks_together" in catalogue.given(path)["flags"]]
)
def test_each_of_several_masks_hides_what_no_other_hides(path):
    case = read_case(CASES / f"{path}.json")
    parts = [(part, name) for part in ("masks", "options") for name in getattr(case, part) if name in HIDING]
    assert len(parts) > 1
    for part, name in parts:
        others = {one: thing for one, thing in getattr(case, part).items() if one != name}
        assert (visible(case._replace(**{part: others})) != visible(case)).any(), name
