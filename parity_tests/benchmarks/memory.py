"""How much memory a contender takes beyond its inputs and results: the peak of a process of its own.

Run as ``python -m parity_tests.benchmarks.memory NAME T both``, it prints the bytes.
"""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from parity_tests.benchmarks.contenders import DEPTH, SMALL, arrays, named

RESET = Path("/proc/self/clear_refs")


class Memory(NamedTuple):
    """What one contender took at one length, with one head."""

    contender: str
    T: int
    both: bool
    bytes: int


def can_be_measured():
    """Whether the machine tells the peak of a process, and forgets an earlier one: Linux does."""
    return RESET.exists()


def measure(contenders, lengths, memory, on_time=None, on_failure=None):
    """The memory of each contender at each length, if its arrays of (T, T) fit into so many bytes.

    Where the process of one fails, as it does where the machine has less, that contender is left out from there on, and
    ``on_failure`` is told which and why.
    """
    found = []
    for one in contenders:
        for both in (False, True):
            if one.make(arrays(SMALL, 1))[both] is None:
                continue
            for T in lengths:
                if one.bytes(T, heads=1) > memory:
                    break
                try:
                    found.append(Memory(one.name, T, both, in_own_process(one.name, T, both)))
                except subprocess.CalledProcessError as error:
                    if on_failure is not None:
                        on_failure(f"the memory of {one.name} at {T:,} positions", reason(error))
                    break
                if on_time is not None:
                    on_time(one.name)
    return found


def reason(error):
    """Why a process failed, in a line: how it ended, and what it said last."""
    last = (error.stderr or "").strip().splitlines()[-1:]
    return ": ".join([f"its process ended with {error.returncode}", *last])


def in_own_process(name, T, both):
    """The bytes of one call in a process that does nothing else."""
    command = [sys.executable, "-m", "parity_tests.benchmarks.memory", name, str(T), str(int(both))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1])


def of_one_call(name, T, both):
    """The bytes of one call in this process."""
    make = named(name).make
    make(arrays(SMALL, 1))[both]()
    function = make(arrays(T, 1))[both]
    RESET.write_text("5")  # the peak so far is forgotten
    before = of_process("self", "VmRSS")
    kept = function()
    peak = of_process("self", "VmHWM")
    del kept
    results = T * DEPTH * 8 * (4 if both else 1)  # output, and with the backward three gradients
    return max(0, peak - before - results)


def of_process(number, field):
    """The bytes of ``VmRSS``, ``VmHWM`` or ``RssFile`` that Linux tells of a process; 0 if it has ended unnoticed."""
    lines = Path(f"/proc/{number}/status").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(field)), 0)


if __name__ == "__main__":
    print(of_one_call(sys.argv[1], int(sys.argv[2]), bool(int(sys.argv[3]))))
