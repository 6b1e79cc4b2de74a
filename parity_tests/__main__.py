"""The command line of the check."""

import argparse
import os
import sys
from contextlib import nullcontext

from parity_tests.backend import quiet_start
from parity_tests.soak import command as soak_command

EXAMPLE = """\
examples:
  python -m parity_tests check
  python -m parity_tests check keras.layers.Attention --examples 1000
  python -m parity_tests check my_package.layers:MyAttention --kind attention --json report.json

exit status: 0 if all agree, 1 if there is a disagreement, 2 if the command or a target cannot be used
"""


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments=None):
    """Run the command; return its exit status."""
    options = parser().parse_args(arguments)
    try:
        return options.run(options)
    except (ValueError, ImportError, OSError) as error:
        print(f"parity_tests: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("parity_tests: interrupted", file=sys.stderr)
        return 130


def parser():
    """The commands and their options."""
    top = Parser(
        prog="python -m parity_tests", description="Hold Keras attention layers to a NumPy reference.", epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser(
        "check", help="check layers", description="Check layers against the reference.", epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    check.add_argument(
        "target", nargs="*", metavar="TARGET", help="package.module:LayerClass or a registered name; none: all of them"
    )
    check.add_argument("--kind", help="the contract that the layer keeps: attention or self_attention (default: guess)")
    check.add_argument("--json", metavar="FILE", help="write the report as JSON")
    check.add_argument("--html", metavar="FILE", help="write the report as an HTML page")
    check.add_argument(
        "--database", metavar="PLACE", help="a folder or redis://host:port, of examples that once disagreed: tried too"
    )
    check.set_defaults(run=run_check)
    mutants = commands.add_parser("mutants", help="see which faulty layers the check finds, and how fast")
    mutants.add_argument("fault", nargs="*", metavar="NAME", help="a fault of the gallery; none: all of them")
    mutants.add_argument("--json", metavar="FILE", help="write the findings as JSON")
    mutants.set_defaults(run=run_mutants)
    for command in (check, mutants):
        command.add_argument("--examples", type=int, default=300, metavar="N", help="for each layer (default: 300)")
        command.add_argument("--seed", type=int, default=0, metavar="N", help="draws the examples (default: 0)")
    soak = commands.add_parser("soak", help="very many examples, over processes", description=soak_command.HELP)
    soak_command.add_options(soak)
    soak.set_defaults(run=run_soak)
    return top


def run_check(options):
    """Check layers, print the report, write it where asked."""
    check_writable(options.json, options.html)
    sys.path.insert(0, os.getcwd())  # where a target's module may be
    with quiet_start():
        from parity_tests import check, subjects, table
        from parity_tests import report as reports
        from parity_tests.database import opened
    from rich.console import Console

    console = Console()
    names = options.target or list(subjects.registered())
    with progress(console, names, options.examples) as on_example:
        report = check(
            *options.target,
            kind=options.kind,
            examples=options.examples,
            seed=options.seed,
            on_example=on_example,
            database=options.database and opened(options.database),
        )
    table.show(report, console)
    if options.json:
        reports.write_atomically(options.json, report.to_json() + "\n")
    if options.html:
        from parity_tests import page  # here, as its plots take a while to import

        reports.write_atomically(options.html, page.page(report, seed=options.seed, examples=options.examples))
    return 0 if report.agrees else 1


def run_mutants(options):
    """Check the gallery of faulty layers, print the score, write it where asked."""
    check_writable(options.json)
    with quiet_start():
        from parity_tests import report, score, score_table
    from rich.console import Console

    score.check_names(options.fault)
    console = Console()
    with progress(console, options.fault or list(score.GALLERY), None) as on_mutant:
        findings = score.find_all(options.examples, options.seed, on_mutant, options.fault)
    score_table.show(findings, console)
    if options.json:
        report.write_atomically(options.json, score.to_json(findings) + "\n")
    return 0 if all(one.as_it_should_be for one in findings) else 1


def check_writable(*paths):
    """Refuse a path at which no file can be, before anything is computed for it."""
    for path in filter(None, paths):
        if os.path.isdir(path) or not os.path.isdir(os.path.dirname(os.path.abspath(path))):
            raise ValueError(f"report: expected a file in a folder that exists, received {path}")


def run_soak(options):
    """Check layers with very many examples."""
    sys.path.insert(0, os.getcwd())  # where a target's module may be
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=soak_command.WIDTH)
    return soak_command.run(options, console, Bar)


def progress(console, names, examples):
    """A bar on a terminal, nothing elsewhere."""
    if not console.is_terminal:
        return nullcontext()
    return Bar(console, len(names) * (examples or 1))


class Bar:
    """Shows how far a check has come."""

    def __init__(self, console, total):
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self.progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            console=console, transient=True,
        )  # fmt: skip
        self.total = total

    def __enter__(self):
        self.progress.start()
        task = self.progress.add_task("", total=self.total)
        return lambda name, advance=1: self.progress.update(task, advance=advance, description=name)

    def __exit__(self, *exception):
        self.progress.stop()


if __name__ == "__main__":
    sys.exit(main())
