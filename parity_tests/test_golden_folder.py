"""Golden cases are kept whole: damage is told in one line that names the file."""

import hashlib
import json
import shutil

import numpy as np
import pytest

from parity_tests import some_cases
from parity_tests.__main__ import main as parity_tests
from parity_tests.golden import catalogue, folder, generate, manifest
from parity_tests.some_cases import CASE, SOME, edit, refused, vouch


@pytest.fixture
def some(tmp_path):
    """A folder with a few of the cases."""
    return some_cases.write(tmp_path)


def test_whole_folders_are_read(some):
    assert set(folder.read(some)) == set(SOME)


def test_an_unknown_key_is_told(some):
    edit(some, lambda case: case.update(tolerance=1e-6))
    vouch(some)
    assert refused(some).startswith(
        f"{some / CASE}: Additional properties are not allowed ('tolerance' was unexpected)"
    )


def test_an_unknown_name_of_an_array_is_told(some):
    edit(some, lambda case: case["inputs"].update(keys=[[1.0]]))
    vouch(some)
    assert refused(some).startswith(f"{some / CASE}: inputs: ")


def test_a_flag_that_nobody_explains_is_told(some):
    edit(some, lambda case: case["flags"].append("new_idea"))
    vouch(some)
    assert refused(some) == f"{some / CASE}: flags: expected flags that flags.json explains, received 'new_idea'"


def test_an_edited_value_is_told(some):
    edit(some, lambda case: case["expected"]["output"][0][0].reverse())
    assert refused(some).startswith(f"{some / CASE}: its contents were changed: expected sha256 ")


def test_a_case_that_is_not_in_the_manifest_is_told(some):
    shutil.copy(some / CASE, some / "cases/dot_product/copied.json")
    assert refused(some) == f"{some / 'cases/dot_product/copied.json'}: not listed in {manifest.NAME}"


def test_a_case_of_the_manifest_that_is_not_there_is_told(some):
    (some / CASE).unlink()
    assert refused(some) == f"{some / CASE}: listed in {manifest.NAME}, but not there"


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_file_that_is_cut_short_is_told(share, some):
    text = (some / CASE).read_text(encoding="utf-8")
    (some / CASE).write_text(text[: int(share * len(text))], encoding="utf-8")
    assert refused(some).startswith(f"{some / CASE}: expected JSON, received a file that is cut short or damaged: ")


@pytest.mark.parametrize("name", ["flags.json", manifest.NAME])
def test_a_folder_without_its_other_files_is_told(name, some):
    (some / name).unlink()
    assert refused(some).startswith(f"{some / name}: expected ")


@pytest.mark.parametrize("content", ["5", "[]", '{"batch": 5}'])
def test_flags_that_explain_nothing_are_told(content, some):
    (some / "flags.json").write_text(content, encoding="utf-8")
    vouch(some)
    told = f"{some / 'flags.json'}: expected an object that says what each flag hunts, received {content}"
    assert refused(some) == told


@pytest.mark.parametrize("levels", [60, 400, 100_000])
def test_a_case_of_very_many_levels_is_told(levels, some):
    text = (some / CASE).read_text(encoding="utf-8")
    nested = "[" * levels + "]" * levels
    (some / CASE).write_text(text.replace('"scale": 0.5773502691896257', f'"scale": {nested}'), encoding="utf-8")
    vouch(some)
    assert refused(some).endswith("JSON: expected at most 32 lists and objects, one in the other, received more")


def test_an_array_without_a_shape_is_told(some):
    edit(some, lambda case: case["shapes"].pop("output"))
    vouch(some)
    assert refused(some) == f"{some / CASE}: shapes: expected one for every array, received none for output"


def test_an_array_of_another_shape_is_told(some):
    edit(some, lambda case: case["expected"]["output"].pop())
    vouch(some)
    assert refused(some).startswith(f"{some / CASE}: expected a golden case, received a damaged file: ")


def test_a_gradient_of_what_is_no_input_is_told(some):
    def edit_case(case):
        case["expected"]["d_x"], case["shapes"]["d_x"] = 1.0, []

    edit(some, edit_case)
    vouch(some)
    assert refused(some).endswith('d_query, d_key, d_value, d_scale, received "d_x"')


def test_an_input_without_axes_is_told(some):
    def edit_case(case):
        case["inputs"]["query"], case["shapes"]["query"] = 1.0, []

    edit(some, edit_case)
    vouch(some)
    assert refused(some).endswith("query: expected shape (..., T, d_k), received ()")


def test_a_case_whose_numbers_overflow_is_named(some, capsys):
    edit(some, lambda case: case["inputs"].update(scale=1e308))
    vouch(some)
    with np.errstate(over="ignore", invalid="ignore"):
        assert parity_tests(["golden", "--cases", str(some), "--dtype", "float32", "keras_impl:AttentionLayer"]) == 2
    assert capsys.readouterr().err.startswith("parity_tests: dot_product/causal: logits: expected finite numbers")


def test_the_command_tells_damage_in_one_line(some, capsys):
    (some / CASE).unlink()
    assert parity_tests(["golden", "--cases", str(some)]) == 2
    assert capsys.readouterr().err == f"parity_tests: {some / CASE}: listed in {manifest.NAME}, but not there\n"


def test_every_flag_is_explained_and_hunts_somewhere():
    flags = json.loads((generate.HOME / "flags.json").read_text(encoding="utf-8"))
    used = {flag for path in catalogue.PLANS for flag in catalogue.given(path)["flags"]}
    assert used == flags.keys()
    assert all(len(text) > 20 and text.endswith(".") for text in flags.values())


def test_hashes_are_those_that_other_tools_compute():
    for line in (generate.HOME / manifest.NAME).read_text(encoding="utf-8").splitlines():
        value, name = line.split("  ")
        assert hashlib.sha256((generate.HOME / name).read_bytes()).hexdigest() == value


def test_the_folder_stays_below_two_megabytes():
    assert sum(path.stat().st_size for path in generate.HOME.rglob("*") if path.is_file()) < 2_000_000
