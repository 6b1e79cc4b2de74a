"""A soak: very many examples in shards, each of which depends on the seed, the target and its number alone."""

import gc
import hashlib
import logging
import os
import time
import warnings
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from keras_impl.backend import quiet_start

SHARD = 1000  # examples; few enough to lose little when a worker dies
DRIVEN = 4  # of so many shards, one looks for larger ratios near the largest


class Soak(NamedTuple):
    """What a soak is of; shards of different soaks do not add up."""

    seed: int
    shard: int
    versions: dict[str, str]

    @classmethod
    def here(cls, seed, shard=SHARD):
        """A soak by what is installed on this machine."""
        return cls(seed, shard, versions())

    def shards(self, targets, examples):
        """The shards of so many examples of each target, in turn."""
        sizes = [self.shard] * (examples // self.shard) + [examples % self.shard] * (examples % self.shard > 0)
        return [Shard(target, number, size) for number, size in enumerate(sizes) for target in targets]


class Shard(NamedTuple):
    """A part of a soak: so many examples of a target, beside the corners, which the first shows."""

    target: str
    number: int
    examples: int

    def seed(self, seed):
        """What its examples are drawn from."""
        return int.from_bytes(hashlib.sha256(f"{seed} {self.number} {self.target}".encode()).digest()[:8], "big")


def versions():
    """What decides on the results, beside the machine."""
    with quiet_start():
        import hypothesis
        import keras
        import numpy as np

        from parity_tests.backend import name_and_version
    try:
        ours = version("attention-reference")
    except PackageNotFoundError:
        ours = "not installed"
    return {
        "attention-reference": ours,
        "hypothesis": hypothesis.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
        **dict([name_and_version()]),
    }


def run(shard, soak, database=None):
    """Show the examples of a shard to its layer; return what is kept of it, as JSON has it.

    Raises
    ------
    ValueError
        In one line, if other versions are installed here, or the target or the database cannot be used.
    """
    if (received := versions()) != soak.versions:
        raise ValueError(f"worker: expected {soak.versions}, received {received}")
    import keras

    from parity_tests import subjects
    from parity_tests.database import opened
    from parity_tests.smallest import shrink
    from parity_tests.soak.found import of_tally
    from parity_tests.tally import gather

    start = time.perf_counter()
    subject, seed = subjects.find(shard.target), shard.seed(soak.seed)
    with silence():
        first, driven = shard.number == 0, shard.number % DRIVEN == 1
        tallies = gather(subject, shard.examples, seed, corners=first, drive=driven)
        shrink(subject, tallies.values(), seed, database and opened(database))
    found = {name: of_tally(tally, subject).to_json() for name, tally in tallies.items()}
    keras.backend.clear_session()  # what Keras keeps of each layer would fill the memory in a day
    gc.collect()
    return {**shard._asdict(), "seconds": round(time.perf_counter() - start, 3), "properties": found}


@contextmanager
def silence():
    """Without what would be said thousands of times."""
    from hypothesis.errors import HypothesisDeprecationWarning

    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)  # that a new layer means a new graph
    with warnings.catch_warnings():
        # Hypothesis takes the random numbers that Dask draws in a thread of its own for ours.
        warnings.simplefilter("ignore", HypothesisDeprecationWarning)
        yield
    logger.setLevel(level)
