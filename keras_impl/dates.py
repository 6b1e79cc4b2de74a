"""Written dates, such as ``mittwoch, 3. märz 2021``, and the same as ISO 8601 has them, ``2021-03-03``.

Babel writes them, from the Unicode Common Locale Data Repository: in the languages and lengths below, all in small
letters.
"""

import datetime
import functools
from typing import NamedTuple

import numpy as np

from keras_impl.inputs import check_choice

LOCALES = ("de", "en_GB", "en_US", "es", "fr", "it", "nl", "sv")
LENGTHS = ("medium", "long", "full")  # not short: 3/4/2021 is in March or in April
FIRST, LAST = datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)
PARTS = ("train", "validation", "test")
HELD_OUT = 3000  # days for validation, and as many for the test

PADDING, START, END = range(3)
ISO = "0123456789-"  # what the tokens of the target from 3 on stand for
TARGET_TOKENS = 3 + len(ISO)
LONGEST = len("2021-03-03") + 1  # tokens of a translation, the end included


class Dates(NamedTuple):
    """Dates as they are written, and as ISO 8601 has them.

    Attributes:
        written: Different strings.
        iso: The same dates, ``YYYY-MM-DD``.
    """

    written: list
    iso: list


def dates(part, number, seed=0):
    """Draw different written dates.

    Args:
        part: ``"train"``, ``"validation"`` or ``"test"``, no two of which share a day.
        number: How many.
        seed: The seed of the drawing.

    Returns:
        The dates, as `Dates`.

    Raises:
        ValueError: If there is no such part, or there are not as many dates.

    Example:

    >>> example = dates("test", 1000)
    >>> len(set(example.written)), {len(iso) for iso in example.iso}
    (1000, {10})
    """
    check_choice("part", part, PARTS)
    days = _days()[part]
    if not 0 < number <= len(days):
        raise ValueError(
            f"Invalid value for argument number. Expected from 1 to {len(days)}, the days of part {part}. "
            f"Received: number={number!r}"
        )
    random = np.random.default_rng([seed, *part.encode()])
    # A day is taken once, so that no date is written twice.
    drawn = [FIRST + datetime.timedelta(int(day)) for day in random.choice(days, number, replace=False)]
    forms = zip(random.choice(LENGTHS, number), random.choice(LOCALES, number))
    return Dates([_written(day, *form) for day, form in zip(drawn, forms)], [day.isoformat() for day in drawn])


def ways_to_write(day):
    """All the ways in which a day is written here.

    >>> ways_to_write(datetime.date(2021, 3, 3))[:3]
    ['03.03.2021', '3. märz 2021', 'mittwoch, 3. märz 2021']
    """
    return list(dict.fromkeys(_written(day, length, locale) for locale in LOCALES for length in LENGTHS))


@functools.cache
def characters():
    """The characters that written dates are made of, in order: what a token of the source stands for, from 1 on.

    >>> characters()[:14]
    ' ,.0123456789a'
    """
    year = (datetime.date(2000, 1, 1) + datetime.timedelta(day) for day in range(366))
    return "".join(sorted(set(ISO[:-1]).union(*(text for day in year for text in ways_to_write(day)))))


def encode(written, known):
    """Written dates as tokens, (number, longest): 1 and more for each of the ``known`` characters, 0 behind the end.

    Raises:
        ValueError: If there is nothing, or a character is not known.

    Example:

    >>> encode(["3 mai", "mai"], " 3aim")
    array([[2, 1, 5, 3, 4],
           [5, 3, 4, 0, 0]], dtype=int32)
    """
    if not all(written):
        raise ValueError("Expected a written date. Received an empty text.")
    for text in written:
        unknown = sorted(set(text) - set(known))
        if unknown:
            raise ValueError(
                f"Expected a date of the characters {known!r}. Received: {text!r}, which has {''.join(unknown)!r}"
            )
    tokens = np.zeros((len(written), max(map(len, written))), "int32")
    for row, text in zip(tokens, written):
        row[: len(text)] = [known.index(character) + 1 for character in text]
    return tokens


def encode_iso(iso):
    """ISO dates as tokens, with start and end, (number, 12).

    >>> encode_iso(["2021-03-03"])
    array([[ 1,  5,  3,  5,  4, 13,  3,  6, 13,  3,  6,  2]], dtype=int32)
    """
    return np.array([[START, *(ISO.index(character) + 3 for character in text), END] for text in iso], "int32")


def decode_iso(tokens):
    """What tokens say, up to the end and without what is no character.

    >>> decode_iso(encode_iso(["2021-03-03"]))
    ['2021-03-03']
    """
    texts = []
    for row in tokens:
        row = list(row[: list(row).index(END)] if END in row else row)
        texts.append("".join(ISO[token - 3] for token in row if token > END))
    return texts


def _written(day, length, locale):
    from babel.dates import format_date

    return format_date(day, str(length), locale=str(locale)).lower()


def _days():
    """The days of every part, counted from the first of all: always the same."""
    days = np.random.default_rng(0).permutation((LAST - FIRST).days + 1)
    return dict(zip(PARTS, np.split(days[::-1], [len(days) - 2 * HELD_OUT, len(days) - HELD_OUT])))
