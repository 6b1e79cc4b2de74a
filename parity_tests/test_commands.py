"""The command lines: exit codes, one-line errors, files written whole."""

import argparse
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import parity_tests
from parity_tests.__main__ import main, total
from parity_tests.backend import device, name_and_version
from parity_tests.long import LONG
from parity_tests.report import write_atomically
from parity_tests.strategies import DTYPES
from reference.__main__ import main as show


def run(*arguments):
    with pytest.raises(SystemExit) as stopped:
        sys.exit(main(list(arguments)))
    return stopped.value.code


def test_a_page_of_long_examples_says_that_it_is(tmp_path):
    page, path = tmp_path / "report.html", tmp_path / "report.json"
    assert run("check", "keras.layers.Softmax", "--long", "--html", str(page), "--json", str(path)) == 0
    assert "a few examples of 4,201 and 8,209 positions" in page.read_text()
    (subject,) = json.loads(path.read_text())["subjects"]
    assert max(one["examples"] for one in subject["properties"]) == len(LONG["softmax"])


@pytest.mark.parametrize(
    ("given", "option", "received"),
    [
        (["--examples", "5"], "examples", "5"),
        (["--database", "folder"], "database", "folder"),
        (["--no-corners"], "corners", "no"),
    ],
)
def test_long_examples_are_neither_counted_nor_kept(given, option, received, capsys):
    assert run("check", "keras.layers.Softmax", "--long", *given) == 2
    said = f"parity_tests: {option}: expected none with --long, whose examples are its own, received {received}\n"
    assert capsys.readouterr().err == said


def test_a_sound_layer_exits_with_0(tmp_path, capsys):
    path = tmp_path / "report.json"
    page = tmp_path / "report.html"
    command = ("check", "keras_impl:AttentionLayer", "--examples", "5", "--no-corners")
    assert run(*command, "--json", str(path), "--html", str(page)) == 0
    assert "All agree." in capsys.readouterr().out
    assert json.loads(path.read_text())["subjects"][0]["verdict"] == "agrees"
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert "keras_impl" in page.read_text()


def test_a_report_is_headed_by_what_the_layers_ran_on(tmp_path, capsys):
    path = tmp_path / "report.json"
    assert run("check", "keras_impl:AttentionLayer", "--examples", "8", "--no-corners", "--json", str(path)) == 0
    title, header = capsys.readouterr().out.splitlines()[:2]
    backend, version = name_and_version()
    assert title == "Parity with the reference"
    assert header.startswith(f"Keras {keras.__version__} on {backend} {version}, {device()}, in float")
    assert header.endswith(f" {', '.join(json.loads(path.read_text())['dtypes'])}")
    assert all(dtype in header for dtype in DTYPES)


def test_a_faulty_layer_exits_with_1_and_shows_why(capsys):
    assert run("check", "parity_tests.mutants:LogitsSquared", "--examples", "20", "--no-corners") == 1
    printed = capsys.readouterr().out
    assert "There are disagreements." in printed
    assert "# parity_tests.mutants:LogitsSquared: output disagrees with the reference at [" in printed
    assert "raise SystemExit(replay(" in printed


def test_a_known_difference_exits_with_0_and_is_told(capsys):
    assert run("check", "keras.layers.Attention", "--examples", "40", "--no-corners") == 0
    assert "known: keras.layers.Attention, nothing_visible." in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["check", "--nonsense"],
        ["check", "--examples", "many"],
        ["check", "no.such.module:Layer"],
        ["check", "keras.layers:Dense"],
    ],
)
def test_what_cannot_be_used_exits_with_2_and_one_line(arguments, capsys):
    assert run(*arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1


def test_a_layer_in_the_current_folder_is_found(tmp_path):
    (tmp_path / "mine.py").write_text("from keras_impl import AttentionLayer as Mine\n")
    command = [sys.executable, "-m", "parity_tests", "check", "mine:Mine", "--examples", "2", "--no-corners"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0


def test_help_does_not_wait_for_keras():
    code = "import sys, parity_tests.__main__ as m; m.parser().format_help(); print('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_the_reference_imports_nothing_but_numpy():
    code = "import sys, numpy; before = set(sys.modules); import reference; print(*sorted(set(sys.modules) - before))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split()
    others = {name.split(".")[0] for name in printed} - {"reference"} - set(sys.stdlib_module_names)
    assert others <= {"numpy"}


def test_the_worked_example_shows_its_numbers(capsys):
    assert show([]) == 0
    printed = capsys.readouterr().out
    for numbers in (
        "[[2. 2.]\n [1. 4.]]",
        "[[0.5    0.5   ]\n [0.0474 0.9526]]",
        "[[2.     3.    ]\n [2.9051 3.9051]]",
    ):
        assert numbers in printed


def test_arrays_of_a_users_own_are_worked_through(tmp_path, capsys):
    path = tmp_path / "mine.npz"
    np.savez(path, query=np.eye(2), key=np.eye(2), value=np.eye(2), scale=2.0, mask=np.tri(2, dtype=bool))
    assert show(["--npz", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "scores = scale * products  (2, 2)\n[[2. 0.]\n [0. 2.]]" in printed
    assert "logits = where(mask, scores, -inf)" in printed


def test_arrays_that_cannot_be_used_exit_with_2_and_one_line(tmp_path, capsys):
    path = tmp_path / "mine.npz"
    for arrays in ({"query": np.eye(2)}, {"query": np.eye(2), "key": np.eye(3), "value": np.eye(3)}):
        np.savez(path, **arrays)
        assert show(["--npz", str(path)]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert show(["--npz", str(tmp_path / "missing.npz")]) == 2


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 broken"])
def test_a_file_that_is_no_npz_exits_with_2_and_one_line(content, tmp_path, capsys):
    path = tmp_path / "mine.npz"
    path.write_bytes(content)
    assert show(["--npz", str(path)]) == 2
    assert capsys.readouterr().err == f"reference: {path}: expected an .npz file, received something else\n"


def test_a_single_array_exits_with_2_and_one_line(tmp_path, capsys):
    path = tmp_path / "mine.npy"
    np.save(path, np.eye(2))
    assert show(["--npz", str(path)]) == 2
    assert capsys.readouterr().err == f"reference: {path}: expected an .npz file, received a single array\n"


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "report.json"
    write_atomically(path, "old")

    def no_space(*arguments):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", no_space)
    with pytest.raises(OSError, match="no space"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.json"]


def test_a_file_may_be_read_by_whoever_may_read_others(tmp_path):
    write_atomically(tmp_path / "report.json", "report")
    (tmp_path / "other").write_text("other")
    assert (tmp_path / "report.json").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("chosen", [["keras.layers.Softmax", "keras_impl:AttentionPooling"], []])
def test_a_bar_is_as_long_as_the_examples_are_many(chosen, corners):
    options = argparse.Namespace(
        target=chosen, kind="softmax" if not chosen else None, examples=3, corners=corners, long=False
    )
    seen = []
    parity_tests.check(*chosen, kind=options.kind, examples=3, corners=corners, on_example=seen.append)
    assert len(seen) == total(options)


def test_a_bar_is_as_long_as_the_long_examples_are_many():
    options = argparse.Namespace(target=["keras.layers.Softmax"], kind=None, long=True)
    seen = []
    parity_tests.check("keras.layers.Softmax", on_example=seen.append, long=True)
    assert len(seen) == total(options)
