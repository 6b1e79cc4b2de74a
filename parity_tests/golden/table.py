"""What a person sees of golden cases: a table, what disagrees, and a line for each target."""

from collections import Counter

from rich import box
from rich.table import Table
from rich.text import Text

from parity_tests import table as of_check

PHRASES = {"agrees": "agree", "known": "known to differ", "disagrees": "disagree", "error": "raised"}
SHOWN = 10  # disagreements of a target that are told one by one
FLAGS = 3


def show(held, truth, flags, console):
    """Print what all targets were found to give; ``flags`` says of each flag what it hunts."""
    console.print(_cases(held, truth))
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


def _cases(held, truth):
    table = Table(title="Golden cases: worst error/bound", title_justify="left", box=box.SIMPLE_HEAD, padding=0)
    table.add_column("case", overflow="fold")
    for one in held:
        table.add_column(_short(one.target), justify="right", overflow="fold")
    concept = None
    for path in truth.cases:
        if path.partition("/")[0] != concept:
            concept = path.partition("/")[0]
            table.add_section()
            table.add_row(Text(concept, style="italic"))
        table.add_row(f" {path.partition('/')[2]}", *(_cell(one, path) for one in held))
    return table


def _cell(held, path):
    if not held.verdicts.get(path):
        return ""
    _, verdict = held.worst(path)
    if verdict.verdict == "agrees":
        return ratio(verdict.worst.ratio)
    return Text(verdict.verdict, style=of_check.COLOURS[verdict.verdict])


def ratio(number):
    """An error / bound, as it is shown."""
    return "exact" if number == 0 else f"{number:.2g}"


def _short(target):
    return target.replace("\\", "/").split("/")[-1].split(":")[-1].removeprefix("keras.layers.")


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
    verdicts = {path: held.worst(path) for path in asked}
    counted = Counter(verdict.verdict for _, verdict in verdicts.values())
    told = [f"{counted[word]} {phrase}" for word, phrase in PHRASES.items() if counted[word]]
    text = f"{held.target}: of {len(asked)} cases, {', '.join(told)}." if told else f"{held.target}: no case."
    agreeing = {path: found for path, found in verdicts.items() if found[1].verdict == "agrees"}
    if agreeing:
        path = max(agreeing, key=lambda path: agreeing[path][1].worst.ratio)
        dtype, verdict = agreeing[path]
        if verdict.worst.ratio:
            text += f" Largest error/bound where they agree: {ratio(verdict.worst.ratio)}"
            text += f" ({path}, {dtype}, {verdict.worst.where})."
    judged = {name for path in asked for one in held.verdicts[path].values() for name in one.outcomes}
    judged -= {"dtype", "call"}
    if judged:
        text += f" Judged: {', '.join(sorted(judged))}."
    if held.left_out:
        reasons = Counter(held.left_out.values()).most_common()
        text += f" {len(held.left_out)} were not asked: {', '.join(f'{reason} ({many})' for reason, many in reasons)}."
    return text
