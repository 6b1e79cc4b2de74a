"""Train a model, and beside it the same without attention; measure both, and keep what is needed to look at them."""

import json
import time
from importlib.metadata import version
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np

from keras_impl import dates, plots
from keras_impl.files import replacing
from keras_impl.inputs import check_choice, check_size
from keras_impl.tasks import TASKS

SCHEMA = 1
RECORD, MODEL, WITHOUT = "training.json", "model.keras", "without_attention.keras"
PATIENCE = 5  # epochs without a better one
NAMES = {True: "attention", False: "without"}


def train(task_name, model_name=None, *, epochs=None, out=None, seed=0, verbose=0):
    """Train a model of a task twice, with attention and without, and write down what came of it.

    Args:
        task_name: ``"digits"`` or ``"dates"``.
        model_name: One of the task's models, by default its first.
        epochs: The most epochs; training stops earlier if five in a row are not better than one before.
        out: The folder to write to, by default ``trained/TASK-MODEL``: the best weights as ``model.keras`` and
            ``without_attention.keras``, ``training.json``, and pictures. What is interrupted leaves the best weights
            so far, and no ``training.json``.
        seed: Draws the data, the first weights and the batches.
        verbose: As Keras has it: 0 says nothing, 1 shows a progress bar, 2 a line an epoch.

    Returns:
        What is in ``training.json``, as a dictionary.

    Raises:
        ValueError: If there is no such task or model, or epochs is no positive integer.
    """
    check_choice("task", task_name, TASKS)
    task = TASKS[task_name]
    model_name = next(iter(task.models)) if model_name is None else model_name
    check_choice("model", model_name, task.models)
    epochs = task.epochs if epochs is None else epochs
    check_size("epochs", epochs)
    folder = Path("trained") / f"{task_name}-{model_name}" if out is None else Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECORD).unlink(missing_ok=True)  # it is not true of what will be there
    data = task.load(model_name, task.numbers, seed)
    results = {
        NAMES[attention]: fit(
            task, model_name, data, epochs, folder / file, attention=attention, seed=seed, verbose=verbose
        )
        for attention, file in ((True, MODEL), (False, WITHOUT))
    }
    record = {
        "schema": SCHEMA,
        "task": task_name,
        "model": model_name,
        "seed": seed,
        "score": task.score,
        "characters": dates.characters() if task_name == "dates" else None,
        "versions": {name: version(name) for name in ("keras", keras.backend.backend())},
        "results": results,
    }
    _draw(record, folder)
    with replacing(folder / RECORD) as temporary:
        temporary.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return record


def fit(task, model_name, data, epochs, path, *, attention=True, seed=0, verbose=0):
    """Train one model, and save the best that it was.

    Args:
        task: A `keras_impl.tasks.Task`.
        model_name: One of its models.
        data: The `keras_impl.tasks.Data` of each part.
        epochs: The most epochs.
        path: The file to save it to, which ends in ``.keras``.
        attention: Whether it has attention.
        seed: Draws the first weights and the batches.
        verbose: As Keras has it.

    Returns:
        Its metrics in the test, how long training took, and its history, as a dictionary that JSON can hold.
    """
    keras.utils.set_random_seed(seed)
    model = task.models[model_name](attention=attention)
    steps = epochs * -(-len(data["train"].y) // task.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(task.learning_rate, steps)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    if verbose:
        print(f"{model.name}, {NAMES[attention]}{'' if attention else ' attention'}:", flush=True)
    before = time.perf_counter()
    history = model.fit(
        *data["train"],
        validation_data=tuple(data["validation"]),
        epochs=epochs,
        batch_size=task.batch_size,
        verbose=verbose,
        callbacks=[
            KeepBest(path, task.watched),
            keras.callbacks.EarlyStopping(task.watched, patience=PATIENCE, restore_best_weights=True),
        ],
    )
    seconds = time.perf_counter() - before
    metrics = {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in task.measure(model, data["test"]).items()
    }
    return {
        **metrics,
        "parameters": model.count_params(),
        "epochs": len(history.history["loss"]),
        "seconds": round(seconds, 1),
        "history": {name: [float(value) for value in values] for name, values in history.history.items()},
    }


class KeepBest(keras.callbacks.Callback):
    """Saves the model after each epoch that is better than all before, and replaces the file as a whole.

    Args:
        path: The file.
        watched: A metric; better is less of a loss, and more of anything else.
    """

    def __init__(self, path, watched):
        super().__init__()
        self.path = path
        self.watched = watched
        self.best = -float("inf")

    def on_epoch_end(self, epoch, logs=None):
        good = -logs[self.watched] if self.watched.endswith("loss") else logs[self.watched]
        if good > self.best:
            self.best = good
            with replacing(self.path) as temporary:
                self.model.save(temporary)


def _draw(record, folder):
    """The pictures of a training."""
    results = record["results"]
    figures = {"history.png": plots.plot_history({name: one["history"] for name, one in results.items()})}
    if record["task"] == "digits":
        accuracy = results["attention"]["accuracy"]
        title = f"{record['model']}, test: {accuracy:.1%} of the digits are told right"
        figures["confusion.png"] = plots.plot_confusion(results["attention"]["confusion"], title)
    for name, figure in figures.items():
        with replacing(folder / name) as temporary:
            figure.savefig(temporary, dpi=150)
        plt.close(figure)
