"""How much memory the check of a layer with ``--long`` takes: the peak of a process of its own."""

import subprocess
import sys
import time
from contextlib import suppress
from typing import NamedTuple

from parity_tests.benchmarks.memory import of_process

KERAS = ("-c", "import keras; keras.ops.zeros(1)")
OFTEN = 0.005  # seconds between two looks at a process


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


def measure(targets=None, on_time=None):
    """Keras alone, and the check of each layer but those whose process fails, as it does where memory is wanting."""
    from parity_tests import subjects

    found = [in_own_process("import keras", *KERAS)]
    for target in targets or subjects.registered():
        with suppress(subprocess.CalledProcessError):
            found.append(in_own_process(target, "-m", "parity_tests", "check", "--long", target))
        if on_time is not None:
            on_time(f"check {target}")
    return found


def in_own_process(target, *arguments):
    """What Python takes with these arguments; it may find that a layer disagrees, but not fail."""
    start, peak, mapped = time.perf_counter(), 0, 0
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            peak = max(peak, of_process(process.pid, "VmHWM"))
            mapped = max(mapped, of_process(process.pid, "RssFile"))
            time.sleep(OFTEN)
    if process.returncode not in (0, 1):
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return LongCheck(target, time.perf_counter() - start, peak, mapped)
