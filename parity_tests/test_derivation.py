"""Each equation of reference/DERIVATION.md, evaluated element by element, against what the reference computes.

Both sides carry a bound on their rounding errors, and may differ by the sum of the two.
"""

import itertools
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from parity_tests import exact
from parity_tests.comparison import compare
from reference import (
    complex_step_gradient,
    dot_product_attention,
    dot_product_attention_backward,
    linear_backward,
    self_attention,
    self_attention_backward,
    softmax,
    softmax_backward,
)
from reference.rounding import FLOAT64, track


@st.composite
def cases(draw, *, softcap=False, mask=False):
    """Small arrays of one sequence, what attention makes of them, and its gradients, all with their bounds."""
    T, S, d_k, d_v = draw(st.tuples(*(st.integers(1, 4),) * 4))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    arguments = {
        "query": random.normal(size=(T, d_k)),
        "key": random.normal(size=(S, d_k)),
        "value": random.normal(size=(S, d_v)),
        "scale": random.normal(),
        "bias": random.normal(size=S),
    }
    cap = random.uniform(0.5, 3) if softcap else None
    shown = random.random((T, S)) < 0.6 if mask else None
    tracked = {name: track(array, FLOAT64) for name, array in arguments.items()}
    attention = dot_product_attention(**tracked, softcap=cap, mask=shown)
    d_output = track(random.normal(size=(T, d_v)), FLOAT64)
    return attention, dot_product_attention_backward(d_output, attention), d_output


def holds(array, element):
    """Assert that each element is what an equation says it is, an expression of its indices."""
    for index in np.ndindex(*array.shape):
        told = element(*index)
        assert compare(array[index].value, told.value, array[index].error + told.error).agrees, (index, array, told)


def total(numbers):
    """The sum of a few numbers, with its bound."""
    return sum(numbers, start=track(0.0, FLOAT64))


def matrices(seed, *shapes):
    random = np.random.default_rng(seed)
    return [track(random.normal(size=shape), FLOAT64) for shape in shapes]


SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.tuples(*(st.integers(1, 4),) * 3)


@given(cases())
def test_a_score_is_the_product_of_a_query_and_a_key(case):
    a, _, _ = case
    d_k = a.query.shape[1]
    holds(a.scaled, lambda t, s: a.scale * total(a.query[t, k] * a.key[s, k] for k in range(d_k)))


@given(cases(mask=True))
def test_a_weight_is_the_share_of_an_exponential(case):
    a, _, _ = case
    S = a.key.shape[0]

    def share(t, s):
        if not a.mask[t, s]:
            return track(0.0, FLOAT64)
        return np.exp(a.scores[t, s]) / total(np.exp(a.scores[t, r]) for r in range(S) if a.mask[t, r])

    holds(a.weights, share)


@given(cases(mask=True))
def test_an_output_is_the_weighted_sum_of_the_values(case):
    a, _, _ = case
    holds(a.output, lambda t, v: total(a.weights[t, s] * a.value[s, v] for s in range(a.key.shape[0])))


@given(cases())
def test_a_gradient_is_how_fast_the_loss_grows(case):
    a, gradients, d_output = case
    arguments = {name: np.float64(getattr(a, name).value) for name in ("query", "key", "value", "scale", "bias")}
    upstream = np.float64(d_output.value)
    truth = exact.attention(**arguments, d_output=upstream)
    for name in arguments:
        gradient = getattr(gradients, f"d_{name}")
        grows = complex_step_gradient(dot_product_attention, arguments, name, {"output": upstream})
        assert exact.ulps_apart(truth.gradients[name], grows, truth.sizes[name]) <= 300
        assert compare(gradient.value, truth.gradients[name], gradient.error).agrees


@given(SEEDS, st.integers(1, 4))
def test_the_chain_rule_sums_over_all_that_was_computed(seed, size):
    # Of y = softmax(x), whose derivatives (10) gives one by one.
    x, d_y = matrices(seed, (size,), (size,))
    y = softmax(x)
    holds(softmax_backward(d_y, y), lambda i: total(d_y[j] * y[j] * ((i == j) - y[i]) for j in range(size)))


@given(SEEDS, SIZES)
def test_a_product_sums_over_the_inner_index(seed, sizes):
    rows, inner, columns = sizes
    A, B = matrices(seed, (rows, inner), (inner, columns))
    holds(A @ B, lambda i, j: total(A[i, m] * B[m, j] for m in range(inner)))


@given(SEEDS, SIZES)
def test_the_gradients_of_a_product_in_indices(seed, sizes):
    # linear is a product without anything else.
    rows, inner, columns = sizes
    A, B, d_C = matrices(seed, (rows, inner), (inner, columns), (rows, columns))
    _, d_B, d_A = linear_backward(d_C, A, B)
    holds(d_A, lambda i, m: total(d_C[i, j] * B[m, j] for j in range(columns)))
    holds(d_B, lambda m, j: total(A[i, m] * d_C[i, j] for i in range(rows)))


@given(SEEDS, SIZES)
def test_the_gradients_of_a_product_as_matrices(seed, sizes):
    rows, inner, columns = sizes
    A, B, d_C = matrices(seed, (rows, inner), (inner, columns), (rows, columns))
    holds(d_C @ B.mT, lambda i, m: total(d_C[i, j] * B[m, j] for j in range(columns)))
    holds(A.mT @ d_C, lambda m, j: total(A[i, m] * d_C[i, j] for i in range(rows)))


@given(cases(mask=True))
def test_the_last_step_is_a_product(case):
    a, gradients, d_output = case
    (T, d_v), S = d_output.shape, a.key.shape[0]
    holds(gradients.d_weights, lambda t, s: total(d_output[t, v] * a.value[s, v] for v in range(d_v)))
    holds(gradients.d_value, lambda s, v: total(a.weights[t, s] * d_output[t, v] for t in range(T)))
    assert gradients.d_value.shape == (S, d_v)


@given(SEEDS, st.integers(1, 4))
def test_how_fast_a_weight_grows_with_a_logit(seed, size):
    (logits,) = matrices(seed, (size,))
    weights = softmax(logits)
    exponentials = np.exp(logits)
    whole = total(exponentials[i] for i in range(size))
    for i in range(size):
        # With a cotangent of 1 on one weight, the gradient is the row of its derivatives.
        derivatives = softmax_backward(np.eye(size)[i], weights)
        holds(
            derivatives,
            lambda j, i=i: (i == j) * exponentials[i] / whole - exponentials[i] / whole * exponentials[j] / whole,
        )
        holds(derivatives, lambda j, i=i: weights[i] * ((i == j) - weights[j]))


@given(cases(mask=True))
def test_the_gradient_of_a_softmax(case):
    a, gradients, _ = case
    S, w, d_w = a.key.shape[0], a.weights, gradients.d_weights
    holds(gradients.d_logits, lambda t, j: total(d_w[t, i] * w[t, i] * ((i == j) - w[t, j]) for i in range(S)))
    holds(gradients.d_logits, lambda t, j: w[t, j] * (d_w[t, j] - total(d_w[t, i] * w[t, i] for i in range(S))))


@given(cases(mask=True))
def test_a_row_of_gradients_sums_to_nothing(case):
    a, gradients, _ = case
    for t in range(a.query.shape[0]):
        row = total(gradients.d_logits[t, s] for s in range(a.key.shape[0]))
        assert compare(row.value, np.zeros(()), row.error).agrees


@given(cases(mask=True))
def test_a_hidden_score_has_no_gradient(case):
    a, gradients, _ = case
    zero = track(0.0, FLOAT64)
    holds(gradients.d_scores, lambda t, s: gradients.d_logits[t, s] if a.mask[t, s] else zero)


@given(cases())
def test_what_is_broadcast_gets_the_sum(case):
    a, gradients, _ = case
    holds(gradients.d_bias, lambda s: total(gradients.d_scores[t, s] for t in range(a.query.shape[0])))


@given(cases(softcap=True))
def test_a_softcap_lets_less_through_the_more_it_bends(case):
    a, gradients, _ = case
    holds(gradients.d_scaled, lambda t, s: gradients.d_capped[t, s] * (1 - np.square(a.capped[t, s] / a.softcap)))
    holds(a.capped, lambda t, s: a.softcap * np.tanh(a.scaled[t, s] / a.softcap))


@given(cases())
def test_a_scale_gets_the_sum_over_all_scores(case):
    a, gradients, _ = case
    d_scaled = gradients.d_scaled
    holds(gradients.d_products, lambda t, s: a.scale * d_scaled[t, s])
    holds(gradients.d_scale, lambda: total(d_scaled[index] * a.products[index] for index in np.ndindex(d_scaled.shape)))


@given(cases(softcap=True, mask=True))
def test_the_first_step_is_a_product(case):
    a, gradients, _ = case
    (T, S), d_products = gradients.d_products.shape, gradients.d_products
    holds(gradients.d_query, lambda t, k: total(d_products[t, s] * a.key[s, k] for s in range(S)))
    holds(gradients.d_key, lambda s, k: total(d_products[t, s] * a.query[t, k] for t in range(T)))


@given(SEEDS, SIZES)
def test_the_gradients_of_a_projection(seed, sizes):
    positions, d_in, d_out = sizes
    x, W, d_y = matrices(seed, (2, positions, d_in), (d_in, d_out), (2, positions, d_out))
    d_b, d_W, d_x = linear_backward(d_y, x, W)
    every = list(np.ndindex(2, positions))
    holds(d_x, lambda b, i, m: total(d_y[b, i, j] * W[m, j] for j in range(d_out)))
    holds(d_W, lambda m, j: total(x[(*at, m)] * d_y[(*at, j)] for at in every))
    holds(d_b, lambda j: total(d_y[(*at, j)] for at in every))


@given(SEEDS, SIZES)
def test_a_sequence_gets_what_its_three_projections_get(seed, sizes):
    T, d, units = sizes
    x, W_q, W_k, W_v, d_output = matrices(seed, (T, d), (d, units), (d, units), (d, units), (T, units))
    gradients = self_attention_backward(d_output, self_attention(x, W_q, W_k, W_v))
    inner = gradients.attention

    def projected_back(d_y, W, t, m):
        return total(d_y[t, j] * W[m, j] for j in range(units))

    holds(
        gradients.d_x,
        lambda t, m: (
            projected_back(inner.d_query, W_q, t, m)
            + projected_back(inner.d_key, W_k, t, m)
            + projected_back(inner.d_value, W_v, t, m)
        ),
    )


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=2), st.integers(1, 3))
def test_the_variance_of_a_product_is_the_depth(numbers, d_k):
    # Over all queries and keys that there are with elements from a few numbers, so that nothing is a sample. With the
    # negatives the mean is 0; the variance is not 1 but that of the numbers.
    numbers = [*numbers, *(-number for number in numbers)]
    variance = Fraction(sum(number**2 for number in numbers), len(numbers))
    pairs = [one * other for one in numbers for other in numbers]
    products = [sum(chosen) for chosen in itertools.product(pairs, repeat=d_k)]
    assert sum(products) == 0
    assert Fraction(sum(product**2 for product in products), len(products)) == d_k * variance**2
