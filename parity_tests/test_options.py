"""What cannot be used is said in one line, before Keras is imported; help says what can."""

import os
import subprocess
import sys

import pytest

from parity_tests import subjects
from parity_tests.__main__ import main
from parity_tests.options import KINDS, check_file, check_folder

RUN = """
import sys
from parity_tests.__main__ import main
try:
    print(main(sys.argv[1:]), "keras" in sys.modules)
except SystemExit as stopped:
    print(stopped.code, "keras" in sys.modules)
"""
TOO_SMALL = [
    *((command, "seed", "-1", 0) for command in ("check", "mutants", "soak")),
    *((command, "examples", "0", 1) for command in ("check", "mutants", "soak")),
    ("soak", "workers", "0", 1),
]


@pytest.mark.parametrize(("command", "name", "number", "least"), TOO_SMALL)
def test_a_number_that_is_too_small_is_refused_in_one_line(command, name, number, least, capsys):
    assert main([command, f"--{name}", number]) == 2
    assert capsys.readouterr().err == f"parity_tests: {name}: expected at least {least}, received {number}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "--kind", "nonsense"],
        ["check", "--html", "/no/such/folder/report.html"],
        ["check", "--database", "redis://localhost:1"],
        ["mutants", "--json", "/no/such/folder/score.json"],
        ["soak", "--database", "redis://localhost:1"],
        ["soak", "--folder", __file__],
    ],
)
def test_what_cannot_be_used_is_refused_before_keras_is_imported(arguments):
    finished = subprocess.run([sys.executable, "-c", RUN, *arguments], capture_output=True, text=True)
    assert finished.stdout == "2 False\n"
    assert finished.stderr.count("\n") == 1


def test_the_kinds_that_may_be_named_are_those_that_there_are():
    assert tuple(subjects.KINDS) == KINDS


@pytest.mark.parametrize("command", ["check", "mutants", "soak"])
def test_help_tells_examples_and_the_exit_status(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    printed = capsys.readouterr().out
    assert f"examples:\n  python -m parity_tests {command}" in printed
    assert "exit status: 0 if" in printed


@pytest.mark.parametrize("path", ["", ".", "no_such_folder/report.json"])
def test_a_path_at_which_no_file_can_be_is_refused(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"^json: expected a file in a folder that exists, received '{path}'$"):
        check_file("json", path)


def test_what_is_neither_a_file_nor_a_folder_is_not_replaced_by_a_file(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("Windows has no such files")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="json: expected a file in a folder that exists"):
        check_file("json", str(tmp_path / "pipe"))


def test_a_folder_that_may_be_made_is_none_that_is_made(tmp_path):
    check_folder("folder", tmp_path / "some" / "folder")
    assert not any(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path, monkeypatch):
    def read_only(dir):
        raise OSError(f"read-only file system: {dir}")

    monkeypatch.setattr("tempfile.TemporaryFile", read_only)
    with pytest.raises(ValueError, match=r"^folder: expected a folder that can be written to, received 'soak'$"):
        check_folder("folder", "soak")
