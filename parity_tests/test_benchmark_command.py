"""The command that measures: what it prints, writes, leaves out and refuses."""

import json
import subprocess
import sys
import time

import psutil
import pytest

from parity_tests.__main__ import main, parser
from parity_tests.benchmarks import checks, command, processes, timing
from parity_tests.benchmarks.checks import Check
from parity_tests.benchmarks.contenders import OURS, UNIT
from parity_tests.benchmarks.result import PARTS
from parity_tests.benchmarks.timing import Call, Time


def test_the_command_prints_and_writes_what_it_measured(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(timing, "ENOUGH", 0.0)
    monkeypatch.setattr(timing, "RUN", 0.0)
    monkeypatch.setattr(timing, "rest", lambda: None)
    paths = {name: tmp_path / f"times.{name}" for name in ("json", "png", "html")}
    options = [text for name, path in paths.items() for text in (f"--{name}", str(path))]
    assert main(["benchmark", "--parts", "times,calls,memory", "--peers", "", "--longest", "16", *options]) == 0
    assert "Time, forward and backward, by six matrix products" in capsys.readouterr().out
    written = json.loads(paths["json"].read_text())
    for part in ("times", "calls"):
        assert {one["contender"] for one in written[part]} == {one.name for one in OURS}
    assert paths["png"].read_bytes().startswith(b"\x89PNG")
    assert paths["html"].read_text().startswith("<!DOCTYPE html>")


CHECK = Check("abacus:Attention", 400, 8.0, layer=4.0, truth=2.0, drawing=1.0)
TIME = Time(UNIT.name, 256, 1, False, 1.0, 0.75, 1.5, 1.0, None)


class Interrupted:
    """A part that is interrupted when so much was measured of it."""

    def __init__(self, *found):
        self.found = found

    def __call__(self, *given, **options):
        yield from self.found
        raise KeyboardInterrupt


def test_what_was_measured_before_an_interruption_is_printed_and_written(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(timing, "measure", lambda *given, **options: [TIME])
    monkeypatch.setattr(timing, "small_calls", Interrupted(Call("readable", 25.4e-6)))
    path = tmp_path / "times.json"
    assert main(["benchmark", "--parts", "times,calls,imports", "--peers", "", "--json", str(path)]) == 130
    written = json.loads(path.read_text())
    assert written["times"] == [TIME._asdict()]
    assert [one["contender"] for one in written["calls"]] == ["readable"]
    printed = capsys.readouterr().out
    assert printed.index("Time, forward,") < printed.index("A small call")


def test_an_earlier_report_is_kept_if_nothing_was_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "measure", Interrupted())
    path = tmp_path / "times.json"
    path.write_text("of yesterday")
    assert main(["benchmark", "--parts", "times", "--peers", "", "--json", str(path)]) == 130
    assert path.read_text() == "of yesterday"


def test_each_part_takes_the_steps_that_were_told(monkeypatch):
    monkeypatch.setattr(timing, "in_turn", lambda functions: dict.fromkeys(functions, timing.Runs(1.0, 1.0, 1.0)))
    monkeypatch.setattr(processes, "run", lambda *arguments: "7")
    monkeypatch.setattr(processes, "watch", lambda *arguments, **options: processes.Watched(1.0, 2, 1))
    monkeypatch.setattr(processes, "memory_is_told", lambda: True)
    monkeypatch.setattr(checks, "once", lambda *given: CHECK)
    options = parser().parse_args(["benchmark", "--gigabytes", "0.01"])
    for part, (steps, measured) in command._measuring(options, [*PARTS], [*OURS], print).items():
        taken = []
        assert len(list(measured(taken.append))) > 0, part
        assert len(taken) == steps, part


def test_what_the_machine_does_not_tell_is_left_out_and_why(monkeypatch, capsys):
    monkeypatch.setattr(processes, "memory_is_told", lambda: False)
    assert main(["benchmark", "--parts", "memory,long_checks", "--peers", ""]) == 0
    said = "the machine does not tell the peak of a process's memory"
    told = capsys.readouterr().out.replace("\n", " ")
    for part in ("memory", "long_checks"):
        assert f"{part} is left out: {said}" in told


def test_memory_of_sequences_that_are_too_short_is_left_out_and_why(capsys, monkeypatch):
    monkeypatch.setattr(timing, "small_calls", lambda *given, **options: [])
    assert main(["benchmark", "--parts", "calls,memory", "--longest", "512", "--peers", ""]) == 0
    assert "memory is left out: it is measured from 1,024 positions on" in capsys.readouterr().out


def test_what_is_left_out_is_told_after_an_interruption_too(capsys, monkeypatch, tmp_path):
    def measure(*given, on_failure, **options):
        on_failure("the memory of readable", "its process ended with -9")
        yield TIME
        raise KeyboardInterrupt

    monkeypatch.setattr(timing, "measure", measure)
    path = tmp_path / "times.json"
    assert main(["benchmark", "--parts", "times", "--peers", "", "--json", str(path)]) == 130
    assert "the memory of readable is left out: its process ended with -9" in capsys.readouterr().out
    assert json.loads(path.read_text())["left_out"] == {"the memory of readable": "its process ended with -9"}


def test_the_bar_counts_what_is_done():
    shown = []
    on_step = command._one_behind(lambda step, advance: shown.append((step, advance)))
    for step in "abc":
        on_step(step)
    assert shown == [("a", 0), ("b", 1), ("c", 1)]
    command._one_behind(None)("without a bar")


def test_options_reach_what_is_measured(monkeypatch):
    options = parser().parse_args(["benchmark", "--heads", "3", "--gigabytes", "0.5", "--longest", "1024"])
    measuring = command._measuring(options, [*PARTS], [*OURS], print)
    assert measuring["times"][1].args == ([*OURS], [16, 64, 128, 256, 1024], 3, 5e8)
    assert measuring["memory"][1].args == ([*OURS], [1024], 5e8)


def test_the_parts_of_the_command_are_those_of_a_report():
    assert command.PARTS.split(",") == [*PARTS]


@pytest.mark.parametrize(
    "options",
    [
        ["--peers", "abacus"],
        ["--parts", "abacus"],
        ["--parts", "calls", "--png", "times.png"],
        ["--parts", ""],
        ["--json", "times", "--html", "./times"],
        ["--longest", "1"],
        ["--longest", "512", "--parts", "memory"],
        ["--longest", "512", "--parts", "memory,calls", "--png", "times.png"],
        ["--gigabytes", "nan"],
        ["--json", "/no/such/folder/times.json"],
    ],
)
def test_what_cannot_be_used_exits_with_2_and_one_line(options, capfd):
    assert main(["benchmark", *options]) == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1


def test_whoever_is_told_to_end_ends_the_processes_it_began():
    command = [sys.executable, "-m", "parity_tests", "benchmark", "--parts", "imports", "--peers", ""]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until, begun = time.monotonic() + 60, []
        while not begun and time.monotonic() < until:
            begun = psutil.Process(process.pid).children()
            time.sleep(0.01)
        process.terminate()
        _, said = process.communicate()
    assert begun
    assert process.returncode == 143
    assert said.endswith("parity_tests: interrupted\n")
    assert not [one for one in begun if one.is_running()]
