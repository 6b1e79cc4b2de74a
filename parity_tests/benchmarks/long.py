"""How much memory the check of a layer with ``--long`` takes: the peak of a process of its own."""

import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

from parity_tests.benchmarks.memory import of_process, reason

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


def measure(targets=None, on_time=None, on_failure=None):
    """Keras alone, and the check of each layer but those whose process fails, as it does where memory is wanting."""
    from parity_tests import subjects

    found = [in_own_process("import keras", *KERAS)]
    for target in targets or subjects.registered():
        try:
            found.append(in_own_process(target, "-m", "parity_tests", "check", "--long", target))
        except subprocess.CalledProcessError as error:
            if on_failure is not None:
                on_failure(f"the check of {target}", reason(error))
        if on_time is not None:
            on_time(f"check {target}")
    return found


def in_own_process(target, *arguments):
    """What Python takes with these arguments; it may find that a layer disagrees, but not fail."""
    start, peak, mapped = time.perf_counter(), 0, 0
    with tempfile.TemporaryFile("w+") as said:
        with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=said) as process:
            while process.poll() is None:
                peak = max(peak, of_process(process.pid, "VmHWM"))
                mapped = max(mapped, of_process(process.pid, "RssFile"))
                time.sleep(OFTEN)
        said.seek(0)
        if process.returncode not in (0, 1):
            raise subprocess.CalledProcessError(process.returncode, process.args, stderr=said.read())
    return LongCheck(target, time.perf_counter() - start, peak, mapped)
