"""Golden cases are written and checked, and no value changes unasked."""

import json
import re
import shutil
import time
from pathlib import Path

import pytest

from parity_tests import some_cases
from parity_tests.golden import catalogue, folder, generate, manifest
from parity_tests.some_cases import CASE, SOME, edit, refused

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"


@pytest.fixture
def some(tmp_path):
    """A folder with a few of the cases."""
    return some_cases.write(tmp_path)


@pytest.fixture
def small_catalogue(monkeypatch):
    """A catalogue of these few."""
    monkeypatch.setattr(catalogue, "PLANS", {path: catalogue.PLANS[path] for path in SOME})


def test_hashes_are_checked_in_less_than_a_second():
    start = time.perf_counter()
    assert generate.main(["--check"]) == 0
    assert time.perf_counter() - start < 1


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
    assert capsys.readouterr().out == f"{some / CASE}: listed in {manifest.NAME}, but not there: put it back\n"
    assert not (some / CASE).exists()


@pytest.mark.parametrize("options", [(), ("--replace", "dot_product/causal")])
@pytest.mark.parametrize(
    "damaged",
    [b"", b"[]", b"{}", b'{"revision": "a"}', b'{"revision": true}', b'{"revision": 0}', b"\xff", b"[" * 100_000],
    ids=lambda damaged: repr(damaged[:20]),
)
@pytest.mark.usefixtures("small_catalogue")
def test_a_case_whose_revision_is_lost_is_not_written_over(damaged, options, some, capsys):
    (some / CASE).write_bytes(damaged)
    assert generate.main(["--folder", str(some), *options]) == 2
    assert capsys.readouterr().err == (
        f"generate: {some / CASE}: expected a case with a revision, received a damaged file; put it back\n"
    )
    assert (some / CASE).read_bytes() == damaged


@pytest.mark.usefixtures("small_catalogue")
def test_a_case_that_was_deleted_is_not_replaced(some, capsys, monkeypatch):
    monkeypatch.setattr(generate, "_computed", lambda paths: pytest.fail("computed"))
    (some / CASE).unlink()
    assert generate.main(["--folder", str(some), "--replace", "dot_product/causal"]) == 2
    assert capsys.readouterr().err == (
        f"generate: {some / CASE}: expected a case to replace, received no file: put it back first; "
        "a new case needs no --replace\n"
    )
    assert not (some / CASE).exists()


def test_a_manifest_that_is_no_text_is_told(some, capsys):
    (some / manifest.NAME).write_bytes(b"\xff")
    assert refused(some).startswith(f"{some / manifest.NAME}: expected a manifest in UTF-8, received other bytes: ")
    assert generate.main(["--check", "--folder", str(some)]) == 2
    assert capsys.readouterr().err.startswith(f"generate: {some / manifest.NAME}: expected a manifest in UTF-8")


def test_check_and_replace_are_not_asked_for_together(some, capsys):
    assert generate.main(["--folder", str(some), "--check", "--replace", "dot_product/causal"]) == 2
    assert capsys.readouterr().err == "generate: expected --check or --replace, received both\n"


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
