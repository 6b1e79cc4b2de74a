"""How much memory a contender takes beyond its inputs and results: the peak of a process of its own.

Run as ``python -m parity_tests.benchmarks.memory NAME T 1``, it prints the bytes of forward and backward; with 0, of
the forward pass.
"""

import subprocess
import sys
from typing import NamedTuple

from parity_tests.benchmarks import processes
from parity_tests.benchmarks.contenders import SMALL, named, too_large
from parity_tests.benchmarks.inputs import DEPTH, arrays


class Memory(NamedTuple):
    """What one contender took at one length, with one head."""

    contender: str
    T: int
    both: bool
    bytes: int


def measure(contenders, lengths, most, on_step, on_failure):
    """The memory of each contender at each length, if its arrays of (T, T) fit into so many bytes.

    Where the process of one fails, as it does where the machine has less, that contender is left out from there on, and
    ``on_failure`` is told which and why.
    """
    for one in contenders:
        for both in (False, True):
            fails = one.make(arrays(SMALL, 1))[both] is None
            for T in lengths:
                on_step(f"memory of {one.name}, {T:,} positions")
                if fails:
                    continue
                if one.bytes(T, heads=1) > most:
                    fails = True
                    on_failure(f"the memory of {one.name} from {T:,} positions on", too_large(most))
                    continue
                try:
                    yield Memory(one.name, T, both, in_own_process(one.name, T, both))
                except subprocess.CalledProcessError as error:
                    fails = True
                    on_failure(f"the memory of {one.name} at {T:,} positions", processes.reason(error))


def in_own_process(name, T, both):
    """The bytes of one call in a process that does nothing else."""
    return int(processes.run("-m", __name__, name, str(T), str(int(both))).splitlines()[-1])


def of_one_call(name, T, both):
    """The bytes of one call in this process."""
    make = named(name).make
    make(arrays(SMALL, 1))[both]()
    function = make(arrays(T, 1))[both]
    processes.forget_peak()
    before = processes.status("self", "VmRSS")
    kept = function()
    peak = processes.status("self", "VmHWM")
    del kept
    results = T * DEPTH * 8 * (4 if both else 1)  # output, and with the backward three gradients
    return max(0, peak - before - results)


if __name__ == "__main__":
    print(of_one_call(sys.argv[1], int(sys.argv[2]), bool(int(sys.argv[3]))))
