"""The metrics of a training, as a table for a terminal."""

from rich import box
from rich.table import Table

SHARES = {
    "exact_match": "exact match",
    "accuracy": "accuracy",
    "precision": "precision, macro",
    "recall": "recall, macro",
    "f1": "F1, macro",
}


def show(record, console):
    """Print how good the model is, with attention and without."""
    with_it, without = record["results"]["attention"], record["results"]["without"]
    table = Table(box=box.SIMPLE_HEAD, title=f"{record['task']}, model {record['model']}", title_justify="left")
    table.add_column("test")
    table.add_column("attention", justify="right")
    table.add_column("without it", justify="right")
    for name, title in SHARES.items():
        if name in with_it:
            table.add_row(
                title, f"{with_it[name]:.2%}", f"{without[name]:.2%}", style="bold" * (name == record["score"])
            )
    table.add_row("loss", f"{with_it['loss']:.4f}", f"{without['loss']:.4f}", end_section=True)
    table.add_row("parameters", f"{with_it['parameters']:,}", f"{without['parameters']:,}")
    table.add_row("epochs", str(with_it["epochs"]), str(without["epochs"]))
    table.add_row("seconds of training", f"{with_it['seconds']:.0f}", f"{without['seconds']:.0f}")
    console.print(table)
    if record["task"] == "dates":
        console.print("All but exact match count characters, each told from the true ones before it.")
