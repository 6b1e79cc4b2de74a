"""Several things computed at a time, whose results come in order."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any


def in_order(function: Callable[[Any], Any], arguments: Sequence[Any], threads: int) -> Iterator[Any]:
    """The results of a function for each argument, so many computed at a time; few wait until they are taken.

    Whoever takes the results computes too instead of waiting, so that a thread less is started, and woken each time.
    """
    threads = min(threads, len(arguments))
    if threads <= 1:
        for argument in arguments:  # not `map`, which would end with a StopIteration that the function raises
            yield function(argument)
        return
    from concurrent.futures import ThreadPoolExecutor  # here, as it costs whoever imports the package
    from contextvars import copy_context

    pool = ThreadPoolExecutor(threads - 1)
    # Of each argument a pair: what is to come of it and the argument itself, or once it is computed here None and what
    # came of it.
    waiting: deque[Any] = deque()
    try:
        for argument in arguments:
            # In the context of whoever asks, as that is what np.errstate holds in.
            waiting.append((pool.submit(copy_context().run, function, argument), argument))
            if len(waiting) > threads + 2:  # more than can be computed, so that no thread has nothing to do
                yield _first(function, waiting)
        while waiting:
            yield _first(function, waiting)
    finally:
        pool.shutdown(cancel_futures=True)


def _first(function: Callable[[Any], Any], waiting: deque[Any]) -> Any:
    """Take the first result; until it is there, compute what no thread has begun."""
    first, argument = waiting.popleft()
    if first is None:
        return argument
    if first.cancel():
        return function(argument)
    for index, (other, argument) in enumerate(waiting):
        if first.done():
            break
        if other is not None and other.cancel():
            waiting[index] = None, function(argument)
    return first.result()
