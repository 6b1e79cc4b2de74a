"""``python -m parity_tests benchmark``: its options, and what it does."""

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
  python -m parity_tests benchmark --parts imports,check

exit status: 0, or 2 if the command cannot be used
"""
PEERS = "onnx,torch,jax,keras"
PARTS = "times,calls,memory,imports,check,long"
LENGTHS = (16, 64, 128, 256, 1024, 4096, 8192, 16384, 32768)
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
    command.add_argument("--longest", type=int, default=4096, metavar="T", help="sequence (default: 4096)")
    command.add_argument(
        "--heads", type=int, metavar="N",
        help="for the times (default: 8 up to 1,024 positions, and 2 beyond, where the scores of 8 take gigabytes)",
    )  # fmt: skip
    command.add_argument(
        "--gigabytes", type=float, default=4.0, metavar="N",
        help="what keeps all scores is left out where they would take more (default: 4)",
    )  # fmt: skip
    command.add_argument("--json", metavar="FILE", help="write what was measured as JSON")
    command.add_argument("--png", metavar="FILE", help="write a picture")
    command.add_argument("--html", metavar="FILE", help="write a page with picture and tables")


def run(options, console, progress):
    """Measure, print, and write where asked."""
    parts, peers = _some_of("parts", PARTS, options.parts), _some_of("peers", PEERS, options.peers)
    if not options.gigabytes > 0:
        raise ValueError(f"gigabytes: expected a positive number, received {options.gigabytes}")
    if parts == ["memory"] and options.longest < OF_MEMORY[0]:
        raise ValueError(f"longest: expected at least {OF_MEMORY[0]} for memory alone, received {options.longest}")
    if options.png and "times" not in parts:
        raise ValueError(f"png: expected times among the parts, received {options.parts}")
    with quiet_start():
        from parity_tests.benchmarks import contenders, result, table

        chosen, left_out = contenders.chosen(peers)
    with quiet_start(), progress(console, lambda: None) as on_time:
        benchmark = result.found(**_measured(options, parts, chosen, on_time, left_out.__setitem__))
    table.show(benchmark, console)
    for what, why in left_out.items():
        console.print(f"{what} is left out: {why}", highlight=False)
    _write(options, benchmark)
    return 0


def _measured(options, parts, chosen, on_time, on_failure):
    """What was measured of each part that is asked for."""
    from parity_tests.benchmarks import check, imports, long, memory, timing

    lengths, of_memory = ([T for T in all_of_them if options.longest >= T] for all_of_them in (LENGTHS, OF_MEMORY))
    most = options.gigabytes * 1e9
    found = {}
    if "times" in parts:
        found["times"] = timing.measure(chosen, lengths, options.heads, most, on_time)
    if "calls" in parts:
        found["calls"] = timing.small_calls(chosen, on_time)
    if "memory" in parts and memory.can_be_measured():
        found["memory"] = memory.measure(chosen, of_memory, most, on_time, on_failure)
    if "imports" in parts:
        found["imports"] = imports.measure(on_time=on_time, on_failure=on_failure)
    if "check" in parts:
        found["checks"] = check.measure(on_time=on_time)
    if "long" in parts and memory.can_be_measured():
        found["long_checks"] = long.measure(on_time=on_time, on_failure=on_failure)
    return found


def _write(options, benchmark):
    """Write the files that are asked for."""
    if options.json:
        write_atomically(options.json, benchmark.to_json() + "\n")
    if options.png or options.html:
        from parity_tests.benchmarks import plot

        if options.png:
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
