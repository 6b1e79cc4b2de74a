"""How much memory the check of a layer with ``--long`` takes: the peak of a process of its own."""

import subprocess
from typing import NamedTuple

from parity_tests.benchmarks import processes

KERAS = ("-c", "import keras; keras.ops.zeros(1)")


class LongCheck(NamedTuple):
    """What the check of one layer took, with all its long examples; or Keras alone, as ``import keras``."""

    target: str
    seconds: float
    peak: int  # bytes, of all that was resident
    mapped: int  # of those, the files of libraries, which processes share and the system drops when it needs room

    @property
    def own(self):
        """Bytes that the process had for itself at its peak, or a little less, as files may have been mapped later."""
        return self.peak - self.mapped


def measure(targets, on_step, on_failure):
    """Keras alone, and the check of each layer but those whose process fails, as it does where memory is wanting."""
    on_step("import keras")
    yield LongCheck("import keras", *processes.watch(*KERAS))
    for target in targets:
        on_step(f"long check of {target}")
        try:
            yield LongCheck(target, *of_check(target))
        except subprocess.CalledProcessError as error:
            on_failure(f"the check of {target}", processes.reason(error))


def of_check(target):
    """What the long check of a layer takes, which may find that it disagrees."""
    return processes.watch("-m", "parity_tests", "check", "--long", target, may_end_with=(0, 1))
