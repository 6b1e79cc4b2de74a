"""A folder with a few golden cases, for the tests that damage one."""

import json
import shutil

import pytest

from parity_tests.golden import folder, generate, manifest

SOME = ("dot_product/by_hand_two_queries", "dot_product/causal", "self_attention/by_hand")
CASE = "cases/dot_product/causal.json"


def write(place):
    """Copy a few of the cases, with their flags and a manifest; return the folder."""
    for path in SOME:
        file = place / "cases" / f"{path}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(generate.HOME / "cases" / f"{path}.json", file)
    shutil.copy(generate.HOME / "flags.json", place)
    vouch(place)
    return place


def vouch(place):
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
