"""Known differences are still there, say all that they must, and are shown by a command."""

from importlib.resources import files

import keras
import pytest

from parity_tests import adapters, divergences, reproduction, subjects
from parity_tests.__main__ import main
from parity_tests.backend import BACKENDS
from parity_tests.conditions import CONDITIONS

KNOWN = {divergence.name: divergence for divergence in divergences.read()}
HERE = [name for name, divergence in KNOWN.items() if divergence.is_here]
pytestmark = pytest.mark.backend
MET_BY_THE_CHECK = [name for name in HERE if KNOWN[name].condition]


def subject_of(divergence):
    (first, *_) = divergence.subjects
    return adapters.KerasAttention() if first == divergences.EVERY else subjects.find(first)


@pytest.mark.parametrize("name", HERE)
def test_it_is_still_so(name, capsys):
    assert reproduction.differs(KNOWN[name]), f"gone in Keras {keras.__version__}: remove {name} from divergences.toml"
    assert capsys.readouterr().out.strip(), "the program shows nothing"


@pytest.mark.parametrize("name", MET_BY_THE_CHECK)
def test_it_covers_no_row_of_a_plain_example(name):
    subject = subject_of(KNOWN[name])
    assert not KNOWN[name].rows(subject.kind, subject.kind.plain(subject.options)).any()


def test_every_entry_says_all_that_it_must():
    for divergence in KNOWN.values():
        assert divergence.nature in divergences.NATURES
        assert divergence.whose in ("Keras", "JAX", "XLA", "PyTorch")
        assert divergence.excuses in ("rows", "items", "examples", "precision")
        assert (divergence.excuses == "precision") == (divergence.loses in divergences.LOSSES)
        assert bool(divergence.condition) == bool(divergence.properties)
        assert divergence.condition in ("", *CONDITIONS)
        assert set(divergence.subjects) <= {*subjects.registered(), divergences.EVERY}
        assert set(divergence.backend) <= {*BACKENDS, divergences.ANYWHERE}
        assert divergence.sentence.endswith(".")
        seen = tuple(int(part) for part in divergence.keras.split("."))
        assert seen <= tuple(int(part) for part in keras.__version__.split(".")[:3])


def test_the_page_is_current():
    written = files("parity_tests").joinpath("DIVERGENCES.md").read_text(encoding="utf-8")
    assert written == reproduction.page(), "python -m parity_tests divergence --markdown parity_tests/DIVERGENCES.md"


def test_the_command_runs_the_program_of_one_and_says_whether_it_is_still_so(capsys):
    name = "weights_after_dropout"
    assert main(["divergence", name]) == 1
    shown = capsys.readouterr().out
    assert "differs = " in shown
    assert f"{name}: It is still so. Keras {keras.__version__} on {keras.backend.backend()}." in " ".join(shown.split())


def test_the_command_lists_them_all(capsys):
    assert main(["divergence"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in KNOWN)


def test_a_program_that_shows_nothing_any_more_is_told(capsys, monkeypatch):
    gone = KNOWN["weights_after_dropout"]._replace(reproduction="print('all is well')\ndiffers = False")
    monkeypatch.setattr(divergences, "read", lambda: (gone,))
    assert main(["divergence", gone.name]) == 0
    assert "It is gone" in capsys.readouterr().out


def test_a_divergence_that_nobody_knows_is_refused_in_one_line(capsys):
    assert main(["divergence", "no_such_name"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("parity_tests: name: expected one of ")
    assert said.count("\n") == 1
