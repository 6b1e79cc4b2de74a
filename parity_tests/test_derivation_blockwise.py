"""The equations of long sequences in reference/DERIVATION.md, as those of test_derivation.py."""

from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.comparison import compare
from parity_tests.test_derivation import cases, holds, total
from reference import blockwise_attention, complex_step_gradient
from reference.rounding import FLOAT64, track


class Part(NamedTuple):
    """What a query finds among some of the keys."""

    keys: range
    maximum: float
    total: object
    output: list


@st.composite
def splits(draw):
    """A case of `cases`, and its keys in two parts, one of which may be empty."""
    case = draw(cases())
    S = case[0].key.shape[0]
    cut = draw(st.integers(0, S))
    return case, [keys for keys in (range(cut), range(cut, S)) if keys]


def part(a, t, keys):
    """What query t of a case finds among the keys."""
    maximum = max(float(a.logits[t, s].value) for s in keys)
    exponentials = {s: np.exp(a.logits[t, s] - maximum) for s in keys}
    of_all = total(exponentials.values())
    d_v = a.value.shape[1]
    output = [total(exponentials[s] * a.value[s, v] for s in keys) / of_all for v in range(d_v)]
    return Part(keys, maximum, of_all, output)


def rescaled_totals(a, t, parts):
    """The parts of a query, their totals at the largest maximum of all, which that is, and the total of these."""
    found = [part(a, t, keys) for keys in parts]
    maximum = max(one.maximum for one in found)
    own = [np.exp(track(one.maximum, FLOAT64) - maximum) * one.total for one in found]
    return found, own, maximum, total(own)


@given(splits())
def test_the_parts_have_the_total_of_all_keys_once_brought_to_one_maximum(split):
    (a, _, _), parts = split

    def weight(t, s):
        _, _, maximum, of_all = rescaled_totals(a, t, parts)
        return np.exp(a.logits[t, s] - maximum) / of_all

    holds(a.weights, weight)


@given(splits())
def test_the_output_of_all_keys_is_the_average_of_the_parts(split):
    (a, _, _), parts = split

    def average(t, v):
        found, own, _, of_all = rescaled_totals(a, t, parts)
        return total(of_part * one.output[v] for of_part, one in zip(own, found)) / of_all

    holds(a.output, average)


@given(cases())
def test_the_average_gradient_of_the_weights_is_known_from_the_output(case):
    a, gradients, d_output = case
    d_v = a.value.shape[1]
    average = np.sum(a.weights * gradients.d_weights, axis=-1)
    holds(average, lambda t: total(d_output[t, v] * a.output[t, v] for v in range(d_v)))


@given(cases())
def test_the_slope_of_the_logarithm_of_the_sum_is_the_weight(case):
    a, _, _ = case
    T, S = a.weights.shape
    plain = {name: np.float64(getattr(a, name).value) for name in ("query", "key", "value", "scale", "bias")}
    arguments = {**plain, "bias": np.broadcast_to(plain["bias"], (T, S)), "block": (1, 2)}
    slope = complex_step_gradient(blockwise_attention, arguments, "bias", {"log_sum_exp": np.ones(T)})
    assert compare(slope, a.weights.value, a.weights.error).agrees


@given(splits())
def test_a_part_hands_down_to_its_keys_what_the_whole_would(split):
    (a, gradients, d_output), parts = split
    d_v = a.value.shape[1]

    def by_its_part(t, s):
        found, own, _, of_all = rescaled_totals(a, t, parts)
        which = next(index for index, one in enumerate(found) if s in one.keys)
        one, weight = found[which], own[which] / of_all
        d_part = [weight * d_output[t, v] for v in range(d_v)]
        d_logarithm = weight * total(d_output[t, v] * (one.output[v] - a.output[t, v]) for v in range(d_v))
        own_weight = np.exp(a.logits[t, s] - one.maximum) / one.total
        return own_weight * (total(d_part[v] * (a.value[s, v] - one.output[v]) for v in range(d_v)) + d_logarithm)

    holds(gradients.d_logits, by_its_part)
