"""``python -m parity_tests benchmark``: its options, and what it does."""

from keras_impl.backend import quiet_start
from keras_impl.files import replacing

HELP = """\
Measure attention side by side: the reference, readable and blockwise, textbook NumPy and peers, in one run: times as a
multiple of that of the matrix products alone, and the peak of memory in processes of their own.
"""
EXAMPLES = """\
examples:
  python -m parity_tests benchmark
  python -m parity_tests benchmark --peers torch,jax --longest 32768 --json times.json --html times.html
  python -m parity_tests benchmark --check

exit status: 0, or 2 if the command cannot be used
"""
PEERS = "onnx,torch,jax,keras"
LENGTHS = (16, 64, 128, 256, 1024, 4096, 8192, 16384, 32768)
OF_MEMORY = (1024, 4096, 8192, 16384, 32768)


def add_options(command):
    """Give a parser the options of this command."""
    command.add_argument(
        "--peers", default=PEERS, metavar="NAMES",
        help=f"some of {PEERS}, or nothing; those that are not installed are left out (default: all)",
    )  # fmt: skip
    command.add_argument("--longest", type=int, default=4096, metavar="T", help="sequence (default: 4096)")
    command.add_argument("--heads", type=int, default=2, metavar="N", help="for the times (default: 2)")
    command.add_argument(
        "--gigabytes", type=float, default=4.0, metavar="N",
        help="what keeps all scores is left out where they would take more (default: 4)",
    )  # fmt: skip
    command.add_argument("--json", metavar="FILE", help="write what was measured as JSON")
    command.add_argument("--png", metavar="FILE", help="write a picture")
    command.add_argument("--html", metavar="FILE", help="write a page with picture and tables")
    command.add_argument("--check", action="store_true", help="measure imports and the check of layers instead")


def run(options, console, progress):
    """Measure, print, and write where asked."""
    peers = [name for name in options.peers.split(",") if name]
    with quiet_start():
        if options.check:
            from parity_tests.benchmarks import check

            check.show(console)
            return 0
        from parity_tests import report
        from parity_tests.benchmarks import contenders, memory, result, table, timing

        chosen, missing = contenders.chosen(peers)
    for name in missing:
        console.print(f"{name} is left out: it is not installed.", highlight=False)
    lengths = [length for length in LENGTHS if length <= options.longest]
    of_memory = [length for length in OF_MEMORY if length <= options.longest]
    most = options.gigabytes * 1e9
    with quiet_start(), progress(console, lambda: None) as on_time:
        times = timing.measure(chosen, lengths, options.heads, most, on_time)
        peaks = memory.measure(chosen, of_memory, most, on_time) if memory.can_be_measured() else []
    benchmark = result.found(times, peaks)
    table.show(benchmark, console)
    if options.json:
        report.write_atomically(options.json, benchmark.to_json() + "\n")
    if options.png or options.html:
        from parity_tests.benchmarks import plot

        if options.png:
            with replacing(options.png) as path:
                path.write_bytes(plot.png(benchmark))
        if options.html:
            report.write_atomically(options.html, plot.page(benchmark))
    return 0
