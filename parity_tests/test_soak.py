"""A soak finds the same wherever it is run, goes on where it stopped, and tells what it found."""

import json
import os
import re
import signal
from contextlib import contextmanager

import numpy as np
import pytest

from parity_tests.__main__ import main
from parity_tests.histogram import EDGES, histogram
from parity_tests.soak import cluster, command
from parity_tests.soak import shards as soak
from parity_tests.soak.folder import SoakFolder
from parity_tests.soak.found import median

TARGET = "keras_impl:AttentionLayer"
FAULTY = "parity_tests.mutants:KeyGradientHalved"


@pytest.fixture(scope="module")
def client():
    with cluster.connected(workers=2) as client:
        yield client


@pytest.fixture(scope="module")
def small():
    return soak.Soak.here(seed=3, shard=8)


@pytest.fixture(scope="module")
def shards(small):
    return small.shards([TARGET], 40)[1:]  # the first has the corners, which take long


@pytest.fixture(scope="module")
def undisturbed(small, shards):
    return counts(soak.run(shard, small) for shard in shards)


def counts(results):
    """All of the results but how long they took."""
    return {result["number"]: {**result, "seconds": None} for result in results}


def test_a_shard_finds_the_same_in_any_process_and_order(client, small, shards, undisturbed):
    assert counts(cluster.run(client, shards[::-1], small)) == undisturbed
    assert {result["examples"] for result in undisturbed.values()} == {8}
    assert len({json.dumps(result["properties"]) for result in undisturbed.values()}) == len(shards)


def test_a_killed_worker_loses_nothing(client, small, shards, undisturbed):
    processes = client.run(os.getpid)
    results, killed = [], None
    for result in cluster.run(client, shards, small):
        results.append(result)
        if killed is None:
            busy = [worker for worker, tasks in client.processing().items() if tasks]
            killed = processes[busy[0]]
            os.kill(killed, signal.SIGKILL)
    client.wait_for_workers(2)
    assert killed not in client.run(os.getpid).values()
    assert counts(results) == undisturbed


def finish(folder, shards, this, client, on_shard=None):
    """Run what is left, and return which shards that was."""
    run = []

    class Console:
        is_terminal = True

    class Options:
        scheduler = client.scheduler.address
        workers = None

    @contextmanager
    def bar(console, total):
        def count(name, examples):
            if name:
                run.append(examples)
                if on_shard is not None:
                    on_shard()

        yield count

    command.finish(folder, shards, this, Options, None, Console, bar)
    return run


def test_what_was_interrupted_goes_on_and_runs_nothing_twice(client, small, shards, undisturbed, tmp_path):
    def interrupt():
        raise KeyboardInterrupt

    folder = SoakFolder(tmp_path, small)
    with pytest.raises(KeyboardInterrupt):
        finish(folder, shards, small, client, interrupt)
    assert sum(folder.done(shard) for shard in shards) == 1
    again = SoakFolder(tmp_path, small)
    assert len(finish(again, shards, small, client)) == len(shards) - 1
    assert counts(again.results(TARGET)) == undisturbed
    assert finish(again, shards, small, client) == []


def test_more_examples_add_to_those_that_are_there(small, undisturbed, tmp_path):
    folder = SoakFolder(tmp_path, small)
    for result in undisturbed.values():
        folder.keep(result)
    folder.keep({**undisturbed[1], "number": 0})
    assert [shard.number for shard in small.shards([TARGET], 50) if not folder.done(shard)] == [5, 6]
    folder.keep({**undisturbed[1], "number": 5, "examples": 2})
    assert [shard.number for shard in small.shards([TARGET], 42) if not folder.done(shard)] == []
    assert [shard.number for shard in small.shards([TARGET], 43) if not folder.done(shard)] == [5]


def test_all_examples_are_in_the_shards_and_each_shard_has_its_own_seed(small):
    shards = small.shards(["one", "other"], 50)
    assert [shard.examples for shard in shards if shard.target == "one"] == [8] * 6 + [2]
    assert len({shard.seed(0) for shard in shards} | {shards[0].seed(1)}) == len(shards) + 1


def test_what_shards_found_adds_up(small, undisturbed, tmp_path):
    folder = SoakFolder(tmp_path, small)
    for result in undisturbed.values():
        folder.keep(result)
    found = folder.found(TARGET)
    for name, one in found.items():
        assert one.examples == sum(result["properties"].get(name, {"examples": 0})["examples"] for result in
                                   undisturbed.values())  # fmt: skip
        inside = sum(sum(of_dtype.counts) + of_dtype.exact for of_dtype in one.histograms.values())
        assert inside + one.excused.total() == one.examples
    assert found["output_alone"].examples + found["output"].examples == 32
    assert 0 < found["weights"].worst <= 1


@pytest.mark.parametrize("count", [1, 2, 101])
def test_a_median_is_in_the_bin_of_the_median(count):
    values = np.random.default_rng(count).lognormal(-4, 2, size=count)
    expected = np.quantile(values, 0.5, method="inverted_cdf")
    found = median(histogram({"float32": [0.0, *values]})["float32"])
    assert np.digitize(found, EDGES, right=True) == np.digitize(expected, EDGES, right=True)
    assert found <= values.max()


def test_nothing_but_exact_results_has_no_median():
    assert median(histogram({"float32": [0.0]})["float32"]) is None


def test_a_soak_of_a_sound_layer_exits_with_0_and_tells(client, tmp_path, capsys):
    command = ["soak", TARGET, "--examples", "20", "--folder", str(tmp_path), "--scheduler", client.scheduler.address]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "None of 20 examples disagrees. The largest error / bound is 0." in printed
    assert re.search(r"weights +\d+ +0\.\d{3} +0\.\d{3}", printed)
    assert main([*command[:-2], "--scheduler", "127.0.0.1:1"]) == 0, "nothing is left to run"
    assert main([*command, "--seed", "1"]) == 2
    assert re.fullmatch(r"parity_tests: folder: expected a soak of seed 1, received one of seed 0 in .*\n",
                        capsys.readouterr().err)  # fmt: skip


def test_the_page_needs_nothing_from_the_network(client, tmp_path, capsys):
    page = tmp_path / "page.html"
    command = ["soak", FAULTY, "--examples", "8", "--folder", str(tmp_path / "soak"), "--html", str(page)]
    assert main([*command, "--scheduler", client.scheduler.address]) == 1
    printed = capsys.readouterr().out
    assert "some disagree" in printed
    text = page.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert not re.search(r'(src|href)="(?!#)|url\(|@import|<link|<script', text)
    for shown in ("parity_tests.mutants:KeyGradientHalved", "d_key disagrees with the reference", "<svg"):
        assert shown in text
    assert "raise SystemExit(replay(" in printed
    assert os.listdir(tmp_path / "soak" / "examples"), "the example is kept for later checks"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["no.such.module:Layer"], "target: expected a class to import, received 'no.such.module:Layer'"),
        (["--scheduler", "127.0.0.1:1"], "scheduler: expected one that answers, received '127.0.0.1:1'"),
        (["--database", "redis://127.0.0.1:1"], "database: expected a Redis server that answers, received"),
        (["--html", "/no/such/folder/soak.html"], "html: expected a file in a folder that exists, received"),
    ],
)
def test_what_cannot_be_used_exits_with_2_and_one_line(options, message, tmp_path, capsys):
    assert main(["soak", "--folder", str(tmp_path / "soak"), *options]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"parity_tests: {message}")
    assert printed.count("\n") == 1


def test_a_folder_with_something_else_in_it_is_refused(small, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(ValueError, match="folder: expected a soak or an empty folder, received"):
        SoakFolder(tmp_path, small)


def test_a_folder_with_nothing_but_examples_is_one_of_a_soak(small, tmp_path):
    (tmp_path / "examples").mkdir()
    assert SoakFolder(tmp_path, small).results(TARGET) == []


def test_a_worker_with_other_versions_is_refused(small, shards):
    other = small._replace(versions={**small.versions, "keras": "1.0"})
    with pytest.raises(ValueError, match=r"worker: expected .*'keras': '1\.0'"):
        soak.run(shards[0], other)
