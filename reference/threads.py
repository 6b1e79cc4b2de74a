"""Several things computed at a time, whose results come in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any


def in_order(function: Callable[[Any], Any], arguments: Iterable[Any], threads: int) -> Iterator[Any]:
    """The results of a function for each argument, so many computed at a time; few wait until they are taken."""
    if threads == 1:
        yield from map(function, arguments)
        return
    from concurrent.futures import ThreadPoolExecutor  # here, as it costs whoever imports the package

    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Any] = deque()
        for argument in arguments:
            waiting.append(pool.submit(function, argument))
            if len(waiting) > threads:  # one more than can be computed, so that no thread has nothing to do
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
