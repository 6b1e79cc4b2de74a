"""What a change of a layer changed: case by case, nothing, within rounding, or beyond it."""

from collections import Counter
from typing import NamedTuple

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

from parity_tests.golden.table import ratio
from parity_tests.golden.verdict import compared, verdict
from reference.rounding import ARITHMETIC

# Two results that both lie within the bound of the truth are twice the bound apart at most.
WITHIN = 2.0
COLOURS = {"nothing": "green", "new": "dim", "within rounding": "yellow", "gone": "bold red", "beyond": "bold red"}
PHRASES = {
    "nothing": "unchanged",
    "within rounding": "changed within rounding",
    "beyond": "changed beyond it",
    "new": "new",
    "gone": "gone",
}


class Change(NamedTuple):
    """What changed in one case.

    Attributes
    ----------
    path, dtype
        The case, and the dtype in which most changed.
    verdict
        ``nothing``, ``within rounding`` or ``beyond``; ``gone`` if there was a result only before, ``new`` if only now.
    where
        What changed most.
    size
        By how much, in units of the bound.
    before, now
        What the case says of either: a `Verdict`, or None where there is no such result.
    """

    path: str
    dtype: str
    verdict: str
    where: str = ""
    size: float = 0.0
    before: object = None
    now: object = None


def between(truth, before, now):
    """Compare two sets of results.

    Parameters
    ----------
    truth : parity_tests.golden.verdict.Truth
    before, now
        `Given` by the path of the case and the dtype.

    Returns
    -------
    changes
        One for every case that either has: of its dtypes the one in which most changed.

    Raises
    ------
    ValueError
        If no result is on both sides.
    """
    if not any(before.get(path, {}).keys() & now.get(path, {}).keys() for path in truth.cases):
        raise ValueError("compare: expected results for a case and dtype on both sides, received none")
    found, order = [], list(COLOURS)
    for path in truth.cases:
        old, new = before.get(path, {}), now.get(path, {})
        changes = [_change(truth, path, dtype, old.get(dtype), new.get(dtype)) for dtype in {**old, **new}]
        if changes:
            found.append(max(changes, key=lambda one: (order.index(one.verdict), one.size)))
    return found


def _change(truth, path, dtype, before, now):
    judged = [None if one is None else verdict(truth, path, dtype, one) for one in (before, now)]
    if before is None or now is None:
        return Change(path, dtype, "gone" if now is None else "new", "", 0.0, *judged)
    if before.error or now.error:
        same = before.error == now.error
        return Change(path, dtype, "nothing" if same else "beyond", "call", 0.0 if same else np.inf, *judged)
    if before.dtype != now.dtype:
        return Change(path, dtype, "beyond", "dtype", np.inf, *judged)
    sizes = {name: _size(truth, path, before, now, name) for name in {**before.arrays, **now.arrays}}
    where = max(sizes, key=sizes.get, default="")
    size = sizes.get(where, 0.0)
    word = "nothing" if size == 0 else "within rounding" if size <= WITHIN else "beyond"
    return Change(path, dtype, word, where if size else "", size, *judged)


def _size(truth, path, before, now, name):
    """The largest change of an array, in units of its bound; NaN that stays NaN is no change."""
    if name not in before.arrays or name not in now.arrays:
        return np.inf
    old, new = before.arrays[name], now.arrays[name]
    if old is None or new is None:
        return 0.0 if old is new else np.inf
    if before.dtype not in ARITHMETIC:  # one without a bound
        return 0.0 if np.array_equal(old, new, equal_nan=True) else np.inf
    (old, _, bound), (new, _, _) = (compared(truth, path, one, name) for one in (before, now))
    if old.shape != new.shape or old.shape != bound.shape:
        return 0.0 if np.array_equal(old, new, equal_nan=True) else np.inf
    old, new = (array.astype(np.float64) for array in (old, new))
    with np.errstate(invalid="ignore", divide="ignore"):
        unchanged = (old == new) | (np.isnan(old) & np.isnan(new))
        size = np.where(unchanged, 0.0, np.abs(new - old) / bound)
    return float(np.where(np.isnan(size), np.inf, size).max(initial=0.0))


def show(changes, file, target, console):
    """Print what changed."""
    changed = [one for one in changes if one.verdict != "nothing"]
    if changed:
        console.print(_table(changed))
    counted = Counter(one.verdict for one in changes)
    told = ", ".join(f"{counted[word]} {phrase}" for word, phrase in PHRASES.items() if counted[word])
    console.print(f"{file} and {target}: of {len(changes)} cases, {told}.", highlight=False, soft_wrap=True)


def _table(changed):
    title = "What changed, in units of the bound; two results within the bound of the truth differ by 2 at most"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0)
    table.add_column("case", overflow="fold")
    for name in ("dtype", "most in", "change", "verdict", "before", "now"):
        table.add_column(name, overflow="fold", justify="right" if name in ("change", "before", "now") else "left")
    for one in changed:
        word = Text(one.verdict, style=COLOURS[one.verdict])
        size = ratio(one.size) if one.size else ""
        table.add_row(one.path, one.dtype, one.where, size, word, _judged(one.before), _judged(one.now))
    return table


def _judged(verdict):
    """What the truth says of one of the two."""
    if verdict is None:
        return ""
    return ratio(verdict.worst.ratio) if verdict.verdict == "agrees" else Text(verdict.verdict, style="bold red")
