"""Answers to the exercises of reference/DERIVATION.md."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.comparison import compare
from reference import (
    causal_mask,
    complex_step_gradient,
    dot_product_attention,
    dot_product_attention_backward,
    self_attention,
    self_attention_backward,
    softmax,
)
from reference.rounding import FLOAT64, track

SEEDS = st.integers(0, 2**32 - 1)


def arrays(seed, *shapes):
    """Small integers, so that what is the same is the same to the bit."""
    random = np.random.default_rng(seed)
    return [random.integers(-4, 5, shape).astype(float) for shape in shapes]


def backward(d_output, *inputs, **options):
    """Attention and its gradients, with a bound on the rounding errors of each."""
    attention = dot_product_attention(*(track(array, FLOAT64) for array in inputs), **options)
    return attention, dot_product_attention_backward(track(d_output, FLOAT64), attention)


def same(one, other):
    """Whether two arrays with bounds differ by no more than these."""
    return compare(one.value, other.value, one.error + other.error).agrees


def zero(one):
    """Whether an array is 0 but for rounding."""
    return compare(one.value, np.zeros(one.shape), one.error).agrees


@given(SEEDS, st.integers(-1000, 1000))
def test_exercise_1(seed, constant):
    """Nothing: in (2) the number is a factor of numerator and denominator, and cancels.

    So the loss does not grow with it, and the gradients of a row of scores sum to 0, which is (12).
    """
    query, key, value, bias, d_output = arrays(seed, (3, 2), (4, 2), (4, 5), (3, 4), (3, 5))
    bias_plus = bias + constant * np.array([[1.0], [0.0], [-1.0]])  # another number in each row
    attention, gradients = backward(d_output, query, key, value, bias=bias)
    attention_plus, gradients_plus = backward(d_output, query, key, value, bias=bias_plus)
    assert np.array_equal(attention.weights.value, attention_plus.weights.value)
    assert np.array_equal(attention.output.value, attention_plus.output.value)
    assert np.array_equal(gradients.d_query.value, gradients_plus.d_query.value)
    assert zero(np.sum(gradients.d_scores, axis=1))


@given(SEEDS, st.integers(0, 3))
def test_exercise_2(seed, seen):
    """Its weight is 1 whatever the scores are, so query, key and scale have no gradient.

    The value has one: the output is the value itself, so its gradient is `d_output`.
    """
    query, key, value, d_output = arrays(seed, (1, 2), (4, 2), (4, 5), (1, 5))
    _, gradients = backward(d_output, query, key, value, mask=np.arange(4) == seen)
    for name in ("d_query", "d_key", "d_scale"):
        assert not np.any(getattr(gradients, name).value)
    assert np.array_equal(gradients.d_value.value[seen], d_output[0])


@given(SEEDS)
def test_exercise_3(seed):
    """Their weights are equal, and so are the gradients of their values, by (9).

    Those of the keys are not, as `d_weights` differs with the values: by (11), the average cancels from the difference
    of two `d_scores`, which is the weight times the difference of `d_weights`. By (17), that of `d_key` follows.
    """
    query, key, value, d_output = arrays(seed, (3, 2), (4, 2), (4, 5), (3, 5))
    key[1] = key[0]
    attention, gradients = backward(d_output, query, key, value)
    assert np.array_equal(attention.weights.value[:, 0], attention.weights.value[:, 1])
    assert np.array_equal(gradients.d_value.value[0], gradients.d_value.value[1])
    difference = attention.weights[:, 0] * (gradients.d_weights[:, 0] - gradients.d_weights[:, 1])
    assert same(gradients.d_scores[:, 0] - gradients.d_scores[:, 1], difference)
    assert same(gradients.d_key[0] - gradients.d_key[1], difference @ query)


@given(SEEDS, st.sampled_from([0.5, 1.0, 2.0, 8.0]))
def test_exercise_4(seed, temperature):
    """The scale is 1 / temperature, whose derivative is -1 / temperature²; the chain rule multiplies the two."""
    query, key, value, d_output = arrays(seed, (3, 2), (4, 2), (4, 5), (3, 5))
    _, gradients = backward(d_output, query / 4, key / 4, value, scale=1 / temperature)

    def at_a_temperature(temperature):
        return dot_product_attention(query / 4, key / 4, value, scale=1 / temperature)

    grows = complex_step_gradient(at_a_temperature, {"temperature": temperature}, "temperature", {"output": d_output})
    # The complex step rounds about as the backward does: twice its bound.
    assert compare(
        grows, -gradients.d_scale.value / temperature**2, 2 * gradients.d_scale.error / temperature**2
    ).agrees


@given(SEEDS, st.integers(1, 5))
def test_exercise_5(seed, T):
    """On the queries from s on, the only ones that see it. The first query sees the first key alone.

    So if it alone has a `d_output`, `d_key` of the last key is 0; and so is that of the first, by exercise 2.
    """
    query, key, value, d_output = arrays(seed, (T, 2), (T, 2), (T, 5), (T, 5))
    _, gradients = backward(d_output, query, key, value, mask=causal_mask(T, T))
    for s in range(T):
        before = np.where(np.arange(T)[:, None] < s, 0, d_output)  # what the queries before s are told does not matter
        _, without = backward(before, query, key, value, mask=causal_mask(T, T))
        assert np.array_equal(gradients.d_key.value[s], without.d_key.value[s])
    _, first = backward(np.where(np.arange(T)[:, None] == 0, d_output, 0), query, key, value, mask=causal_mask(T, T))
    assert not np.any(first.d_key.value)


@given(SEEDS)
def test_exercise_6(seed):
    """The softmax: the derivative of the logarithm is 1 / total, and that of the total is `exp(logits[j])`."""
    (logits,) = arrays(seed, (5,))
    step = 2.0**-300
    shift = logits.max()
    grows = np.array([np.log(np.sum(np.exp(logits - shift + 1j * step * one))).imag / step for one in np.eye(5)])
    weights = softmax(track(logits, FLOAT64))
    assert compare(grows, weights.value, 2 * weights.error).agrees  # the complex step rounds about as the softmax does


@given(SEEDS)
def test_exercise_7(seed):
    """They are broadcast over the heads, so each has the sum of what the heads alone would give it."""
    query, key, value, d_output = arrays(seed, (3, 2, 4), (1, 5, 4), (1, 5, 6), (3, 2, 6))
    _, shared = backward(d_output, query, key, value)
    alone = [backward(d_output[head], query[head], key[0], value[0])[1] for head in range(3)]
    assert shared.d_key.shape == key.shape
    for name in ("d_key", "d_value"):
        assert same(getattr(shared, name)[0], sum((getattr(one, name) for one in alone[1:]), getattr(alone[0], name)))


@given(SEEDS)
def test_exercise_8(seed):
    """The sum of `d_W_q` and `d_W_k`, as W reaches the loss in both ways.

    The scores are x W Wᵀ xᵀ, which is symmetric. The weights are not: each row is divided by its own sum.
    """
    x, W, W_v, d_output = arrays(seed, (4, 3), (3, 2), (3, 5), (4, 5))
    x, W = x / 4, W / 4
    record = self_attention(*(track(array, FLOAT64) for array in (x, W, W, W_v)))
    gradients = self_attention_backward(track(d_output, FLOAT64), record)

    def tied(W):
        return self_attention(x, W, W, W_v)

    grows = complex_step_gradient(tied, {"W": W}, "W", {"output": d_output})
    d_W = gradients.d_W_q + gradients.d_W_k
    assert compare(grows, d_W.value, 2 * d_W.error).agrees  # the complex step rounds about as the backward does
    scores = record.attention.scores.value
    assert np.array_equal(scores, scores.T)
    weights = softmax([[0.0, 0.0], [0.0, 5.0]])
    assert weights[0, 1] > 50 * weights[1, 0]
