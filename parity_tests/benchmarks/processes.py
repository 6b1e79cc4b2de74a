"""Python in processes of their own, and what Linux tells of them."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

RESET = Path("/proc/self/clear_refs")
OFTEN = 0.005  # seconds between two looks at a process


class Watched(NamedTuple):
    """What a process took, from its start to its end."""

    seconds: float
    peak: int  # bytes, of all that was resident
    mapped: int  # of those, the files of libraries at the most


def memory_is_told():
    """Whether the machine tells the peak of a process, and forgets an earlier one: Linux does."""
    return RESET.exists()


def run(*arguments):
    """What Python prints with these arguments."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True).stdout


def watch(*arguments, may_end_with=(0,)):
    """What Python takes with these arguments: a `Watched`."""
    start, peak, mapped = time.perf_counter(), 0, 0
    with tempfile.TemporaryFile("w+") as said:
        with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=said) as process:
            try:
                while process.poll() is None:
                    peak = max(peak, status(process.pid, "VmHWM"))
                    mapped = max(mapped, status(process.pid, "RssFile"))
                    time.sleep(OFTEN)
            except BaseException:  # such as an interruption, which the process may not have seen
                process.kill()
                raise
        said.seek(0)
        if process.returncode not in may_end_with:
            raise subprocess.CalledProcessError(process.returncode, process.args, stderr=said.read())
    return Watched(time.perf_counter() - start, peak, mapped)


def forget_peak():
    """Let the peak of this process be what it has now."""
    RESET.write_text("5")


def status(number, field):
    """The bytes of ``VmRSS``, ``VmHWM`` or ``RssFile`` that Linux tells of a process; 0 if it has ended unnoticed."""
    lines = Path(f"/proc/{number}/status").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(field)), 0)


def reason(error):
    """Why a process failed, in a line: how it ended, and what it said last."""
    last = (error.stderr or "").strip().splitlines()[-1:]
    return ": ".join([f"its process ended with {error.returncode}", *last])
