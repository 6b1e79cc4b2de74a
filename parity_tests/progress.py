"""How far a command has come, on a terminal."""

from contextlib import nullcontext


def progress(console, total):
    """A bar on a terminal, nothing elsewhere.

    Parameters
    ----------
    console
        A `rich.console.Console`.
    total
        Called for how much there is to do, where there is a bar.
    """
    return Bar(console, total()) if console.is_terminal else nullcontext()


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
