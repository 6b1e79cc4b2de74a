"""What is measured in processes of their own: memory, imports, and checks of long examples."""

import os
import subprocess

import pytest

from parity_tests.benchmarks import imports, long_checks, memory, processes
from parity_tests.benchmarks.contenders import OURS
from parity_tests.benchmarks.imports import Import
from parity_tests.benchmarks.inputs import DEPTH
from parity_tests.benchmarks.long_checks import LongCheck
from parity_tests.benchmarks.memory import Memory


def nobody_sees(step):
    """Progress that is not shown."""


def test_blockwise_attention_takes_less_memory_than_its_scores_would():
    if not processes.memory_is_told():
        pytest.skip("the peak of a process can be measured on Linux alone")
    square = 1024 * 1024 * 8
    assert memory.in_own_process("blockwise", 1024, True) < 2 * square  # a block of all keys and a gradient of it
    assert memory.in_own_process("readable", 1024, True) > 4 * square  # of those that the records keep


def test_what_would_take_too_much_memory_is_left_out(monkeypatch):
    monkeypatch.setattr(memory, "in_own_process", lambda name, T, both: T)
    readable = next(one for one in OURS if one.name == "readable")
    told = {}
    found = [*memory.measure([readable], (16, 32, 64), readable.bytes(16, 1), nobody_sees, told.__setitem__)]
    assert {one.T for one in found} == {16}
    why = "what is as large as the scores takes more than 1.2288e-05 GB"
    assert told == {"the memory of readable from 32 positions on": why}


def test_a_peak_is_forgotten_and_told_in_bytes():
    if not processes.memory_is_told():
        pytest.skip("the peak of a process can be measured on Linux alone")
    program = (
        "from parity_tests.benchmarks import processes; held = bytes(range(256)) * 400_000; del held\n"
        "before = processes.status('self', 'VmHWM'); processes.forget_peak()\n"
        "print(before - processes.status('self', 'VmHWM'))"
    )
    assert int(processes.run("-c", program)) == pytest.approx(256 * 400_000, rel=0.01)  # told by pages


def test_a_process_that_is_watched_ends_with_an_interruption(monkeypatch):
    if not processes.memory_is_told():
        pytest.skip("the peak of a process can be measured on Linux alone")
    watched = []

    def interrupt(number, field):
        watched.append(number)
        raise KeyboardInterrupt

    monkeypatch.setattr(processes, "status", interrupt)
    with pytest.raises(KeyboardInterrupt):
        processes.watch("-c", "import time; time.sleep(600)")
    with pytest.raises(ProcessLookupError):
        os.kill(watched[0], 0)


@pytest.mark.parametrize(("both", "arrays"), [(False, 1), (True, 4)])
def test_results_are_not_counted_as_memory(both, arrays, monkeypatch):
    told = {"VmRSS": 1000, "VmHWM": 1000 + arrays * 32 * DEPTH * 8 + 7}
    monkeypatch.setattr(processes, "status", lambda number, field: told[field])
    monkeypatch.setattr(processes, "forget_peak", lambda: None)
    assert memory.of_one_call("blockwise", 32, both) == 7


def test_a_process_that_fails_leaves_out_its_contender_from_there_on(monkeypatch):
    def run(name, T, both):
        if T == 32:
            raise subprocess.CalledProcessError(-9, name)
        return T

    monkeypatch.setattr(memory, "in_own_process", run)
    told = {}
    found = [*memory.measure([OURS[3]], (16, 32, 64), 1e9, nobody_sees, told.__setitem__)]
    assert found == [Memory("blockwise", 16, False, 16), Memory("blockwise", 16, True, 16)]
    assert told == {"the memory of blockwise at 32 positions": "its process ended with -9"}


ALLOCATES = "import numpy; array = numpy.ones(2 * 10**7); del array; raise SystemExit({})"


@pytest.mark.parametrize("status", [0, 1])
def test_the_memory_of_a_process_is_what_it_had_at_its_peak(status):
    if not processes.memory_is_told():
        pytest.skip("the peak of a process can be measured on Linux alone")
    little, much = (
        LongCheck("numpy", *processes.watch("-c", program, may_end_with=(status,)))
        for program in (f"import numpy; raise SystemExit({status})", ALLOCATES.format(status))
    )
    assert 0 < little.own < 1e8
    assert 1.5e8 < much.own - little.own < 1.8e8
    assert 0 < much.mapped < much.peak


def test_the_memory_of_a_process_that_fails_is_not_told():
    if not processes.memory_is_told():
        pytest.skip("the peak of a process can be measured on Linux alone")
    with pytest.raises(subprocess.CalledProcessError) as raised:
        processes.watch("-c", "raise SystemExit(2)")
    assert processes.reason(raised.value) == "its process ended with 2"
    with pytest.raises(subprocess.CalledProcessError) as raised:
        processes.watch("-c", "import os, sys; print('no room', file=sys.stderr, flush=True); os.abort()")
    assert processes.reason(raised.value) == "its process ended with -6: no room"


def test_keras_alone_is_measured_before_the_checks_of_layers_and_a_check_that_fails_is_left_out(monkeypatch):
    def watch(*arguments, may_end_with=(0,)):
        if arguments[-1] == "keras.layers.Softmax":
            raise subprocess.CalledProcessError(-9, arguments)
        return processes.Watched(len(arguments), max(may_end_with), 0)

    monkeypatch.setattr(processes, "watch", watch)
    told, targets = {}, ["keras.layers.Softmax", "keras.layers.Attention"]
    found = [*long_checks.measure(targets, nobody_sees, told.__setitem__)]
    assert found == [LongCheck("import keras", 2, 0, 0), LongCheck("keras.layers.Attention", 5, 1, 0)]
    assert told == {"the check of keras.layers.Softmax": "its process ended with -9"}


def test_an_import_is_timed_beyond_the_start_of_python(monkeypatch):
    clock = [0.0]
    takes = {
        "pass": iter([0.25, 0.5, 0.25]),
        "import decimal": iter([9.0, 0.75, 0.5]),
        "import sys": iter([0.125] * 3),
    }

    def run(*arguments):
        clock[0] += next(takes[arguments[-1]])

    monkeypatch.setattr(processes, "run", run)
    monkeypatch.setattr(imports.time, "perf_counter", lambda: clock[0])
    found = imports.measure(("import decimal", "import sys"), 3, nobody_sees, None)
    assert [*found] == [Import("import decimal", 0.5), Import("import sys", 0.0)]


def test_what_is_imported_is_imported():
    told = {}
    (one,) = imports.measure(("import no_such_module", "import reference"), 1, nobody_sees, told.__setitem__)
    assert one.statement == "import reference"
    ((what, why),) = told.items()
    assert what == "import no_such_module"
    assert why == "its process ended with 1: ModuleNotFoundError: No module named 'no_such_module'"


@pytest.mark.parametrize("statement", imports.STATEMENTS)
def test_what_is_timed_can_be_imported(statement):
    processes.run("-c", statement)
