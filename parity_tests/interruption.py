"""How a command ends that somebody tells to."""

import signal
import threading
from contextlib import contextmanager


class Terminated(KeyboardInterrupt):
    """Somebody told this process to end, as ``timeout`` does."""


@contextmanager
def told_to_end():
    """Let SIGTERM be an interruption: processes that were begun are ended, and what was measured is written."""

    def end(*_):
        raise Terminated

    if threading.current_thread() is not threading.main_thread():  # which alone is told of signals
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
