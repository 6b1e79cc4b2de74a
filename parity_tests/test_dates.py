"""Written dates, and what stands for them in a model."""

import datetime
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_impl import dates, translation

DAYS = st.dates(dates.FIRST, dates.LAST)


def test_there_are_more_than_ten_thousand_dates_and_no_two_parts_share_a_day():
    days = dates._days()
    every = np.concatenate(list(days.values()))
    assert len(days["train"]) > 10_000
    assert sorted(every) == list(range((dates.LAST - dates.FIRST).days + 1))


def test_what_is_drawn_are_days_of_the_part_each_once():
    written, iso = dates.dates("validation", 500)
    days = {(datetime.date.fromisoformat(text) - dates.FIRST).days for text in iso}
    assert len(days) == len(set(written)) == 500
    assert days <= set(dates._days()["validation"].tolist())


@given(day=DAYS)
def test_no_way_to_write_a_day_is_one_to_write_another(day):
    for text in dates.ways_to_write(day):
        assert text == text.lower()
        numbers = [int(number) for number in re.findall(r"\d+", text)]
        assert numbers in ([day.day, day.year], [day.day, day.month, day.year])
        assert numbers != [day.month, day.day, day.year] or day.month == day.day


def test_what_is_written_is_a_way_to_write_the_day():
    for text, iso in zip(*dates.dates("train", 200, seed=1)):
        assert text in dates.ways_to_write(datetime.date.fromisoformat(iso))


@given(day=DAYS)
def test_every_way_to_write_a_day_is_of_known_characters(day):
    ways = dates.ways_to_write(day)
    tokens = dates.encode(ways, dates.characters())
    for row, text in zip(tokens, ways):
        assert "".join(dates.characters()[token - 1] for token in row if token) == text


@given(day=DAYS)
def test_an_iso_date_comes_back_from_its_tokens(day):
    (row,) = dates.encode_iso([day.isoformat()])
    assert row[0] == dates.START
    assert row[-1] == dates.END
    assert len(row) == dates.LONGEST + 1
    assert dates.decode_iso([row]) == [day.isoformat()]


def test_what_follows_the_end_is_not_read():
    assert dates.decode_iso([[5, dates.END, 6], [5, 6, dates.PADDING]]) == ["2", "23"]


@pytest.mark.parametrize(
    ("written", "message"),
    [("", "Received an empty text"), ("3 мая", "Expected a date of the characters .* which has 'амя'")],
)
def test_what_has_no_tokens_is_refused(written, message):
    with pytest.raises(ValueError, match=message):
        dates.encode([written], dates.characters())


@pytest.mark.parametrize("number", [0, 3001])
def test_more_dates_than_there_are_days_are_refused(number):
    with pytest.raises(ValueError, match=f"Expected from 1 to 3000, the days of part test. Received: number={number}"):
        dates.dates("test", number)


class Reciter:
    """A model that says what it was taught, token by token, and gives all else no probability."""

    def __init__(self, *rows):
        self.rows = np.array(rows)
        self.heard = None

    def predict(self, inputs, batch_size, verbose):
        self.heard = inputs[1]
        return np.eye(dates.TARGET_TOKENS)[self.rows[:, : self.heard.shape[1]]]


def test_a_translation_is_the_most_probable_token_after_another():
    source = np.ones((2, 3), "int32")
    model = Reciter([5, 6, 7], [8, 9, 10])
    told = translation.translate(model, source, 3)
    assert np.array_equal(told, [[5, 6, 7], [8, 9, 10]])
    assert np.array_equal(model.heard, [[dates.START, 5, 6], [dates.START, 8, 9]])


def test_after_its_end_a_translation_is_padding():
    source = np.ones((1, 3), "int32")
    told = translation.translate(Reciter([5, dates.END, 7, 8]), source, 4)
    assert np.array_equal(told, [[5, dates.END, dates.PADDING, dates.PADDING]])
