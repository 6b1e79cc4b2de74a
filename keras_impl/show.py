"""Where a trained model looks, for one input: as a picture, and as a page to explore."""

import json
from pathlib import Path
from zipfile import BadZipFile

import keras
import matplotlib.pyplot as plt
import numpy as np

from keras_impl.files import replacing
from keras_impl.page import page
from keras_impl.plots import CELL, plot_attention_weights
from keras_impl.seen import seen_by
from keras_impl.train import MODEL, RECORD, SCHEMA


def show(folder, what):
    """Write where a trained model looks, as PNG and as a page of HTML that needs no other file.

    Args:
        folder: What `keras_impl.train.train` wrote.
        what: A written date; for digits, the number of a sequence of the test.

    Returns:
        Lines to print: what the model made of it, where it looked most, and which files were written.

    Raises:
        ValueError: If the folder holds no trained model, or what was given cannot be read.
    """
    folder = Path(folder)
    record = _record(folder)
    try:
        model = keras.saving.load_model(folder / MODEL)
    except (ValueError, BadZipFile) as error:
        raise ValueError(f"{folder / MODEL}: expected a model of Keras; {error}") from None
    seen = seen_by(model, record, what)
    figure = _figure(seen)
    with replacing(folder / f"{seen.name}.png") as picture:
        figure.savefig(picture, dpi=150)
        plt.close(figure)
        text = page(seen, record, picture.read_bytes())
    with replacing(folder / f"{seen.name}.html") as temporary:
        temporary.write_text(text, encoding="utf-8")
    files = [f"wrote {folder / seen.name}.{kind}" for kind in ("png", "html")]
    remark = [seen.remark] if seen.remark else []
    return [f"{seen.given} -> {seen.told}", *remark, *_read_most(seen), *files]


def _record(folder):
    """What was written of the training."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise ValueError(
            f"{folder}: expected a folder with a trained model, as 'python -m keras_impl train' writes it; "
            f"there is no {RECORD}"
        ) from None
    except ValueError as error:
        raise ValueError(f"{folder / RECORD}: expected JSON; {error}") from None
    known = isinstance(record, dict) and record.get("schema") == SCHEMA
    if not known or not record.keys() >= {"task", "model", "seed", "score", "characters", "results"}:
        raise ValueError(f"{folder / RECORD}: expected the record of a training, of schema {SCHEMA}")
    if not (folder / MODEL).exists():
        raise ValueError(f"{folder}: expected {MODEL} beside {RECORD}; train again")
    return record


def _figure(seen):
    """All views in a row."""
    heads = [len(view.weights) if view.weights.ndim == 3 else 1 for view in seen.views]
    shapes = [view.weights.shape[-2:] for view, number in zip(seen.views, heads) for _ in range(number)]
    widths = [max(4, S) * CELL for _, S in shapes]
    size = (sum(widths) + 0.7 * len(shapes) + 0.8, max(max(4, T) * CELL for T, _ in shapes) + 1.3)
    figure, axes = plt.subplots(1, len(shapes), figsize=size, layout="constrained", squeeze=False, width_ratios=widths)
    left = list(axes[0])
    for view, number in zip(seen.views, heads):
        own, left = left[:number], left[number:]
        plot_attention_weights(view.weights, view.queries, view.keys, ax=own)
        if view.title:
            own[0].set_title(view.title, fontsize="medium")
    figure.suptitle(f"{seen.given} → {seen.told}", fontsize="large")
    return figure


def _read_most(seen):
    """Which keys each query reads most, where these can be said in words."""
    lines = []
    for view in seen.views:
        if np.ndim(view.keys) == 3 or view.weights.ndim == 3:
            continue
        for query, row in zip(view.queries, view.weights):
            most = sorted(range(len(row)), key=lambda key: -row[key])[:3]
            lines.append(
                f"  {query} reads " + ", ".join(f"{view.keys[key]!r} at {key + 1} ({row[key]:.0%})" for key in most)
            )
    return lines
