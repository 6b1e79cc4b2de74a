"""Handwritten digits as sequences: two of them, written again and again by several hands, on worn paper.

Each position of a sequence is an image of 8 x 8 pixels, and a model is to tell which digit it shows. Two of its rows
are worn off, so that alone it may be hard to read; others of its kind, of which other rows are left, help.
On a page, a position is a line of four images, of which all but one are crossed out, whatever they show.

The images are scikit-learn's, from Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, 1998.
"""

import functools
from typing import NamedTuple

import numpy as np

from keras_impl.inputs import check_choice

CLASSES = 10
LENGTH = 20  # images in a sequence
LINE = 4  # images in a line of a page
CROSS = np.maximum(np.eye(8, dtype="float32"), np.eye(8, dtype="float32")[::-1])
WORN = 2  # rows of each image
TEST = 1000  # sequences
SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}


class Digits(NamedTuple):
    """Sequences of images and what they show.

    Attributes:
        images: ``(number, LENGTH, 64)``, or by lines ``(number, LENGTH / LINE, LINE, 64)``: pixels from 0, which is
            paper, to 1, which is ink.
        labels: ``(number, LENGTH)``, or by lines ``(number, LENGTH / LINE)``: the digit.
    """

    images: np.ndarray
    labels: np.ndarray


def sequences(part, number, seed=0, *, lines=False):
    """Draw sequences of images, of two digits each.

    Args:
        part: ``"train"``, ``"validation"`` or ``"test"``, no two of which share an image.
        number: How many sequences.
        seed: The seed of the drawing.
        lines: Whether a sequence is a page of lines, and each line one of the two digits, in the one image of it that
            is not crossed out.

    Returns:
        The images and labels, as `Digits`.

    Raises:
        ValueError: If there is no such part.

    Example:

    >>> sequences("test", 3).images.shape
    (3, 20, 64)
    >>> page = sequences("test", 1, lines=True)
    >>> page.images.shape, page.labels.shape
    ((1, 5, 4, 64), (1, 5))
    """
    check_choice("part", part, SHARES)
    random = np.random.default_rng([seed, *part.encode()])
    pair = random.permuted(np.tile(np.arange(CLASSES), (number, 1)), axis=1)[:, :2]
    chosen = random.integers(2, size=(number, LENGTH // LINE if lines else LENGTH))
    labels = np.take_along_axis(pair, chosen, axis=1)
    if not lines:
        return Digits(_worn(_written(part, labels, random), random).reshape(*labels.shape, -1), labels)
    crossed = random.permuted(np.tile(np.arange(LINE) > 0, (*labels.shape, 1)), axis=-1)  # (number, lines, LINE)
    shown = np.where(crossed, random.integers(CLASSES, size=crossed.shape), labels[..., None])
    images = _worn(_written(part, shown.reshape(number, LENGTH), random), random).reshape(*shown.shape, 8, 8)
    images = np.where(crossed[..., None, None], np.maximum(images, CROSS), images)
    return Digits(images.reshape(*shown.shape, -1), labels)


def _written(part, labels, random):
    """An image of each label, by any hand of that part, (number, LENGTH, 8, 8)."""
    images, digits = _images()[part]
    written = np.empty((*labels.shape, *images.shape[1:]), "float32")
    for digit in range(CLASSES):
        there = labels == digit
        written[there] = random.choice(images[digits == digit], size=there.sum())
    return written


def _worn(images, random):
    """The same without `WORN` rows of each image, chosen at random."""
    order = random.random(images.shape[:3]).argsort(axis=-1)
    return np.where((order < WORN)[..., None], np.float32(0), images)


@functools.cache
def _images():
    """The images of every part, (n, 8, 8), and their digits: always the same, and of each digit the same share."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, digits = load_digits(return_X_y=True)
    images = (images / 16).astype("float32").reshape(-1, 8, 8)
    train, test = train_test_split(np.arange(len(digits)), test_size=SHARES["test"], stratify=digits, random_state=0)
    share = SHARES["validation"] / (1 - SHARES["test"])
    train, validation = train_test_split(train, test_size=share, stratify=digits[train], random_state=0)
    parts = {"train": train, "validation": validation, "test": test}
    return {part: (images[numbers], digits[numbers]) for part, numbers in parts.items()}
