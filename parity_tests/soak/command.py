"""The command ``soak``: no false alarms, in very many examples."""

import os
import time
from contextlib import contextmanager

from parity_tests import database
from parity_tests.report import write_atomically
from parity_tests.soak import shards as parts

EVERY = 30  # seconds, after which a line is printed where there is no terminal for a bar
WIDTH = 100  # of the table where there is no terminal
HELP = """\
Show very many random examples to layers, over worker processes, and tell how large error / bound becomes.

What was done stands in a folder: the same command goes on where it was interrupted, and with more examples
it adds to those. Every fourth shard of 1,000 examples looks for larger ratios near the largest.
"""
EXAMPLE = """\
examples:
  python -m parity_tests soak --examples 100000 --workers 8
  python -m parity_tests soak my_package.layers:MyAttention --folder my_soak
  python -m parity_tests soak --scheduler tcp://127.0.0.1:8786 --database redis://127.0.0.1:6379

exit status: 0 if none disagrees but as is known, 1 if any does, 2 if the command or a target cannot be used
"""


def add_options(command):
    """The options of the command."""
    command.add_argument("target", nargs="*", metavar="TARGET", help="as for check; none: all registered layers")
    command.add_argument("--examples", type=int, default=10_000, metavar="N", help="for each layer (default: 10000)")
    command.add_argument("--seed", type=int, default=0, metavar="N", help="draws the examples (default: 0)")
    command.add_argument("--folder", default="soak", metavar="DIR", help="where results are kept (default: soak)")
    command.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster (default: processes started here)")
    command.add_argument("--workers", type=int, metavar="N", help="processes to start (default: one for each core)")
    command.add_argument("--database", metavar="PLACE", help="as for check (default: examples in the folder)")
    command.add_argument("--html", metavar="FILE", help="the report as a page (default: soak.html in the folder)")


def run(options, console, bar):
    """Run the shards that are left, show what all have found, and return the exit status.

    Parameters
    ----------
    options
        Those of `add_options`.
    console
        A `rich.console.Console`.
    bar
        Takes the console and a total; a context of a function that is called with a name and how much of it is done.
    """
    if options.database:  # a server that does not answer is told at once
        database.opened(options.database)
    this = parts.Soak.here(options.seed)
    from parity_tests import subjects
    from parity_tests.soak import page, report
    from parity_tests.soak.folder import EXAMPLES, SoakFolder

    targets = list(dict.fromkeys(subject.target for subject in subjects.chosen(options.target)))
    folder = SoakFolder(options.folder, this)
    place = options.database or os.path.join(os.path.abspath(options.folder), EXAMPLES)
    finish(folder, this.shards(targets, options.examples), this, options, place, console, bar)
    found = report.of_folder(folder, this, targets)
    report.show(found, console)
    write_atomically(options.html or os.path.join(options.folder, "soak.html"), page.page(found))
    return 0 if found.agrees else 1


def finish(folder, shards, this, options, place, console, bar):
    """Run the shards that are left."""
    from parity_tests.soak import cluster

    left = [shard for shard in shards if not folder.done(shard)]
    if not left:
        return
    total, to_do = (sum(shard.examples for shard in some) for some in (shards, left))
    shown = bar if console.is_terminal else lines
    with cluster.connected(options.scheduler, options.workers) as client, shown(console, total) as on_shard:
        on_shard("", total - to_do)
        for result in cluster.run(client, left, this, place):
            folder.keep(result)
            on_shard(result["target"], result["examples"])


@contextmanager
def lines(console, total):
    """A line now and then."""
    start = last = time.monotonic()
    done = resumed = 0

    def on_shard(name, examples):
        nonlocal done, resumed, last
        done += examples
        now = time.monotonic()
        if not name:
            resumed = done
        elif now - last >= EVERY or done == total:
            last = now
            rate = (done - resumed) / (now - start)
            console.print(f"{done:,} of {total:,} examples, {rate:.0f} a second", highlight=False)

    yield on_shard
