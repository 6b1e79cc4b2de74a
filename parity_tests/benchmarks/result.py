"""What a benchmark found: times and memory, how both grow with the length, what imports and checks take; as JSON."""

import json
import os
import platform
import statistics
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

import keras
import numpy as np
from threadpoolctl import threadpool_info

from parity_tests.benchmarks.checks import Check
from parity_tests.benchmarks.contenders import CORES
from parity_tests.benchmarks.imports import Import
from parity_tests.benchmarks.inputs import DEPTH
from parity_tests.benchmarks.long_checks import LongCheck
from parity_tests.benchmarks.memory import Memory
from parity_tests.benchmarks.timing import Call, Time, exponential

SCHEMA = 7
PARTS = ("times", "calls", "memory", "imports", "checks", "long_checks")
# How the names of variables begin that say where memory comes from, and whether what is free goes back; and end, that
# say how many threads there are.
ALLOCATOR = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD", "NUMPY_MADVISE_HUGEPAGE")
THREADS = "_NUM_THREADS"
LONG = 1024  # from here on what is fixed no longer counts, and growth is judged


class Benchmark(NamedTuple):
    """On what it was measured, and what was, part by part."""

    versions: dict[str, str]
    settings: dict[str, str]  # of the environment, that say where memory comes from and how many threads there are
    processor: str
    cores: int
    exponential: float  # seconds, see `timing.exponential`
    left_out: dict[str, str]  # what was not measured though it was asked for, and why
    times: tuple[Time, ...] = ()
    calls: tuple[Call, ...] = ()
    memory: tuple[Memory, ...] = ()
    imports: tuple[Import, ...] = ()
    checks: tuple[Check, ...] = ()
    long_checks: tuple[LongCheck, ...] = ()

    @property
    def machine(self):
        """In words: what an exponential takes explains most of what times on different machines differ by."""
        return f"{self.processor}, {self.cores} cores, {self.exponential * 1e9:.1f} ns for an exponential of NumPy"

    @property
    def measured(self):
        """The parts of which something was measured."""
        return [part for part in PARTS if getattr(self, part)]

    def with_one_more(self, part, one):
        """The same, and this of that part."""
        return self._replace(**{part: (*getattr(self, part), one)})

    def costs(self, of, contender, both):
        """The lengths at which a contender was measured, with the ``times`` or the ``memory`` that a head took."""
        cost = {"times": lambda one: one.seconds / one.heads, "memory": lambda one: one.bytes}[of]
        return [(one.T, cost(one)) for one in getattr(self, of) if one.contender == contender and one.both == both]

    def growth(self, of, contender, both):
        """The power of the length by which ``costs`` grow from 1,024 positions on; None of one number."""
        points = [(T, cost) for T, cost in self.costs(of, contender, both) if T >= LONG and cost > 0]
        if len(points) < 2:
            return None
        lengths, numbers = np.log(np.array(points, dtype=float)).T
        return float(np.polyfit(lengths, numbers, 1)[0])

    def spread(self):
        """The longest run less the shortest, as a share of their median: the median of all times, and the largest."""
        apart = [(one.slowest - one.fastest) / one.seconds for one in self.times]
        return statistics.median(apart), max(apart)

    def to_json(self):
        """As text in the schema of ``benchmark.schema.json``."""
        document = {
            "schema": SCHEMA,
            "processor": self.processor,
            "cores": self.cores,
            "exponential": self.exponential,
            "versions": self.versions,
            "settings": self.settings,
            "depth": DEPTH,
            "left_out": self.left_out,
            **{part: [one._asdict() for one in getattr(self, part)] for part in PARTS},
        }
        return json.dumps(document, indent=2, allow_nan=False)


def of_this_machine():
    """A `Benchmark` of which nothing is measured yet."""
    names = ("numpy", "onnx", "torch", "jax", "keras", "tensorflow")
    versions = {name: _version(name) for name in names}
    there = {name: one for name, one in versions.items() if one}
    there |= {"keras": f"{there['keras']} on {keras.backend.backend()}"} if "keras" in there else {}
    there |= _blas()
    telling = [name for name in sorted(os.environ) if name.startswith(ALLOCATOR) or name.endswith(THREADS)]
    settings = {name: os.environ[name] for name in telling}
    return Benchmark(there, settings, _processor(), CORES, exponential(), left_out={})


def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _blas():
    """The library that multiplies NumPy's matrices, and how many threads it takes unless it is told otherwise."""
    every = [one for one in threadpool_info() if one["user_api"] == "blas"]
    every.sort(key=lambda one: "numpy" not in one["filepath"])  # another package may have brought another
    if not every:
        return {}
    threads, kernels = every[0]["num_threads"], every[0].get("architecture")
    said = (every[0]["version"], kernels and f"for {kernels}", f"{threads} thread{'' if threads == 1 else 's'}")
    return {every[0]["internal_api"]: " ".join(filter(None, said))}


def _processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
