"""An example that disagreed once is kept, in a folder or on a server, and tried again."""

import os
import socket
import threading
from contextlib import contextmanager

import pytest
from fakeredis import TcpFakeServer
from keras import ops

import keras_impl
import parity_tests
from parity_tests import database
from parity_tests.__main__ import main
from parity_tests.database import opened
from parity_tests.soak import shards as soak

FAULTY = "parity_tests.mutants:KeyGradientHalved"


@contextmanager
def server():
    """A Redis server that answers at an address."""
    with TcpFakeServer(("127.0.0.1", 0), server_type="redis") as redis:
        thread = threading.Thread(target=redis.serve_forever, daemon=True)
        thread.start()
        yield f"redis://127.0.0.1:{redis.server_address[1]}/0"
        redis.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path / "examples")


@pytest.fixture(params=["folder", "server"])
def place(request, folder):
    if request.param == "folder":
        yield folder
    else:
        with server() as address:
            yield address


def examples_of_d_key(place=None):
    report = parity_tests.check(FAULTY, examples=1, corners=False, database=place and opened(place))
    return next(one.examples for one in report.subjects[0].properties if one.name == "d_key")


@pytest.fixture(scope="module")
def alone():
    return examples_of_d_key()


def test_a_check_meets_what_a_soak_found(place, alone):
    of = soak.Soak.here(seed=0, shard=8)
    soak.run(soak.Shard(FAULTY, 2, 8), of, place)
    assert examples_of_d_key(place) == alone + 1


@ops.custom_gradient
def without_gradient(x):
    def grad(*arguments, upstream=None):
        raise RuntimeError("no such kernel")

    return x, grad


class NoGradientInFloat64(keras_impl.AttentionLayer):
    """Raises in the trial of the gradients alone."""

    def compute_scores(self, query, key):
        scores = super().compute_scores(query, key)
        seldom = self.compute_dtype == "float64" and key.shape[1] is not None and key.shape[1] < 7
        return without_gradient(scores) if seldom else scores


def test_an_example_whose_trial_raised_is_tried_again(folder):
    def raised(examples, database=None):
        report = parity_tests.check(
            NoGradientInFloat64, kind="attention", examples=examples, corners=False, database=database
        )
        wrong = [one for one in report.subjects[0].properties if one.verdict == "error"]
        return ["no such kernel" in one.counterexample.outcome.message for one in wrong]

    assert any(raised(40, opened(folder)))
    assert not raised(1)
    assert any(raised(1, opened(folder)))


def test_the_command_takes_a_database(folder, capsys):
    assert main(["check", FAULTY, "--examples", "1", "--no-corners", "--database", folder]) == 1
    assert os.listdir(folder)


def test_a_server_that_does_not_answer_is_given_up(monkeypatch):
    monkeypatch.setattr(database, "SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ValueError, match=r"^database: expected a Redis server that answers, received"):
            opened(address)


def test_a_place_that_cannot_be_used_is_refused_in_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for place in (str(tmp_path / "file"), "redis://127.0.0.1:1", "redis://no port"):
        assert main(["check", FAULTY, "--examples", "1", "--database", place]) == 2
        printed = capsys.readouterr().err
        assert printed.startswith("parity_tests: database: expected a ")
        assert printed.count("\n") == 1


def test_what_no_example_shows_but_that_of_a_corner_is_tried_again(folder, only_corners):
    """A sequence of more than 256 keys is drawn for a corner alone."""
    only_corners(lambda choices: choices.get("S") == 257)

    def examples_of_d_query():
        report = parity_tests.check("parity_tests.mutants:KeysPast256Ignored", examples=1, database=opened(folder))
        return next(one.examples for one in report.subjects[0].properties if one.name == "d_query")

    first = examples_of_d_query()
    assert examples_of_d_query() == first + 1
