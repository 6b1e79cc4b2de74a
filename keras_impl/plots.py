"""Pictures of attention weights, of training, and of what is taken for what."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

CELL = 0.42  # of a map with labels, in inches
BLANK = "␣"


def plot_attention_weights(weights, queries=None, keys=None, head=None, ax=None):
    """Draw attention weights as a heat-map: a row for each query, a column for each key.

    Args:
        weights: ``(T, S)``, or ``(H, T, S)`` of several heads.
        queries: T labels, or images ``(T, height, width)``.
        keys: S labels, or images ``(S, height, width)``.
        head: Which of several heads; by default all of them, side by side.
        ax: The axes to draw in, or for several heads a sequence of H of them; by default those of a new figure.

    Returns:
        The axes, in an array of one for each map.

    Raises:
        ValueError: If the shapes do not fit, there is no such head, or a weight is no number from 0 to 1.

    Example:

    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> axes = plot_attention_weights([[0.5, 0.5], [0.1, 0.9]], queries=["a", "b"], keys=["c", "d"])
    >>> [label.get_text() for label in axes[0].get_xticklabels()]
    ['c', 'd']
    """
    maps = _maps(weights, head)
    _check_labels("queries", queries, maps.shape[1])
    _check_labels("keys", keys, maps.shape[2])
    axes = _axes(ax, maps, queries, keys)
    largest = maps.max(initial=0.0) or 1.0  # one scale for all, so that heads can be compared
    for number, (one, drawn) in enumerate(zip(axes, maps)):
        image = one.imshow(drawn, cmap="viridis", vmin=0.0, vmax=largest, aspect="equal", interpolation="nearest")
        _label(one.xaxis, keys, one, "key")
        _label(one.yaxis, queries, one, "query" if number == 0 else "")
        if len(maps) > 1:
            one.set_title(f"head {number + 1}", fontsize="medium")
    axes[0].figure.colorbar(image, ax=list(axes), label="weight", fraction=0.05, pad=0.02)
    return axes


def plot_history(histories):
    """Draw how training went: the loss and the accuracy of what was not trained on, after each epoch.

    Args:
        histories: From the name of a model to what `keras.callbacks.History` kept of it.

    Returns:
        The figure.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for one, metric in zip(axes, ("loss", "accuracy")):
        for (name, history), marker in zip(histories.items(), "os^v"):
            values = history[f"val_{metric}"]
            one.plot(range(1, len(values) + 1), values, marker=marker, markersize=4, label=name)
        one.set(xlabel="epoch", title=f"{metric}, validation")
        one.xaxis.set_major_locator(MaxNLocator(integer=True))
        one.grid(alpha=0.3)
    axes[0].set_ylim(bottom=0)
    axes[0].legend(frameon=False)
    return figure


def plot_confusion(confusion, title):
    """Draw how many of each true class were told to be of each class.

    Args:
        confusion: As `keras_impl.evaluation.classification_metrics` counts them, ``(classes, classes)``.
        title: What is written above.

    Returns:
        The figure.
    """
    from sklearn.metrics import ConfusionMatrixDisplay

    figure, ax = plt.subplots(figsize=(6, 5), layout="constrained")
    ConfusionMatrixDisplay(np.asarray(confusion)).plot(
        ax=ax, cmap="viridis", im_kw={"norm": "symlog"}, values_format="d"
    )
    ax.set(title=title, xlabel="told to be", ylabel="is")
    return figure


def _maps(weights, head):
    weights = np.asarray(weights, "float64")
    if weights.ndim not in (2, 3) or 0 in weights.shape:
        raise ValueError(f"Expected weights of shape (T, S) or (H, T, S), none of them 0. Received: {weights.shape}")
    if not ((weights >= 0) & (weights <= 1 + 1e-2)).all():  # a row of float16 may round to more than 1
        raise ValueError(f"Expected weights from 0 to 1. Received: from {weights.min()} to {weights.max()}")
    maps = weights if weights.ndim == 3 else weights[None]
    if head is None:
        return maps
    if weights.ndim == 2 or isinstance(head, bool) or not isinstance(head, int) or not 0 <= head < len(maps):
        heads = f"from 0 to {len(maps) - 1}" if weights.ndim == 3 else "None, as weights have one head"
        raise ValueError(f"Invalid value for argument head. Expected {heads}. Received: head={head!r}")
    return maps[head : head + 1]


def _check_labels(name, labels, number):
    if labels is not None and len(labels) != number:
        raise ValueError(f"Expected {number} {name}, as weights have. Received: {len(labels)}")


def _axes(ax, maps, queries, keys):
    """The axes of each map, in an array."""
    heads, T, S = maps.shape
    if ax is not None:
        axes = np.atleast_1d(np.asarray(ax, dtype=object))
        if axes.shape != (heads,):
            raise ValueError(f"Expected ax to be {heads} axes, one for each head. Received: {axes.size}")
        return axes
    cell = CELL if queries is not None or keys is not None else min(CELL, 4.5 / max(T, S))
    width, height = max(1.5, S * cell), max(1.5, T * cell)
    size = (heads * (width + 0.5) + 0.9, height + 0.9)
    return plt.subplots(1, heads, figsize=size, layout="constrained", squeeze=False)[1][0]


def _label(axis, labels, ax, title):
    """Name the rows or columns, by words or by the images that they are."""
    if np.ndim(labels) == 3:
        axis.set_ticks([])
        axis = _strip(axis.axis_name, np.asarray(labels), ax)
    elif labels is None:
        axis.set_major_locator(MaxNLocator(integer=True))
    else:
        words = [str(label) if str(label).strip() else BLANK for label in labels]
        turned = axis.axis_name == "x" and max(map(len, words)) > 2
        axis.set_ticks(range(len(words)), words, rotation=90 if turned else 0)
        axis.set_tick_params(length=0)
    axis.set_label_text(title)


def _strip(axis_name, images, ax):
    """Draw images along an axis, each where its row or column is; return the axis of what was drawn."""
    framed = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    rows, columns = np.diff(ax.get_ylim())[0], np.diff(ax.get_xlim())[0]  # how many cells
    if axis_name == "x":
        side, strip = ax.inset_axes((0, -1.1 / abs(rows), 1, 1 / abs(rows))), np.hstack(list(framed))
    else:
        side, strip = ax.inset_axes((-1.1 / abs(columns), 0, 1 / abs(columns), 1)), np.vstack(list(framed))
    side.imshow(strip, cmap="gray_r", aspect="auto", interpolation="nearest")
    side.set(xticks=[], yticks=[])
    side.spines[:].set_visible(False)
    return getattr(side, f"{axis_name}axis")
