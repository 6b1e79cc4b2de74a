"""What is told of what was measured: for machines, for a terminal, as a picture and a page."""

import json
import re
from importlib.resources import files

import jsonschema
import numpy as np
import pytest
from rich.console import Console
from threadpoolctl import threadpool_info, threadpool_limits

from parity_tests.__main__ import main
from parity_tests.benchmarks import plot, result, table, timing
from parity_tests.benchmarks.check import Check
from parity_tests.benchmarks.contenders import OURS, UNIT
from parity_tests.benchmarks.imports import Import
from parity_tests.benchmarks.long import LongCheck
from parity_tests.benchmarks.memory import Memory
from parity_tests.benchmarks.result import Benchmark
from parity_tests.benchmarks.timing import Call, Time

LENGTHS = (256, 1024, 4096)
MEASURED = Benchmark(
    times=tuple(
        Time(name, T, 1, both, factor * T**power, 0.75 * factor * T**power, 1.5 * factor * T**power, factor)
        for name, factor, power in ((UNIT.name, 1.0, 2.0), ("blockwise", 1.5, 2.0), ("torch", 2.0, 1.5))
        for T in LENGTHS
        for both in (False, True)
    ),
    calls=(Call(UNIT.name, 4e-6), Call("readable", 25.4e-6)),
    memory=tuple(
        Memory(name, T, both, size * T**power)
        for name, size, power in ((UNIT.name, 8, 2), ("blockwise", 64, 1))
        for T in LENGTHS
        for both in (False, True)
    ),
    imports=(Import("numpy", 0.125),),
    checks=(Check("abacus:Attention", 400, 8.0, layer=4.0, truth=2.0, drawing=1.0),),
    long_checks=(LongCheck("abacus:Attention", 20.0, peak=1_200_000_000, mapped=400_000_000),),
    versions={"numpy": "2.0"},
    settings={"MALLOC_ARENA_MAX": "7"},
    processor="abacus",
    cores=2,
)


FEWER = MEASURED._replace(  # heads beyond 1,024 positions
    times=tuple(one._replace(heads=4, seconds=4 * one.seconds) if one.T <= 1024 else one for one in MEASURED.times)
)


def test_growth_is_the_power_of_the_length():
    assert MEASURED.growth("times", "torch", True) == pytest.approx(1.5)
    assert MEASURED.growth("memory", "blockwise", False) == pytest.approx(1)
    assert MEASURED.growth("memory", "torch", False) is None


def test_growth_is_that_of_a_head_where_long_sequences_have_fewer():
    assert FEWER.growth("times", "torch", True) == pytest.approx(1.5)


def test_a_table_tells_up_to_which_length_there_were_how_many_heads():
    assert table.tables(FEWER)[0].title.endswith("heads: 4 up to 1,024 positions, 1 beyond")
    assert table.tables(MEASURED)[0].title.endswith("heads: 1")


@pytest.fixture
def schema():
    return json.loads(files("parity_tests").joinpath("benchmark.schema.json").read_text(encoding="utf-8"))


def test_the_report_is_in_its_schema(schema):
    document = json.loads(MEASURED.to_json())
    jsonschema.validate(document, schema)
    assert document["times"][0]["contender"] == UNIT.name


def test_a_table_has_a_row_a_contender_and_a_column_a_length():
    first, _, _, _, last, *_ = table.tables(MEASURED)
    assert first.columns == ["256", "1,024", "4,096", "grows as"]
    assert [row[0] for row in first.rows] == [UNIT.name, "blockwise", "torch"]
    assert first.rows[1][1:] == ("1.50", "1.50", "1.50", "T^2.0")
    assert last.rows[0][1:] == ("1", "8", "134", "T^2.0")


def test_a_table_tells_what_a_small_call_takes():
    assert table.tables(MEASURED)[2].rows == [(UNIT.name, "4"), ("readable", "25")]


def test_a_table_tells_where_the_time_of_a_check_goes():
    *_, of_imports, of_checks, _ = table.tables(MEASURED)
    assert of_imports.rows == [("numpy", "0.12")]
    assert of_checks.rows == [("abacus:Attention", "8.0", "50", "50%", "25%", "12%", "12%")]


def test_a_table_tells_the_memory_of_long_checks():
    assert table.tables(MEASURED)[-1].rows == [("abacus:Attention", "20.0", "800", "1,200")]


def test_it_is_told_how_far_apart_runs_are(capsys):
    assert MEASURED.spread() == pytest.approx((0.75, 0.75))
    said = "the runs of one contender at one length lie 75% of their median apart, at most 75%."
    table.show(MEASURED, Console(width=200))
    assert said in capsys.readouterr().out
    assert said in plot.page(MEASURED)
    table.show(MEASURED._replace(times=()), Console(width=200))
    assert said not in capsys.readouterr().out
    assert said not in plot.page(MEASURED._replace(times=()))


def test_the_page_needs_nothing_from_the_network():
    page = plot.page(MEASURED)
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert plot.png(MEASURED).startswith(b"\x89PNG")
    assert "abacus" in page
    assert "MALLOC_ARENA_MAX" in page
    assert "<img" not in plot.page(MEASURED._replace(times=()))
    assert page.count("<tr>") == len(table.tables(MEASURED)) + sum(len(one.rows) for one in table.tables(MEASURED))


def test_the_command_prints_and_writes_what_it_measured(tmp_path, capsys, monkeypatch, schema):
    monkeypatch.setattr(timing, "ENOUGH", 0.0)
    monkeypatch.setattr(timing, "WARM", 0.0)
    monkeypatch.setattr(timing, "rest", lambda: None)
    paths = {name: tmp_path / f"times.{name}" for name in ("json", "png", "html")}
    options = [text for name, path in paths.items() for text in (f"--{name}", str(path))]
    assert main(["benchmark", "--parts", "times,calls,memory", "--peers", "", "--longest", "16", *options]) == 0
    assert "Time, forward and backward, by six matrix products" in capsys.readouterr().out
    written = json.loads(paths["json"].read_text())
    jsonschema.validate(written, schema)
    for part in ("times", "calls"):
        assert {one["contender"] for one in written[part]} == {one.name for one in OURS}
    assert paths["png"].read_bytes().startswith(b"\x89PNG")
    assert paths["html"].read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    "options",
    [
        ["--peers", "abacus"],
        ["--parts", "abacus"],
        ["--parts", "memory", "--png", "times.png"],
        ["--longest", "1"],
        ["--longest", "512", "--parts", "memory"],
        ["--gigabytes", "nan"],
        ["--json", "/no/such/folder/times.json"],
    ],
)
def test_what_cannot_be_used_exits_with_2_and_one_line(options, capfd):
    assert main(["benchmark", *options]) == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize(("threads", "said"), [(1, " 1 thread"), (2, " 2 threads")])
def test_the_library_that_multiplies_matrices_is_told_with_its_threads(threads, said):
    names = {one["internal_api"] for one in threadpool_info() if one["user_api"] == "blas"}
    with threadpool_limits(threads, user_api="blas"):
        (name,) = names.intersection(result.found().versions)
        assert result.found().versions[name].endswith(said)


def test_settings_of_memory_are_told(monkeypatch, capsys):
    monkeypatch.setenv("MALLOC_MMAP_MAX_", "0")
    monkeypatch.setenv("OTHERWISE", "1")
    found = result.found()._replace(processor="abacus")
    assert found.settings.items() >= {"MALLOC_MMAP_MAX_": "0"}.items()
    assert "OTHERWISE" not in found.settings
    table.show(found, Console())
    assert re.search("^with .*MALLOC_MMAP_MAX_=0", capsys.readouterr().out, re.MULTILINE)
    table.show(found._replace(settings={}), Console())
    assert not re.search("^with ", capsys.readouterr().out, re.MULTILINE)


def test_versions_are_those_that_are_installed():
    assert result.found().versions["numpy"] == np.__version__
