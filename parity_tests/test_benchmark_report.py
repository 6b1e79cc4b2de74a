"""What is told of what was measured: for machines, for a terminal, as a picture and a page."""

import json
import re
from importlib.resources import files

import jsonschema
import numpy as np
import pytest
from rich.console import Console
from threadpoolctl import threadpool_info, threadpool_limits

from parity_tests.benchmarks import plot, result, table
from parity_tests.benchmarks.checks import Check
from parity_tests.benchmarks.contenders import UNIT
from parity_tests.benchmarks.imports import Import
from parity_tests.benchmarks.long_checks import LongCheck
from parity_tests.benchmarks.memory import Memory
from parity_tests.benchmarks.result import Benchmark
from parity_tests.benchmarks.timing import Call, Time

LENGTHS = (256, 1024, 4096)


MEASURED = Benchmark(
    times=tuple(
        Time(name, T, 1, both, seconds, 0.75 * seconds, 1.5 * seconds, factor ** (1 + both), 0.25)
        for name, factor, power in ((UNIT.name, 1.0, 2.0), ("blockwise", 1.5, 2.0), ("PyTorch", 2.0, 1.5))
        for T in LENGTHS
        for both in (False, True)
        for seconds in [factor * T**power * (3 if both else 1)]
    ),
    calls=(Call(UNIT.name, 4e-6), Call("readable", 25.4e-6)),
    memory=tuple(
        Memory(name, T, both, size * T**power * (2 if both else 1))
        for name, size, power in ((UNIT.name, 8, 2), ("blockwise", 64, 1))
        for T in LENGTHS
        for both in (False, True)
    ),
    imports=(Import("import numpy", 0.125),),
    checks=(Check("abacus:Attention", 400, 8.0, layer=4.0, truth=2.0, drawing=1.0),),
    long_checks=(LongCheck("abacus:Attention", 20.0, peak=1_200_000_000, mapped=400_000_000),),
    versions={"numpy": "2.0"},
    settings={"MALLOC_ARENA_MAX": "7"},
    processor="abacus",
    cores=2,
    exponential=9.46e-9,
    left_out={"ONNX evaluator": "it is not installed"},
)


FEWER = MEASURED._replace(  # heads beyond 1,024 positions
    times=tuple(one._replace(heads=4, seconds=4 * one.seconds) if one.T <= 1024 else one for one in MEASURED.times)
)


def test_growth_is_the_power_of_the_length():
    assert MEASURED.growth("times", "PyTorch", True) == pytest.approx(1.5)
    assert MEASURED.growth("memory", "blockwise", False) == pytest.approx(1)
    assert MEASURED.growth("memory", "PyTorch", False) is None


def test_growth_is_that_of_a_head_where_long_sequences_have_fewer():
    assert FEWER.growth("times", "PyTorch", True) == pytest.approx(1.5)


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
    first, _, _, _, memory_of_both, *_ = table.tables(MEASURED)
    assert first.columns == ["256", "1,024", "4,096", "grows as"]
    assert [row[0] for row in first.rows] == [UNIT.name, "blockwise", "PyTorch"]
    assert first.rows[1][1:] == ("1.50", "1.50", "1.50", "T^2.0")
    assert memory_of_both.rows[0][1:] == ("1", "17", "268", "T^2.0")


def test_a_table_of_one_length_tells_no_growth():
    one_length = MEASURED._replace(times=tuple(one for one in MEASURED.times if one.T == 256))
    assert table.tables(one_length)[0].columns == ["256"]
    assert table.tables(one_length)[0].rows[1] == ("blockwise", "1.50")


def test_of_a_pass_that_was_not_measured_there_is_no_table_and_an_empty_panel():
    forward = MEASURED._replace(times=[one for one in MEASURED.times if not one.both], memory=())
    assert [one.title.partition(",")[0] for one in table.tables(forward, ["times"])] == ["Time"]
    assert plot.png(forward).startswith(b"\x89PNG")


def test_a_time_whose_runs_lie_far_apart_is_marked():
    def cells(slowest):
        times = [one._replace(slowest=slowest * one.fastest) for one in MEASURED.times]
        return [cell for row in table.tables(MEASURED._replace(times=times))[0].rows for cell in row[1:-1]]

    assert all(cell.endswith("~") for cell in cells(slowest=2.01))
    assert not any("~" in cell for cell in cells(slowest=2))


def test_a_ratio_to_products_whose_runs_lie_far_apart_is_marked():
    times = [one._replace(others=0.75) if (one.contender, one.T) == (UNIT.name, 256) else one for one in MEASURED.times]
    for of_pass in table.tables(MEASURED._replace(times=times))[:2]:
        assert [[cell.endswith("~") for cell in row[1:-1]] for row in of_pass.rows] == [[True, False, False]] * 3


def test_times_have_units_and_ratios_none():
    times = [one._replace(seconds=seconds) for one, seconds in zip(MEASURED.times[::2], (2.5, 0.0125, 7.5e-5))]
    assert table.tables(MEASURED._replace(times=times))[0].rows[0][1:4] == ("2.5 s", "12.5 ms", "75 µs")
    alone = [one._replace(ratio=None) for one in MEASURED.times if one.contender == "PyTorch"]
    assert table.tables(MEASURED._replace(times=alone))[0].rows[0][1] == "8.19e+03 s"


def test_a_table_tells_what_a_small_call_takes():
    assert table.tables(MEASURED)[2].rows == [(UNIT.name, "4"), ("readable", "25")]


def test_a_table_tells_where_the_time_of_a_check_goes():
    *_, of_imports, of_checks, _ = table.tables(MEASURED)
    assert of_imports.rows == [("import numpy", "0.12")]
    assert of_checks.rows == [("abacus:Attention", "8.0", "50", "50%", "25%", "12%", "12%")]


def test_a_table_tells_the_memory_of_long_checks():
    assert table.tables(MEASURED)[-1].rows == [("abacus:Attention", "20.0", "800", "1,200")]


def test_it_is_told_how_far_apart_runs_are(capsys):
    assert MEASURED.spread() == pytest.approx((0.75, 0.75))
    said = "the runs of one contender at one length lie 75% of their median apart, at most 75%."
    busy = "or something else had half a processor. It had 0.25 on average."
    table.show(MEASURED, "times", Console(width=200))
    printed = capsys.readouterr().out
    for text in (said, busy):
        assert text in " ".join(printed.split())
        assert text in plot.page(MEASURED)
    untold = MEASURED._replace(times=tuple(one._replace(others=None) for one in MEASURED.times))
    assert "processor" not in table.spread_in_words(untold)
    table.show(MEASURED, "memory", Console(width=200))
    assert said not in capsys.readouterr().out
    assert said not in plot.page(MEASURED._replace(times=()))


def test_the_picture_shows_seconds_multiples_of_the_products_and_megabytes_forward_and_with_backward():
    panels = [
        {line.get_label(): dict(zip(*line.get_data())) for line in axes.get_lines()}
        for axes in plot.drawn(MEASURED).axes
    ]
    at_the_longest = [panel["blockwise"][4096] for panel in panels]
    million = 2**20 * 16
    seconds, memory = 1.5 * million, 64 * 4096 / 1e6
    assert at_the_longest == pytest.approx([seconds, 3 * seconds, 1.5, 2.25, memory, 2 * memory])
    assert [[*panel["PyTorch"]] for panel in panels] == [[*LENGTHS]] * 4 + [[]] * 2
    assert panels[2][UNIT.name] == dict.fromkeys(LENGTHS, 1)


def test_the_picture_is_logarithmic_in_lengths_and_costs():
    for axes in plot.drawn(MEASURED).axes:
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


def test_the_picture_shows_the_cost_of_a_head():
    left, *_ = plot.drawn(FEWER).axes
    lengths, seconds = left.get_lines()[0].get_data()
    assert list(seconds) == pytest.approx([T**2 for T in lengths])


def test_a_picture_of_times_alone_has_no_panel_of_memory():
    assert len(plot.drawn(MEASURED._replace(memory=())).axes) == 4
    assert len(plot.drawn(MEASURED._replace(times=())).axes) == 2


def test_a_picture_without_the_products_has_the_others():
    without = [[one for one in part if one.contender != UNIT.name] for part in (MEASURED.times, MEASURED.memory)]
    assert len(plot.drawn(MEASURED._replace(times=without[0], memory=without[1])).axes) == 6


def test_the_page_needs_nothing_from_the_network():
    page = plot.page(MEASURED)
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert plot.png(MEASURED).startswith(b"\x89PNG")
    assert "abacus" in page
    assert "MALLOC_ARENA_MAX" in page
    assert "ONNX evaluator is left out: it is not installed" in page
    assert "<img" not in plot.page(MEASURED._replace(times=(), memory=()))
    assert page.count("<td") == page.count('data-label="') > page.count('data-label=":"')
    assert page.count("<tr>") == len(table.tables(MEASURED)) + sum(len(one.rows) for one in table.tables(MEASURED))


@pytest.mark.parametrize(("threads", "said"), [(1, " 1 thread"), (2, " 2 threads")])
def test_the_library_that_multiplies_matrices_is_told_with_its_threads(threads, said):
    names = {one["internal_api"] for one in threadpool_info() if one["user_api"] == "blas"}
    with threadpool_limits(threads, user_api="blas"):
        (name,) = names.intersection(result.of_this_machine().versions)
        assert result.of_this_machine().versions[name].endswith(said)


def test_settings_of_memory_are_told(monkeypatch, capsys):
    monkeypatch.setenv("MALLOC_MMAP_MAX_", "0")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("OTHERWISE", "1")
    found = result.of_this_machine()._replace(processor="abacus")
    assert found.settings.items() >= {"MALLOC_MMAP_MAX_": "0", "OMP_NUM_THREADS": "3"}.items()
    assert "OTHERWISE" not in found.settings
    table.show_machine(found, Console())
    assert re.search("^with .*MALLOC_MMAP_MAX_=0", capsys.readouterr().out, re.MULTILINE)
    table.show_machine(found._replace(settings={}), Console())
    assert not re.search("^with ", capsys.readouterr().out, re.MULTILINE)


def test_it_is_told_how_long_an_exponential_takes(capsys):
    table.show_machine(MEASURED, Console(width=100))
    assert "abacus, 2 cores, 9.5 ns for an exponential of NumPy; numpy 2.0" in capsys.readouterr().out


def test_versions_are_those_that_are_installed():
    assert result.of_this_machine().versions["numpy"] == np.__version__


def test_no_name_and_no_number_is_cut_where_there_is_little_room(capsys):
    checks = [MEASURED.checks[0]._replace(target=f"keras.layers.Attention.{name}") for name in ("dot", "concat")]
    found = MEASURED._replace(checks=checks)
    table.show(found, "checks", Console(width=40))
    narrow = capsys.readouterr().out
    table.show(found, "checks", Console(width=200))
    assert narrow.split() == capsys.readouterr().out.split()
