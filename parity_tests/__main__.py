"""The command line of the check."""

import argparse
import os
import sys

from keras_impl.backend import quiet_start
from parity_tests import reproduction as divergence_command
from parity_tests.benchmarks import command as benchmark_command
from parity_tests.golden import command as golden_command
from parity_tests.interruption import Terminated, told_to_end
from parity_tests.options import KINDS, check_options
from parity_tests.progress import Bar, progress
from parity_tests.soak import command as soak_command

EXAMPLES = 300
OF_LONG = "a few examples of 4,201 and 8,209 positions"  # as `long` has them
CHECK = """\
examples:
  python -m parity_tests check
  python -m parity_tests check keras.layers.Attention --examples 1000
  python -m parity_tests check my_package.layers:MyAttention --kind attention --json report.json
  python -m parity_tests check keras.layers.Attention --long

exit status: 0 if all agree, 1 if there is a disagreement, 2 if the command or a target cannot be used; 130 if it is
interrupted, 143 if it is told to end
"""
MUTANTS = """\
examples:
  python -m parity_tests mutants
  python -m parity_tests mutants LogitsSquared KeyGradientHalved --examples 1000
  python -m parity_tests mutants --json score.json

exit status: 0 if every fault is found, and none that cannot be told from rounding; 1 if not; 2 if the command cannot
be used
"""
MUTANTS_DESCRIPTION = """\
Check wrong layers, each a sound one with a single fault: the score of the check itself. It tells for each fault which
property finds it, after how many examples and seconds.
"""


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments=None):
    """Run the command; return its exit status."""
    options = parser().parse_args(arguments)
    try:
        check_options(options)
        with told_to_end():
            return options.run(options)
    except (ValueError, ImportError, OSError) as error:
        print(f"parity_tests: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as interruption:
        print("parity_tests: interrupted", file=sys.stderr)
        return 143 if isinstance(interruption, Terminated) else 130


def parser():
    """The commands and their options."""
    top = Parser(
        prog="python -m parity_tests", description="Hold Keras attention layers to a NumPy reference.", epilog=CHECK,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def add(name, run, summary, description, epilog):
        command = commands.add_parser(
            name, help=summary, description=description, epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        command.set_defaults(run=run)
        return command

    check = add("check", run_check, "check layers", "Check layers against the reference.", CHECK)
    add_check_options(check)
    mutants = add(
        "mutants", run_mutants, "see which faulty layers the check finds, and how fast", MUTANTS_DESCRIPTION, MUTANTS
    )
    mutants.add_argument("fault", nargs="*", metavar="NAME", help="a fault of the gallery; none: all of them")
    mutants.add_argument("--json", metavar="FILE", help="write the findings as JSON")
    for command, default in ((check, None), (mutants, EXAMPLES)):  # of long examples there are as many as there are
        command.add_argument(
            "--examples", type=int, default=default, metavar="N", help=f"for each layer (default: {EXAMPLES})"
        )
        command.add_argument("--seed", type=int, default=0, metavar="N", help="draws the examples (default: 0)")
    golden = add("golden", run_golden, "hold layers to golden cases", golden_command.HELP, golden_command.EXAMPLES)
    golden_command.add_options(golden, KINDS)
    soak = add("soak", run_soak, "very many examples, over processes", soak_command.HELP, soak_command.EXAMPLE)
    soak_command.add_options(soak)
    divergence = add(
        "divergence", run_divergence, divergence_command.HELP, divergence_command.DESCRIPTION,
        divergence_command.EXAMPLES,
    )  # fmt: skip
    divergence_command.add_options(divergence)
    benchmark = add(
        "benchmark", run_benchmark, "how long attention takes and how much memory", benchmark_command.HELP,
        benchmark_command.EXAMPLES,
    )  # fmt: skip
    benchmark_command.add_options(benchmark)
    return top


def add_check_options(check):
    """The options of the check alone."""
    check.add_argument(
        "target", nargs="*", metavar="TARGET", help="package.module:LayerClass or a registered name; none: all of them"
    )
    check.add_argument(
        "--kind",
        choices=KINDS,
        help="the contract that the layer keeps (default: that of the layer of Keras that it is derived from; else a "
        "guess by the names of its arguments and by which of our contracts it keeps)",
    )
    check.add_argument(
        "--corners",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="whether two examples of each corner, where faults hide, are checked before those that are drawn",
    )
    check.add_argument(
        "--long",
        action="store_true",
        help=f"check {OF_LONG}, seconds to minutes a layer, instead of others",
    )
    check.add_argument("--json", metavar="FILE", help="write the report as JSON")
    check.add_argument("--html", metavar="FILE", help="write the report as an HTML page")
    check.add_argument(
        "--database", metavar="PLACE", help="a folder or redis://host:port, of examples that once disagreed: tried too"
    )


def run_check(options):
    """Check layers, print the report, write it where asked."""
    refused = {"examples": options.examples, "database": options.database, "corners": None if options.corners else "no"}
    for name, given in refused.items() if options.long else ():
        if given is not None:
            raise ValueError(f"{name}: expected none with --long, whose examples are its own, received {given}")
    options.examples = EXAMPLES if options.examples is None else options.examples
    from parity_tests.database import opened

    database = options.database and opened(options.database)  # a server that does not answer is told at once
    sys.path.insert(0, os.getcwd())  # where a target's module may be
    with quiet_start():
        from parity_tests import check, table
        from parity_tests import report as reports
    from rich.console import Console

    console = Console()
    with progress(console, lambda: total(options)) as on_example:
        report = check(
            *options.target,
            kind=options.kind,
            examples=options.examples,
            seed=options.seed,
            corners=options.corners,
            on_example=on_example,
            database=database,
            long=options.long,
        )
    table.show(report, console)
    if options.json:
        reports.write_atomically(options.json, report.to_json() + "\n")
    if options.html:
        from parity_tests import page  # here, as its plots take a while to import

        examples = OF_LONG if options.long else options.examples
        reports.write_atomically(options.html, page.page(report, seed=options.seed, examples=examples))
    return 0 if report.agrees else 1


def total(options):
    """How many examples a check shows: of each layer's kind, the corners too if they are wanted."""
    from parity_tests import long, strategies, subjects

    kinds = [subject.kind for subject in subjects.chosen(options.target, options.kind)]
    if options.long:
        return sum(len(long.LONG[kind.name]) for kind in kinds)
    of_corners = strategies.OF_EACH_CORNER if options.corners else 0
    return sum(options.examples + len(kind.corners) * of_corners for kind in kinds)


def run_mutants(options):
    """Check the gallery of faulty layers, print the score, write it where asked."""
    with quiet_start():
        from parity_tests import report, score, score_file, score_table
    from rich.console import Console

    score.check_names(options.fault)
    console = Console()
    with progress(console, lambda: len(options.fault or score.GALLERY)) as on_mutant:
        findings = score.find_all(options.examples, options.seed, on_mutant, options.fault)
    score_table.show(findings, console)
    if options.json:
        report.write_atomically(options.json, score_file.to_json(findings) + "\n")
    return 0 if all(one.as_it_should_be for one in findings) else 1


def run_golden(options):
    """Hold layers to the golden cases."""
    return golden_command.run(options, _plain_console(), progress)


def _plain_console():
    """Where names of targets and cases, which are somebody's words, are printed as they are."""
    from rich.console import Console

    plain = {"markup": False, "emoji": False}
    console = Console(**plain)
    return console if console.is_terminal else Console(width=soak_command.WIDTH, **plain)


def run_soak(options):
    """Check layers with very many examples."""
    sys.path.insert(0, os.getcwd())  # where a target's module may be
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=soak_command.WIDTH)
    return soak_command.run(options, console, Bar)


def run_divergence(options):
    """Show known divergences."""
    with quiet_start():  # here, as the programs import it as they please
        import keras  # noqa: F401
    return divergence_command.run(options, _plain_console())


def run_benchmark(options):
    """Measure attention beside its peers."""
    return benchmark_command.run(options, _plain_console(), progress)


if __name__ == "__main__":
    sys.exit(main())
