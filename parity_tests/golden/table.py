"""What a person sees of golden cases: a table, what disagrees, and a line for each target."""

from collections import Counter
from itertools import groupby

from rich import box
from rich.table import Table
from rich.text import Text

from parity_tests import table as of_check

PHRASES = {"agrees": "agree", "known": "known to differ", "disagrees": "disagree", "error": "raised"}
SHOWN = 10  # disagreements of a target that are told one by one
FLAGS = 3


def show(held, truth, flags, console):
    """Print what all targets were found to give; ``flags`` says of each flag what it hunts."""
    for concept, paths in groupby(truth.cases, key=lambda path: path.partition("/")[0]):
        cases = _cases(concept, list(paths), held)
        if cases is not None:
            console.print(cases)
    for one in held:
        wrong = _wrong(one)
        for path, dtype, verdict in wrong[:SHOWN]:
            console.print(f"{one.target}: {path}, {dtype}: {_in_words(verdict)}", highlight=False, soft_wrap=True)
        if len(wrong) > SHOWN:
            console.print(f"{one.target}: and {len(wrong) - SHOWN} more.", highlight=False)
        for flag, many, of in suspicious(one, truth):
            console.print(f"  {flag}: {many} of {of} cases disagree. Hunts: {flags[flag]}", highlight=False)
    verdicts = [verdict for one in held for dtypes in one.verdicts.values() for verdict in dtypes.values()]
    of_check.show_known({name for verdict in verdicts for name in verdict.known}, console)
    for one in held:
        console.print(_summary(one, truth), highlight=False)


def suspicious(held, truth):
    """The flags that say most of what is wrong: those of whose cases a larger share disagrees than of all.

    Returns
    -------
    flags
        Three at most, each with how many of its cases disagree, and of how many.
    """
    wrong = {path for path, _, _ in _wrong(held)}
    asked = {path: truth.cases[path].flags for path in held.verdicts}
    of = Counter(flag for flags in asked.values() for flag in flags)
    many = Counter(flag for path in wrong for flag in asked[path])
    found = [flag for flag in many if many[flag] * len(asked) > len(wrong) * of[flag]]
    found.sort(key=lambda flag: (-many[flag] / of[flag], -many[flag]))
    return [(flag, many[flag], of[flag]) for flag in found[:FLAGS]]


def _cases(concept, paths, held):
    """The cases of a concept, and whoever was asked any of them; nothing if of several the reference alone was."""
    asked = [one for one in held if any(one.verdicts.get(path) for path in paths)]
    if len(asked) < min(2, len(held)):
        return None
    table = Table(title=f"{concept}: worst error/bound", title_justify="left", box=box.SIMPLE_HEAD, padding=0)
    table.add_column("case", no_wrap=True)
    for one in asked:
        table.add_column(_short(one.target), justify="right", overflow="fold")
    for path in paths:
        table.add_row(path.partition("/")[2], *(_cell(one, path) for one in asked))
    return table


def _cell(held, path):
    """The worst of those dtypes that agree, and which are known to differ; or what else is said of one."""
    if not held.verdicts.get(path):
        return ""
    _, verdict = held.worst(path)
    ratios = [one.worst.ratio for one in held.verdicts[path].values() if one.verdict == "agrees"]
    if not ratios or verdict.verdict not in ("agrees", "known"):
        return Text(verdict.verdict, style=of_check.COLOURS[verdict.verdict])
    known = [dtype for dtype, one in held.verdicts[path].items() if one.verdict == "known"]
    which = "" if not known else f" ({known[0] if len(known) == 1 else len(known)} known)"
    return Text.assemble(ratio(max(ratios)), (which, of_check.COLOURS["known"]))


def ratio(number):
    """An error / bound, as it is shown."""
    return "exact" if number == 0 else f"{number:.2g}"


def _short(target):
    return target.replace("\\", "/").split("/")[-1].split(":")[-1].removeprefix("keras.layers.").removeprefix("keras.")


def _wrong(held):
    return [
        (path, dtype, verdict)
        for path, dtypes in held.verdicts.items()
        for dtype, verdict in dtypes.items()
        if verdict.verdict in ("disagrees", "error")
    ]


def _in_words(verdict):
    worst = verdict.worst
    if worst.message:
        return f"{worst.where}: {worst.message}"
    index = "".join(f"[{', '.join(map(str, worst.index))}]") if worst.index else ""
    return (
        f"{worst.where}{index}: received {worst.actual!r}, expected {worst.expected!r}: "
        f"error {worst.error:.3g}, bound {worst.bound:.3g}"
    )


def _summary(held, truth):
    """What became of all cases, in a sentence or three."""
    asked = [path for path in truth.cases if held.verdicts.get(path)]
    counted = Counter(held.worst(path)[1].verdict for path in asked)
    told = [f"{counted[word]} {phrase}" for word, phrase in PHRASES.items() if counted[word]]
    text = f"{held.target}: of {len(asked)} cases, {', '.join(told)}." if told else f"{held.target}: no case."
    results = [(path, dtype, one) for path in asked for dtype, one in held.verdicts[path].items()]
    agreeing = [(path, dtype, one.worst) for path, dtype, one in results if one.verdict == "agrees"]
    if counted["known"]:
        text += f" In all dtypes {len(agreeing)} of {len(results)} results agree."
    if agreeing:
        path, dtype, worst = max(agreeing, key=lambda found: found[2].ratio)
        if worst.ratio:
            text += f" Largest error/bound where they agree: {ratio(worst.ratio)} ({path}, {dtype}, {worst.where})."
    judged = {name for path in asked for one in held.verdicts[path].values() for name in one.outcomes}
    judged -= {"dtype", "call"}
    if judged:
        text += f" Judged: {', '.join(sorted(judged))}."
    if held.left_out:
        reasons = Counter(held.left_out.values()).most_common()
        text += f" {len(held.left_out)} were not asked: {', '.join(f'{reason} ({many})' for reason, many in reasons)}."
    return text
