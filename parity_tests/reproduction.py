"""Known divergences one by one: the program that shows each, and the page of them all."""

import textwrap

HELP = "run the smallest program that shows a known divergence of Keras"
DESCRIPTION = """\
Without a name: list what Keras is known to do differently. With names: run for each the smallest program that shows
it, on the backend that KERAS_BACKEND chooses, and say whether it is still so.
"""
EXAMPLES = """\
examples:
  python -m parity_tests divergence
  python -m parity_tests divergence bias_along_another_axis
  KERAS_BACKEND=jax python -m parity_tests divergence scale_in_float32
  python -m parity_tests divergence --markdown parity_tests/DIVERGENCES.md

exit status: 1 if one of them is still so, 0 if all are gone, 2 if the command cannot be used
"""


def add_options(command):
    """The options of the command."""
    command.add_argument("name", nargs="*", metavar="NAME", help="an entry of divergences.toml; none: list them")
    command.add_argument("--markdown", metavar="FILE", help="write the page of all of them")


def run(options, console):
    """List the divergences, or run their programs; return the exit status."""
    from parity_tests import divergences  # with Keras, for which --help need not wait

    known = {one.name: one for one in divergences.read()}
    for name in options.name:
        if name not in known:
            raise ValueError(f"name: expected one of {', '.join(known)}, received {name!r}")
    if options.markdown:
        from parity_tests.report import write_atomically

        write_atomically(options.markdown, page())
    elif not options.name:
        console.print(_listed(known.values()))
    return max([_shown(known[name], console) for name in options.name], default=0)


def differs(divergence):
    """Run the program of a divergence, which prints what it sees; return whether it is so on the backend in use."""
    names = {"__name__": divergence.name}
    exec(compile(divergence.reproduction, f"<{divergence.name}>", "exec"), names)
    return names["differs"]


def page():
    """The text of ``DIVERGENCES.md``."""
    from parity_tests import divergences
    from parity_tests.page import template

    entries = sorted(divergences.read(), key=_nature_and_name)
    return template("divergences.md.jinja").render(entries=entries)


def _nature_and_name(entry):
    from parity_tests import divergences

    return divergences.NATURES.index(entry.nature), entry.name


def _shown(divergence, console):
    import keras

    for text in (divergence.sentence, f"Keras says: {divergence.documented}"):
        console.print(textwrap.fill(text, 100))
    console.print(f"\n{divergence.reproduction.strip()}\n", style="dim")
    still = differs(divergence)
    where = f"Keras {keras.__version__} on {keras.backend.backend()}"
    said = f"was not seen there; known on {', '.join(divergence.backend)}"
    if still:
        told = "It is still so" if divergence.is_here else f"It is so too, and {said}"
    else:
        told = "It is gone" if divergence.is_here else f"It is not so, as it {said}"
    console.print(f"{divergence.name}: {told}. {where}.\n")
    return int(still)


def _listed(entries):
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=0)
    for name in ("name", "nature", "subjects", "backends"):
        table.add_column(name, overflow="fold", no_wrap=name == "name")
    for one in sorted(entries, key=_nature_and_name):
        table.add_row(
            one.name,
            one.nature,
            "\n".join(subject.removeprefix("keras.") for subject in one.subjects),
            ", ".join(one.backend),
        )
    return table
