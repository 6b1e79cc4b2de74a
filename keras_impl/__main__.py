"""The command line: train a model, and see where it looks."""

import argparse
import os
import sys
from importlib.util import find_spec

from keras_impl.backend import quiet_start

TRAIN = """\
examples:
  python -m keras_impl train digits
  python -m keras_impl train digits --model lstm --epochs 5
  python -m keras_impl train dates --out my_translator

models: attention, self_attention, lstm, gru, multi_head and hierarchical of digits, gru and lstm of dates
exit status: 0, or 2 if the command cannot be used
"""
SHOW = """\
examples:
  python -m keras_impl show trained/dates-gru "3 march 2021"
  python -m keras_impl show trained/digits-attention 17

exit status: 0, or 2 if there is no model in the folder, or the date cannot be read
"""
NEEDED = ("babel", "jinja2", "keras", "matplotlib", "rich", "sklearn")


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments=None):
    """Run the command; return its exit status."""
    options = parser().parse_args(arguments)
    os.environ.setdefault("MPLBACKEND", "Agg")
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        return _refuse(f'{", ".join(missing)}: not installed; pip install "attention-reference[models]"')
    try:
        return options.run(options)
    except (ValueError, OSError) as error:
        return _refuse(error)
    except KeyboardInterrupt:
        print("keras_impl: interrupted", file=sys.stderr)
        return 130


def parser():
    """The commands and their options."""
    top = Parser(prog="python -m keras_impl", description="Models with attention: train them, and see where they look.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    raw = argparse.RawDescriptionHelpFormatter
    text = "Train a model, and beside it the same without attention, and tell how good both are."
    train = commands.add_parser("train", help="train a model", description=text, epilog=TRAIN, formatter_class=raw)
    train.set_defaults(run=run_train)
    train.add_argument("task", choices=("digits", "dates"), help="what is learned")
    train.add_argument("--model", metavar="NAME", help="which model (default: attention of digits, gru of dates)")
    train.add_argument("--epochs", type=int, metavar="N", help="at most (default: 15 of digits, 8 of dates)")
    train.add_argument("--out", metavar="DIR", help="the folder to write to (default: trained/TASK-MODEL)")
    train.add_argument("--seed", type=int, default=0, metavar="N", help="draws data and first weights (default: 0)")
    text = "See where a trained model looks: a picture and a page, written into its folder."
    show = commands.add_parser("show", help="see where it looks", description=text, epilog=SHOW, formatter_class=raw)
    show.set_defaults(run=run_show)
    show.add_argument("folder", metavar="DIR", help="what train wrote")
    show.add_argument("what", metavar="WHAT", help="a written date; or of digits, the number of a sequence of the test")
    return top


def run_train(options):
    """Train, and print the table."""
    from rich.console import Console

    with quiet_start():
        from keras_impl import table
        from keras_impl.train import train

    verbose = 1 if sys.stdout.isatty() else 2
    record = train(
        options.task, options.model, epochs=options.epochs, out=options.out, seed=options.seed, verbose=verbose
    )
    table.show(record, Console())
    return 0


def run_show(options):
    """Write picture and page, and say where."""
    with quiet_start():
        from keras_impl.show import show

    for line in show(options.folder, options.what):
        print(line)
    return 0


def _refuse(error):
    print(f"keras_impl: {' '.join(str(error).split())}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
