"""``python -m parity_tests golden``: its options, and what it does."""

import os
import sys
from pathlib import Path

from keras_impl.backend import quiet_start
from parity_tests.backend import check_backend
from parity_tests.options import check_file

HOME = Path(__file__).parent
HELP = """\
Hold layers to the golden cases: fixed inputs with true results and gradients, which an oracle found that shares nothing
with the reference. The reference is held to them too, so that a disagreement names its culprit.
"""
EXAMPLES = """\
examples:
  python -m parity_tests golden
  python -m parity_tests golden my_package.layers:MyAttention --kind attention
  python -m parity_tests golden results_of_my_kernel.json
  python -m parity_tests golden --record my_package.layers:MyAttention before.json
  python -m parity_tests golden --compare before.json my_package.layers:MyAttention

exit status: 0 if all agree (if nothing changed beyond rounding, and no case is gone), 1 if not, 2 if the command or a
target cannot be used
"""


def add_options(command, kinds):
    """Give a parser the options of this command."""
    command.add_argument(
        "target",
        nargs="*",
        metavar="TARGET",
        help="as of check: package.module:LayerClass or a registered name; or a .json file of results, as --record "
        "writes it; none: all registered layers",
    )
    command.add_argument("--kind", choices=kinds, help="the contract that the layer keeps (default: a guess)")
    command.add_argument(
        "--cases", default=str(HOME), metavar="DIR", help="a folder of golden cases (default: those of this package)"
    )
    command.add_argument(
        "--dtype", action="append", choices=("float32", "float64", "float16", "bfloat16"),
        help="ask layers for this dtype only; may be repeated (default: all four)",
    )  # fmt: skip
    command.add_argument(
        "--record", nargs=2, metavar=("TARGET", "FILE"), help="write what a layer gives now, to compare with it later"
    )
    command.add_argument(
        "--compare", nargs=2, metavar=("FILE", "TARGET"), help="say what has changed since, in units of the bound"
    )


def run(options, console, progress):
    """Do what the options ask for; return the exit status."""
    if sum(map(bool, (options.target, options.record, options.compare))) > 1:
        raise ValueError("golden: expected targets, --record or --compare, received more than one of them")
    if options.record:
        check_file("record", options.record[1])
    from parity_tests.golden import folder
    from parity_tests.golden.verdict import Truth

    truth = Truth(folder.read(options.cases))
    sys.path.insert(0, os.getcwd())  # where a target's module may be
    if options.record:
        return _record(options, truth, console, progress)
    if options.compare:
        return _compare(options, truth, console, progress)
    return _hold(options, truth, console, progress)


def _hold(options, truth, console, progress):
    with quiet_start():
        from parity_tests.golden import folder, held, table

    files = [target for target in options.target if target.endswith(".json")]
    layers = [target for target in options.target if target not in files]
    subjects = _subjects(layers, options.kind) if layers or not files else []
    found = [held.reference(truth), *(held.file(truth, target) for target in files)]
    with progress(console, lambda: len(subjects) * len(truth.cases)) as on_case:
        found += [held.layer(truth, subject, _dtypes(options), on_case) for subject in subjects]
    table.show(found, truth, folder.flags(options.cases), console)
    return 0 if all(one.agrees for one in found) else 1


def _record(options, truth, console, progress):
    from parity_tests.golden import record

    target, path = options.record
    given = _given(target, options, truth, console, progress)
    record.write(path, target, given)
    console.print(f"{target}: {len(given)} cases recorded in {path}.", highlight=False, soft_wrap=True)
    return 0


def _compare(options, truth, console, progress):
    with quiet_start():
        from parity_tests.golden import changes, record

    path, target = options.compare
    before = {case: _only(_dtypes(options), dtypes) for case, dtypes in record.read(path, truth)[1].items()}
    now = (
        record.read(target, truth)[1] if target.endswith(".json") else _given(target, options, truth, console, progress)
    )
    found = changes.between(truth, before, now)
    changes.show(found, path, target, console)
    return 1 if any(one.verdict in ("beyond", "gone") for one in found) else 0


def _given(target, options, truth, console, progress):
    """What a layer gives for all cases that it can be asked."""
    from parity_tests.golden import held

    subject, *_ = _subjects([target], options.kind)  # of one in two modes, it as it is unless it is told
    with progress(console, lambda: len(truth.cases)) as on_case:
        given, _ = held.of_layer(truth, subject, _dtypes(options), on_case)
    return given


def _subjects(targets, kind):
    with quiet_start():
        from parity_tests import subjects
        from parity_tests.golden import translation
    check_backend()
    chosen = subjects.chosen(targets, kind)
    for one in chosen if targets or kind else ():
        if one.kind.name not in translation.KINDS:
            raise ValueError(
                f"target: expected one of the kinds {', '.join(translation.KINDS)}, of which there are golden cases; "
                f"received {one.target} of {one.kind.name}"
            )
    return [one for one in chosen if one.kind.name in translation.KINDS]


def _only(wanted, dtypes):
    return {dtype: given for dtype, given in dtypes.items() if dtype in wanted}


def _dtypes(options):
    from parity_tests.golden.results import DTYPES

    return tuple(options.dtype or DTYPES)
