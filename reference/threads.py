"""Several things computed at a time, whose results come in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any


def in_order(function: Callable[[Any], Any], arguments: Iterable[Any], threads: int) -> Iterator[Any]:
    """The results of a function for each argument, so many computed at a time; few wait until they are taken.

    Whoever takes the results computes too, where it would have to wait: one thread less is started and woken.
    """
    if threads == 1:
        yield from map(function, arguments)
        return
    from concurrent.futures import ThreadPoolExecutor  # here, as it costs whoever imports the package

    with ThreadPoolExecutor(threads - 1) as pool:
        waiting: deque[_Computed] = deque()
        for argument in arguments:
            waiting.append(_Computed(function, argument))
            pool.submit(waiting[-1].compute)
            if len(waiting) > threads:  # one more than can be computed, so that no thread has nothing to do
                yield _first(waiting)
        while waiting:
            yield _first(waiting)


class _Computed:
    """What one call of a function returns, or raises, whichever thread comes first to call it."""

    def __init__(self, function: Callable[[Any], Any], argument: Any) -> None:
        from concurrent.futures import Future
        from threading import Lock

        self.function, self.argument = function, argument
        self.begun, self.found = Lock(), Future[Any]()

    def compute(self) -> None:
        """Call the function, unless another thread does or did."""
        if not self.begun.acquire(blocking=False):
            return
        try:
            self.found.set_result(self.function(self.argument))
        except BaseException as error:  # it is raised where the result is taken
            self.found.set_exception(error)


def _first(waiting: "deque[_Computed]") -> Any:
    """Take the first result; until it is there, compute what has not been begun."""
    first = waiting.popleft()
    for one in (first, *waiting):
        if first.found.done():
            break
        one.compute()
    return first.found.result()
