"""Handwritten digits as sequences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from keras_impl import digits

PARTS = st.sampled_from(sorted(digits.SHARES))
SEEDS = st.integers(0, 2**31)


@given(part=PARTS, seed=SEEDS, lines=st.booleans())
def test_a_sequence_is_of_two_digits(part, seed, lines):
    _, labels = digits.sequences(part, 5, seed, lines=lines)
    assert all(len(set(row)) <= 2 for row in labels)
    assert labels.min() >= 0
    assert labels.max() < digits.CLASSES


@given(part=PARTS, seed=SEEDS)
def test_an_image_is_one_of_that_part_and_of_its_label_without_two_rows(part, seed):
    images, labels = digits.sequences(part, 2, seed)
    known, known_labels = digits._images()[part]
    for image, label in zip(images.reshape(-1, 8, 8), labels.ravel()):
        missing = (known != image).any(axis=-1)  # rows of each known image that are not as they are here
        found = (missing.sum(axis=-1) <= digits.WORN) & (known_labels == label)
        assert any((image[rows] == 0).all() for rows in missing[found])


def test_no_two_parts_share_an_image_and_none_is_left_out():
    parts = [digits._images()[part][0] for part in digits.SHARES]
    every = np.concatenate(parts).reshape(-1, 64)
    given_images = load_digits().data.astype("float32") / 16
    assert sorted(map(bytes, every)) == sorted(map(bytes, given_images))
    assert all(len(set(digits._images()[part][1])) == digits.CLASSES for part in digits.SHARES)


@given(seed=SEEDS)
def test_a_line_of_a_page_is_of_one_digit(seed):
    images, labels = digits.sequences("test", 3, seed, lines=True)
    assert images.shape == (3, digits.LENGTH // digits.LINE, digits.LINE, 64)
    assert labels.shape == images.shape[:2]


@given(part=PARTS, seed=SEEDS)
def test_the_same_seed_draws_the_same_and_another_another(part, seed):
    first, again, other = (digits.sequences(part, 3, one) for one in (seed, seed, seed + 1))
    assert np.array_equal(first.images, again.images)
    assert np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.images, other.images)


def test_an_unknown_part_is_refused():
    with pytest.raises(ValueError, match=r"Expected one of 'train', .*\. Received: part='all'"):
        digits.sequences("all", 3)
