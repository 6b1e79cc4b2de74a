"""``python -m parity_tests benchmark``: its options, and what it does."""

import os
from functools import partial

from keras_impl.backend import quiet_start
from keras_impl.files import replacing
from parity_tests.report import write_atomically

HELP = """\
Measure attention side by side, the reference, readable and blockwise, textbook NumPy and peers: times as a multiple of
that of the matrix products alone, what a small call takes, and the peak of memory in processes of their own; then how
long imports take, how many examples the check looks at in a second and where its time goes, and what memory it takes
with long examples.
"""
EXAMPLES = """\
examples:
  python -m parity_tests benchmark
  python -m parity_tests benchmark --peers torch,jax --longest 32768 --json times.json --html times.html
  python -m parity_tests benchmark --parts imports,checks

Each part is printed as soon as it is measured. If it is interrupted, what was measured so far is printed and written.

It takes many minutes, in which other work on the machine spoils the times.

exit status: 0, 2 if the command cannot be used, or 130 if it is interrupted
"""
PEERS = "onnx,torch,jax,keras"
PARTS = "times,calls,memory,imports,checks,long_checks"  # as `result` has them, for which Keras would be imported
LENGTHS = (16, 64, 128, 256, 1024, 4096, 8192, 16384, 32768)
OF_PROCESSES = ("memory", "long_checks")
OF_CONTENDERS = {"times", "calls", "memory"}
OF_MEMORY = (1024, 4096, 8192, 16384, 32768)


def add_options(command):
    """Give a parser the options of this command."""
    command.add_argument(
        "--peers", default=PEERS, metavar="NAMES",
        help=f"some of {PEERS}, or nothing; those that cannot be measured are left out (default: all)",
    )  # fmt: skip
    command.add_argument(
        "--parts", default=PARTS, metavar="NAMES", help=f"some of {PARTS}, to measure these alone (default: all)"
    )
    command.add_argument(
        "--longest", type=int, default=4096, metavar="T",
        help=f"measure sequences up to this length, of {', '.join(map(str, LENGTHS))} (default: 4096)",
    )  # fmt: skip
    command.add_argument(
        "--heads", type=int, metavar="N",
        help="for the times (default: 8 up to 1,024 positions, and 2 beyond, where the scores of 8 take gigabytes)",
    )  # fmt: skip
    command.add_argument(
        "--gigabytes", type=float, default=4.0, metavar="N",
        help="what keeps all scores, as readable attention does, is left out where these take more (default: 4)",
    )  # fmt: skip
    command.add_argument("--json", metavar="FILE", help="write what was measured as JSON")
    command.add_argument("--png", metavar="FILE", help="write a picture")
    command.add_argument("--html", metavar="FILE", help="write a page with picture and tables")


def run(options, console, progress):
    """Measure, print, and write where asked."""
    parts, peers = _checked(options)
    with quiet_start():
        from parity_tests.benchmarks import contenders, result, table

        chosen, left_out = contenders.chosen(peers if OF_CONTENDERS & {*parts} else [])
    measuring = _measuring(options, parts, chosen, left_out.__setitem__)
    benchmark = result.of_this_machine()
    table.show_machine(benchmark, console)
    try:
        with quiet_start(), progress(console, lambda: sum(steps for steps, _ in measuring.values())) as advance:
            on_step = _one_behind(advance)
            for part, (_, measured) in measuring.items():
                try:
                    for one in measured(on_step):
                        benchmark = benchmark.with_one_more(part, one)
                finally:  # when it is interrupted too
                    benchmark = benchmark._replace(left_out=dict(left_out))
                    table.show(benchmark, part, console)
                    _write(options, benchmark)
    finally:
        for what, why in left_out.items():
            console.print(f"{what} is left out: {why}", highlight=False)
    return 0


def _checked(options):
    """The parts and the peers; what does not fit together is refused."""
    parts, peers = _some_of("parts", PARTS, options.parts), _some_of("peers", PEERS, options.peers)
    if not parts:
        raise ValueError(f"parts: expected some of {PARTS}, received none")
    if not options.gigabytes > 0:
        raise ValueError(f"gigabytes: expected a positive number, received {options.gigabytes}")
    if parts == ["memory"] and options.longest < OF_MEMORY[0]:
        raise ValueError(f"longest: expected at least {OF_MEMORY[0]} for memory alone, received {options.longest}")
    of_lengths = {"times"} if options.longest < OF_MEMORY[0] else {"times", "memory"}
    if options.png and not of_lengths & {*parts}:
        raise ValueError(f"png: expected {' or '.join(sorted(of_lengths))} among the parts, received {options.parts}")
    files = [file for file in (options.json, options.png, options.html) if file]
    if len({os.path.realpath(file) for file in files}) < len(files):
        raise ValueError(f"json, png, html: expected files of their own, received {', '.join(files)}")
    return parts, peers


def _measuring(options, parts, chosen, on_failure):
    """Of each part that is asked for, in how many steps at most it is measured, and what yields one finding by one."""
    from parity_tests import subjects
    from parity_tests.benchmarks import checks, imports, long_checks, memory, processes, timing

    lengths, of_memory = ([T for T in all_of_them if options.longest >= T] for all_of_them in (LENGTHS, OF_MEMORY))
    most, targets = options.gigabytes * 1e9, [*subjects.registered()]
    statements, repeats, of_checks = imports.STATEMENTS, imports.REPEATS, checks.REPEATS
    told = {"on_failure": on_failure}
    measuring = {
        "times": (2 * len(lengths), partial(timing.measure, chosen, lengths, options.heads, most, **told)),
        "calls": (1, partial(timing.small_calls, chosen, **told)),
        "memory": (2 * len(chosen) * len(of_memory), partial(memory.measure, chosen, of_memory, most, **told)),
        "imports": ((len(statements) + 1) * repeats, partial(imports.measure, statements, repeats, **told)),
        "checks": (len(targets) * (of_checks + 1), partial(checks.measure, targets, checks.EXAMPLES, of_checks)),
        "long_checks": (len(targets) + 1, partial(long_checks.measure, targets, **told)),
    }
    why_not = {} if of_memory else {"memory": f"it is measured from {OF_MEMORY[0]:,} positions on"}
    if not processes.memory_is_told():
        why_not = dict.fromkeys(OF_PROCESSES, "the machine does not tell the peak of a process's memory")
    for part in parts:
        if part in why_not:
            on_failure(part, why_not[part])
    return {part: one for part, one in measuring.items() if part in parts and part not in why_not}


def _one_behind(advance):
    """What is called as each step begins: it shows which, and counts the one before, which is done."""
    begun = 0

    def on_step(step):
        nonlocal begun
        if advance is not None:
            advance(step, min(begun, 1))
        begun += 1

    return on_step


def _write(options, benchmark):
    """Write the files that are asked for, unless nothing was measured: an earlier one is not lost for that."""
    if not benchmark.measured:
        return
    if options.json:
        write_atomically(options.json, benchmark.to_json() + "\n")
    if options.png or options.html:
        from parity_tests.benchmarks import plot

        if options.png and (benchmark.times or benchmark.memory):
            with replacing(options.png) as path:
                path.write_bytes(plot.png(benchmark))
        if options.html:
            write_atomically(options.html, plot.page(benchmark))


def _some_of(option, known, text):
    """The names in a list with commas; one that is not among those known is refused."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known.split(","):
            raise ValueError(f"{option}: expected some of {known}, received {name!r}")
    return names
