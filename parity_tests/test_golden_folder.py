"""Golden cases are kept whole: damage is told in one line that names the file, and no value changes unasked."""

import hashlib
import json
import re
import shutil
import time
from pathlib import Path

import pytest

from parity_tests.__main__ import main as parity_tests
from parity_tests.golden import catalogue, folder, generate, manifest

SOME = ("dot_product/by_hand_two_queries", "dot_product/causal", "self_attention/by_hand")
CASE = "cases/dot_product/causal.json"
CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"


@pytest.fixture
def some(tmp_path):
    """A folder with a few of the cases."""
    for path in SOME:
        file = tmp_path / "cases" / f"{path}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(generate.HOME / "cases" / f"{path}.json", file)
    shutil.copy(generate.HOME / "flags.json", tmp_path)
    vouched(tmp_path)
    return tmp_path


@pytest.fixture
def small_catalogue(monkeypatch):
    """A catalogue of these few."""
    monkeypatch.setattr(catalogue, "PLANS", {path: catalogue.PLANS[path] for path in SOME})


def vouched(place):
    """Write the manifest of whatever is there."""
    (place / manifest.NAME).write_text(manifest.text(manifest.actual(place)), encoding="utf-8")


def edit(place, change, name=CASE):
    """Change a file of JSON."""
    document = json.loads((place / name).read_text(encoding="utf-8"))
    change(document)
    (place / name).write_text(json.dumps(document), encoding="utf-8")


def refused(place):
    """What reading the folder says of it."""
    with pytest.raises(ValueError, match=r".") as error:
        folder.read(place)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_whole_folders_are_read(some):
    assert set(folder.read(some)) == set(SOME)


def test_an_unknown_key_is_told(some):
    edit(some, lambda case: case.update(tolerance=1e-6))
    vouched(some)
    assert refused(some).startswith(
        f"{some / CASE}: Additional properties are not allowed ('tolerance' was unexpected)"
    )


def test_an_unknown_name_of_an_array_is_told(some):
    edit(some, lambda case: case["inputs"].update(keys=[[1.0]]))
    vouched(some)
    assert refused(some).startswith(f"{some / CASE}: inputs: ")


def test_a_flag_that_nobody_explains_is_told(some):
    edit(some, lambda case: case["flags"].append("new_idea"))
    vouched(some)
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


def test_an_array_without_a_shape_is_told(some):
    edit(some, lambda case: case["shapes"].pop("output"))
    vouched(some)
    assert refused(some) == f"{some / CASE}: shapes: expected one for every array, received none for output"


def test_an_array_of_another_shape_is_told(some):
    edit(some, lambda case: case["expected"]["output"].pop())
    vouched(some)
    assert refused(some).startswith(f"{some / CASE}: expected a golden case, received a damaged file: ")


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


def test_hashes_are_checked_in_less_than_a_second():
    start = time.perf_counter()
    assert generate.main(["--check"]) == 0
    assert time.perf_counter() - start < 1


def test_the_folder_stays_below_two_megabytes():
    assert sum(path.stat().st_size for path in generate.HOME.rglob("*") if path.is_file()) < 2_000_000


def test_check_names_every_file_that_is_not_as_it_was(some, capsys):
    edit(some, lambda case: case.update(revision=7))
    (some / "cases/self_attention/by_hand.json").unlink()
    assert generate.main(["--check", "--folder", str(some)]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in printed] == [
        str(some / "cases/self_attention/by_hand.json"),
        str(some / CASE),
    ]


@pytest.mark.usefixtures("small_catalogue")
def test_what_is_new_is_written_and_what_is_there_stays(some, tmp_path, capsys):
    before = (some / CASE).read_bytes()
    (some / manifest.NAME).unlink()
    (some / "cases/self_attention/by_hand.json").unlink()
    assert generate.main(["--folder", str(some)]) == 0
    assert capsys.readouterr().out == "self_attention/by_hand: written\n"
    assert (some / CASE).read_bytes() == before
    assert set(folder.read(some)) == set(SOME)


@pytest.mark.usefixtures("small_catalogue")
def test_a_value_does_not_change_unasked(some, capsys):
    edit(some, lambda case: case["expected"]["output"][0][0].reverse())
    before = (some / CASE).read_bytes(), (some / manifest.NAME).read_bytes()
    assert generate.main(["--folder", str(some)]) == 1
    assert capsys.readouterr().out == (
        f"{some / CASE}: not what the oracle finds: put it back, or --replace dot_product/causal\n"
    )
    assert ((some / CASE).read_bytes(), (some / manifest.NAME).read_bytes()) == before


@pytest.mark.usefixtures("small_catalogue")
def test_a_value_that_is_replaced_has_one_more_revision(some, capsys):
    edit(some, lambda case: case["expected"]["output"][0][0].reverse())
    assert generate.main(["--folder", str(some), "--replace", "dot_product/causal"]) == 0
    assert (
        capsys.readouterr().out
        == "dot_product/causal: revision 2; CHANGELOG.md must say: golden case dot_product/causal, revision 2\n"
    )
    assert json.loads((some / CASE).read_text(encoding="utf-8"))["revision"] == 2
    assert set(folder.read(some)) == set(SOME)


@pytest.mark.usefixtures("small_catalogue")
def test_replacing_one_case_does_not_vouch_for_another(some):
    edit(some, lambda case: case.update(revision=7), "cases/self_attention/by_hand.json")
    assert generate.main(["--folder", str(some), "--replace", "dot_product/causal"]) == 0
    assert refused(some).startswith(f"{some / 'cases/self_attention/by_hand.json'}: its contents were changed")


@pytest.mark.usefixtures("small_catalogue")
def test_a_case_that_was_deleted_is_not_written_again_unasked(some, capsys):
    (some / CASE).unlink()
    assert generate.main(["--folder", str(some)]) == 1
    assert "put it back, or --replace dot_product/causal" in capsys.readouterr().out
    assert not (some / CASE).exists()


@pytest.mark.usefixtures("small_catalogue")
def test_a_case_that_is_not_in_the_catalogue_is_told(some, capsys):
    shutil.copy(some / CASE, some / "cases/dot_product/copied.json")
    assert generate.main(["--folder", str(some)]) == 1
    assert capsys.readouterr().out == f"{some / 'cases/dot_product/copied.json'}: not in the catalogue\n"


def test_an_unknown_name_is_refused(capsys):
    assert generate.main(["--replace", "dot_product/nothing"]) == 2
    assert "expected a case of the catalogue, received 'dot_product/nothing'" in capsys.readouterr().err


def untold(revisions, changelog):
    """The revisions of which a changelog does not tell."""
    return [path for path, number in revisions.items() if f"golden case {path}, revision {number}" not in changelog]


def test_the_changelog_tells_of_every_replaced_value():
    revisions = {}
    for path in catalogue.PLANS:
        text = (generate.HOME / "cases" / f"{path}.json").read_text(encoding="utf-8")
        revisions[path] = int(re.search(r'"revision": (\d+)', text)[1])
    replaced = {path: number for path, number in revisions.items() if number > 1}
    assert not untold(replaced, CHANGELOG.read_text(encoding="utf-8"))
    assert untold({"dot_product/causal": 2}, "golden case dot_product/causal, revision 1")
    assert not untold({"dot_product/causal": 2}, "- golden case dot_product/causal, revision 2: the mask was wrong")
