"""What is measured is attention, and what is told of it follows from what was measured."""

import json
import re
import subprocess
import time
from importlib.resources import files

import jsonschema
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from parity_tests import subjects
from parity_tests.__main__ import main
from parity_tests.benchmarks import check, contenders, imports, memory, plot, result, table, timing
from parity_tests.benchmarks.check import Check
from parity_tests.benchmarks.contenders import OURS, PEERS, SCALE, UNIT
from parity_tests.benchmarks.imports import Import
from parity_tests.benchmarks.memory import Memory
from parity_tests.benchmarks.result import Benchmark
from parity_tests.benchmarks.timing import Time
from parity_tests.built_layer import BuiltLayer
from parity_tests.comparison import within_bound
from parity_tests.strategies import by_generator
from reference import causal_mask, dot_product_attention, dot_product_attention_backward
from reference.rounding import FLOAT64, track

THERE, _ = contenders.chosen(list(PEERS))
LENGTHS = (256, 1024, 4096)
MEASURED = Benchmark(
    times=tuple(
        Time(name, T, 1, both, factor * T**power, factor)
        for name, factor, power in ((UNIT.name, 1.0, 2.0), ("blockwise", 1.5, 2.0), ("torch", 2.0, 1.5))
        for T in LENGTHS
        for both in (False, True)
    ),
    memory=tuple(
        Memory(name, T, both, size * T**power)
        for name, size, power in ((UNIT.name, 8, 2), ("blockwise", 64, 1))
        for T in LENGTHS
        for both in (False, True)
    ),
    imports=(Import("numpy", 0.125),),
    checks=(Check("abacus:Attention", 400, 8.0, layer=4.0, truth=2.0, drawing=1.0),),
    versions={"numpy": "2.0"},
    processor="abacus",
    cores=2,
)


def as_arrays(found):
    """What a contender returns, as arrays: the output alone, or gradients in the order in which it has them."""
    if hasattr(found, "_fields"):
        found = found.output if hasattr(found, "output") else (found.d_query, found.d_key, found.d_value)
    return [np.asarray(one).reshape(2, 16, -1) for one in (found if isinstance(found, (list, tuple)) else [found])]


@pytest.mark.parametrize("contender", [one for one in THERE if one is not UNIT], ids=lambda one: one.name)
def test_what_is_measured_is_attention_within_the_bound(contender):
    given = contenders.arrays(16, 2)
    mask = causal_mask(16, 16) if "causal" in contender.name else None
    truth = dot_product_attention(*(track(one, FLOAT64) for one in given[:3]), scale=track(SCALE, FLOAT64), mask=mask)
    (output,) = as_arrays(contender.make(given)[0]())
    assert within_bound(output, truth.output).agrees


@pytest.mark.parametrize("contender", [one for one in THERE if one is not UNIT], ids=lambda one: one.name)
def test_what_is_measured_of_the_backward_are_the_gradients_within_the_bound(contender):
    given = contenders.arrays(16, 2)
    both = contender.make(given)[1]
    if both is None:
        assert contender.name in ("textbook NumPy", "onnx")
        return
    mask = causal_mask(16, 16) if "causal" in contender.name else None
    truth = dot_product_attention(*(track(one, FLOAT64) for one in given[:3]), scale=track(SCALE, FLOAT64), mask=mask)
    bound = dot_product_attention_backward(given.d_output, truth)
    for gradient, expected in zip(as_arrays(both()), (bound.d_query, bound.d_key, bound.d_value), strict=True):
        assert within_bound(gradient, expected).agrees


def test_the_unit_is_two_matrix_products_and_six():
    query, key, value, d_output = (track(one, FLOAT64) for one in contenders.arrays(16, 2))
    forward, both = UNIT.make(contenders.arrays(16, 2))
    scores, d_scores = query @ key.mT, d_output @ value.mT
    assert within_bound(forward(), scores @ value).agrees
    products = (scores @ value, scores.mT @ d_output, d_scores @ key, d_scores.mT @ query)
    for found, expected in zip(both(), products, strict=True):
        assert within_bound(found, expected).agrees


def test_threads_are_those_of_python_alone(monkeypatch):
    seen = []

    def look(*inputs, threads, **options):
        blas = [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]
        seen.append((threads, set(blas)))
        return dot_product_attention(*inputs, scale=SCALE)

    monkeypatch.setattr(contenders, "blockwise_attention", look)
    monkeypatch.setattr(contenders, "blockwise_attention_backward", lambda *given, threads: seen.append((threads, {1})))
    for run in contenders.blockwise(contenders.arrays(16, 2), threads=2):
        run()
    assert seen == [(2, {1})] * 3


def test_contenders_run_in_turn_and_the_median_counts(monkeypatch):
    clock, calls = [0.0], []
    takes = {"short": iter([9.0, 0.2, 0.3, 0.1]), "long": iter([9.0, 3.0, 1.0, 2.0])}

    def run(name):
        calls.append(name)
        clock[0] += next(takes[name])

    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])
    found = timing.in_turn({name: lambda name=name: run(name) for name in takes})
    assert calls == ["short", "long"] * 4
    assert found == {name: pytest.approx(median) for name, median in (("short", 0.2), ("long", 2.0))}


def test_what_is_short_runs_twice_in_a_turn_and_the_second_time_counts(monkeypatch):
    clock, takes = [0.0], iter([0.09, 9.0, 0.03, 9.0, 0.01, 9.0, 0.02])

    def run():
        clock[0] += next(takes)

    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(timing, "ENOUGH", 0.06)
    monkeypatch.setattr(timing, "REST", 0.0)
    assert timing.in_turn({"short": run}) == {"short": pytest.approx(0.02)}


def test_what_would_take_too_long_or_too_much_memory_is_left_out(monkeypatch):
    monkeypatch.setattr(timing, "in_turn", lambda functions: dict.fromkeys(functions, 2 * timing.TOO_LONG / 16))
    found = timing.measure([OURS[2], OURS[3]], (16, 32, 64), 1, memory=OURS[2].square * 32 * 32 * 8)
    assert {one.T for one in found if one.contender == "readable"} == {16, 32}
    assert {one.T for one in found if one.contender == "blockwise"} == {16, 32, 64}
    monkeypatch.setattr(timing, "in_turn", lambda functions: dict.fromkeys(functions, timing.TOO_LONG / 3))
    assert {one.T for one in timing.measure([OURS[3]], (16, 32, 64), 1, memory=1e9)} == {16}


def test_the_ratio_is_to_the_matrix_products_alone(monkeypatch):
    monkeypatch.setattr(timing, "in_turn", lambda functions: {UNIT.name: 2.0, "blockwise": 3.0})
    found = timing.measure([UNIT, OURS[3]], (16,), 1, memory=1e9)
    assert [(one.contender, one.ratio) for one in found] == [(UNIT.name, 1.0), ("blockwise", 1.5)] * 2


def test_growth_is_the_power_of_the_length():
    assert MEASURED.growth("times", "torch", True) == pytest.approx(1.5)
    assert MEASURED.growth("memory", "blockwise", False) == pytest.approx(1)
    assert MEASURED.growth("memory", "torch", False) is None


def test_blockwise_attention_takes_less_memory_than_its_scores_would():
    if not memory.can_be_measured():
        pytest.skip("the peak of a process can be measured on Linux alone")
    square = 1024 * 1024 * 8
    assert memory.in_own_process("blockwise", 1024, True) < 2 * square  # a block of all keys and a gradient of it
    assert memory.in_own_process("readable", 1024, True) > 4 * square  # of those that the records keep


def test_a_process_that_fails_leaves_out_its_contender_from_there_on(monkeypatch):
    def run(name, T, both):
        if T == 32:
            raise subprocess.CalledProcessError(-9, name)
        return T

    monkeypatch.setattr(memory, "in_own_process", run)
    found = memory.measure([OURS[3]], (16, 32, 64), memory=1e9)
    assert found == [Memory("blockwise", 16, False, 16), Memory("blockwise", 16, True, 16)]


def test_the_report_is_in_its_schema():
    schema = json.loads(files("parity_tests").joinpath("benchmark.schema.json").read_text(encoding="utf-8"))
    document = json.loads(MEASURED.to_json())
    jsonschema.validate(document, schema)
    assert document["times"][0]["contender"] == UNIT.name


def test_a_table_has_a_row_a_contender_and_a_column_a_length():
    first, _, _, last, *_ = table.tables(MEASURED)
    assert first.columns == ["256", "1,024", "4,096", "grows as"]
    assert [row[0] for row in first.rows] == [UNIT.name, "blockwise", "torch"]
    assert first.rows[1][1:] == ("1.50", "1.50", "1.50", "T^2.0")
    assert last.rows[0][1:] == ("1", "8", "134", "T^2.0")


def test_a_table_tells_where_the_time_of_a_check_goes():
    *_, of_imports, of_checks = table.tables(MEASURED)
    assert of_imports.rows == [("numpy", "0.12")]
    assert of_checks.rows == [("abacus:Attention", "8.0", "50", "50%", "25%", "12%", "12%")]


def test_the_parts_of_a_check_are_timed_once_and_within_its_seconds():
    started = time.perf_counter()
    one = check.once(subjects.find("keras_impl:AttentionLayer"), 8, 0, corners=False)
    assert one.examples == 8
    assert min(one.layer, one.truth, one.drawing, one.rest) > 0
    assert one.seconds < time.perf_counter() - started


def test_a_part_within_a_part_is_not_counted_twice():
    subject = subjects.find("keras_impl:AttentionLayer")
    example = by_generator(np.random.default_rng(0), subject.kind, subject.options, {}).example
    with check.timed() as parts:
        started = time.perf_counter()
        BuiltLayer(subject, example)  # which calls the layer
        assert 0 < parts["layer"] < time.perf_counter() - started


def test_of_several_checks_the_one_of_median_seconds_counts():
    runs = [Check("abacus:Attention", 400, seconds, 1.0, 1.0, 1.0) for seconds in (9.0, 4.0, 6.0)]
    assert check.median_of(runs) is runs[2]


def test_an_import_is_timed_beyond_the_start_of_python(monkeypatch):
    clock = [0.0]
    takes = {"": iter([0.25, 0.5, 0.25]), "import decimal": iter([9.0, 0.75, 0.5]), "import sys": iter([0.125] * 3)}

    def run(command, **options):
        clock[0] += next(takes[command[-1]])

    monkeypatch.setattr(imports.subprocess, "run", run)
    monkeypatch.setattr(imports.time, "perf_counter", lambda: clock[0])
    assert imports.measure(("decimal", "sys"), repeats=3) == [Import("decimal", 0.5), Import("sys", 0.0)]


def test_what_is_imported_is_imported():
    (one,) = imports.measure(("reference",), repeats=1)
    assert one.module == "reference"
    with pytest.raises(subprocess.CalledProcessError):
        imports.measure(("no_such_module",), repeats=1)


def test_the_page_needs_nothing_from_the_network():
    page = plot.page(MEASURED)
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert plot.png(MEASURED).startswith(b"\x89PNG")
    assert "abacus" in page
    assert "<img" not in plot.page(MEASURED._replace(times=()))
    assert page.count("<tr>") == len(table.tables(MEASURED)) + sum(len(one.rows) for one in table.tables(MEASURED))


def test_the_command_prints_and_writes_what_it_measured(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(timing, "ENOUGH", 0.0)
    paths = {name: tmp_path / f"times.{name}" for name in ("json", "png", "html")}
    options = [text for name, path in paths.items() for text in (f"--{name}", str(path))]
    assert main(["benchmark", "--parts", "times,memory", "--peers", "", "--longest", "16", *options]) == 0
    assert "Time, forward and backward, by six matrix products" in capsys.readouterr().out
    assert {one["contender"] for one in json.loads(paths["json"].read_text())["times"]} == {one.name for one in OURS}
    assert paths["png"].read_bytes().startswith(b"\x89PNG")
    assert paths["html"].read_text().startswith("<!DOCTYPE html>")


def test_a_peer_that_is_not_installed_is_left_out(monkeypatch):
    monkeypatch.setattr(contenders, "find_spec", lambda name: None)
    assert contenders.chosen(["torch"]) == ([*OURS], {"torch": "it is not installed"})


def test_a_peer_that_raises_is_left_out_with_what_it_raised(monkeypatch):
    def older(given):
        raise AttributeError("no enable_x64")

    monkeypatch.setitem(PEERS, "jax", PEERS["jax"]._replace(make=older, needs="numpy"))
    assert contenders.chosen(["jax"]) == ([*OURS], {"jax": "it raised AttributeError: no enable_x64"})


@pytest.mark.parametrize(
    "options",
    [
        ["--peers", "abacus"],
        ["--parts", "abacus"],
        ["--parts", "memory", "--png", "times.png"],
        ["--longest", "1"],
        ["--json", "/no/such/folder/times.json"],
    ],
)
def test_what_cannot_be_used_exits_with_2_and_one_line(options, capsys):
    assert main(["benchmark", *options]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize(("threads", "said"), [(1, " 1 thread"), (2, " 2 threads")])
def test_the_library_that_multiplies_matrices_is_told_with_its_threads(threads, said):
    names = {one["internal_api"] for one in threadpool_info() if one["user_api"] == "blas"}
    with threadpool_limits(threads, user_api="blas"):
        (name,) = names.intersection(result.found().versions)
        assert result.found().versions[name].endswith(said)


def test_versions_are_those_that_are_installed():
    assert result.found().versions["numpy"] == np.__version__
