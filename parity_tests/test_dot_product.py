"""Dot-product attention: what it returns, and the gradients of that."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from parity_tests import exact
from parity_tests.comparison import compare, within_bound
from parity_tests.strategies import generators
from reference import (
    causal_mask,
    complex_step_gradient,
    dot_product_attention,
    dot_product_attention_backward,
    scaled_dot_product_attention,
)
from reference.rounding import FLOAT64, track

INPUTS = ("query", "key", "value")
TRACKED = (*INPUTS, "scale", "bias")


@st.composite
def sizes(draw):
    """T, S, d_k and d_v: any, all equal or all distinct."""
    equal = st.integers(1, 6).map(lambda size: (size,) * 4)
    return draw(st.tuples(*(st.integers(1, 6),) * 4) | equal | st.permutations((2, 3, 4, 5)))


@st.composite
def calls(draw, may_hide=True, softcap=True):
    """Keyword arguments of attention, of shapes that broadcast, with every option or none."""
    T, S, d_k, d_v = draw(sizes())
    leading = draw(mutually_broadcastable_shapes(num_shapes=6, max_dims=2, max_side=3)).input_shapes
    rng = draw(generators())
    call = {
        "query": rng.normal(size=(*leading[0], T, d_k)),
        "key": rng.normal(size=(*leading[1], S, d_k)),
        "value": rng.normal(size=(*leading[2], S, d_v)),
    }
    of_scores = st.sampled_from(((T, S), (1, S), (T, 1), (1, 1)))
    call["scale"] = rng.normal(size=(*leading[3], *draw(of_scores))) if draw(st.booleans()) else rng.normal()
    call["softcap"] = draw(st.sampled_from((None, 0.5, 3.0))) if softcap else None
    call["bias"] = rng.normal(size=(*leading[4], *draw(of_scores))) if draw(st.booleans()) else None
    if call["bias"] is not None and may_hide:
        call["bias"] = np.where(rng.random(call["bias"].shape) < 0.2, -np.inf, call["bias"])
    call["mask"] = rng.random((*leading[5], *draw(of_scores))) < 0.7 if draw(st.booleans()) else None
    return call


@st.composite
def cotangents(draw, call):
    """A cotangent on the output, and one on the weights or none."""
    record = dot_product_attention(**call)
    rng = draw(generators())
    d_output = rng.normal(size=record.output.shape)
    return {"d_output": d_output, "d_weights": rng.normal(size=record.weights.shape) if draw(st.booleans()) else None}


def tracked(call):
    """The same call, whose error is followed."""
    return {
        name: track(argument, FLOAT64) if name in TRACKED and argument is not None else argument
        for name, argument in call.items()
    }


def backward(call, d_output, d_weights=None):
    return dot_product_attention_backward(d_output, dot_product_attention(**call), d_weights)


def of_inputs(call, gradients):
    """The gradients of those arguments that there are, by name."""
    return {name: getattr(gradients, f"d_{name}") for name in TRACKED if call.get(name) is not None}


@given(calls())
def test_output_and_weights_are_those_to_50_digits_within_the_bound(call):
    actual, bound, truth = (
        dot_product_attention(**call),
        dot_product_attention(**tracked(call)),
        exact.attention(**call),
    )
    for name in ("weights", "output"):
        assert compare(getattr(actual, name), getattr(truth, name), getattr(bound, name).error).agrees


@given(st.data(), calls())
def test_every_gradient_is_that_to_50_digits_within_the_bound(data, call):
    upstream = data.draw(cotangents(call))
    bound = of_inputs(call, backward(tracked(call), **upstream))
    truth = exact.attention(**call, **upstream).gradients
    for name, gradient in of_inputs(call, backward(call, **upstream)).items():
        assert compare(gradient, truth[name], bound[name].error).agrees


@pytest.mark.parametrize("name", TRACKED)
@settings(max_examples=25)
@given(data=st.data(), call=calls(may_hide=False))
def test_every_gradient_agrees_with_the_complex_step_to_a_few_hundred_ulp(name, data, call):
    if call[name] is None:
        call[name] = 0.5
    upstream = data.draw(cotangents(call))
    fields = {"output": upstream["d_output"]}
    if upstream["d_weights"] is not None:
        fields["weights"] = upstream["d_weights"]
    derived = complex_step_gradient(dot_product_attention, call, name, fields)
    sizes_of_terms = exact.attention(**call, **upstream).sizes[name]
    assert exact.ulps_apart(of_inputs(call, backward(call, **upstream))[name], derived, sizes_of_terms) <= 300


@given(st.data(), calls())
def test_every_gradient_has_the_shape_of_what_it_is_of(data, call):
    gradients = backward(call, **data.draw(cotangents(call)))
    record = dot_product_attention(**call)
    for field, gradient in gradients._asdict().items():
        of = getattr(record, field.removeprefix("d_"))
        assert (of is None and gradient is None) or gradient.shape == of.shape


@given(st.data(), calls())
def test_twice_the_cotangents_give_twice_the_gradients(data, call):
    upstream = data.draw(cotangents(call))
    twice = {name: None if array is None else 2 * array for name, array in upstream.items()}
    doubled = of_inputs(call, backward(call, **twice))
    for name, gradient in of_inputs(call, backward(call, **upstream)).items():
        assert np.array_equal(doubled[name], 2 * gradient)


@given(calls(), generators())
def test_the_sum_of_two_cotangents_gives_the_sum_of_both_gradients(call, rng):
    record = dot_product_attention(**call)
    of_output, of_weights = (
        rng.integers(-9, 10, size=(2, *array.shape)).astype(float) for array in (record.output, record.weights)
    )
    parts = [of_inputs(call, backward(tracked(call), *upstream)) for upstream in zip(of_output, of_weights)]
    together = of_inputs(call, backward(call, of_output.sum(axis=0), of_weights.sum(axis=0)))
    for name, gradient in together.items():
        assert within_bound(gradient, parts[0][name] + parts[1][name]).agrees


@given(sizes(), generators())
def test_hidden_keys_have_no_influence(drawn, rng):
    T, S, d_k, d_v = drawn
    query, key, value = rng.normal(size=(T, d_k)), rng.normal(size=(S, d_k)), rng.normal(size=(S, d_v))
    mask = rng.random((T, S)) < 0.6
    s = rng.integers(S)
    before = dot_product_attention(query, key, value, mask=mask)
    key[s], value[s] = rng.normal(size=d_k) * 1e6, rng.normal(size=d_v) * 1e6
    after = dot_product_attention(query, key, value, mask=mask)
    unseeing = ~mask[:, s]
    assert np.array_equal(before.weights[unseeing], after.weights[unseeing])
    assert np.array_equal(before.output[unseeing], after.output[unseeing])


@given(sizes(), generators())
def test_hidden_keys_have_no_influence_on_any_gradient(drawn, rng):
    T, S, d_k, d_v = drawn
    query, key, value = rng.normal(size=(T, d_k)), rng.normal(size=(S, d_k)), rng.normal(size=(S, d_v))
    d_output, d_weights = rng.normal(size=(T, d_v)), rng.normal(size=(T, S))
    mask = rng.random(S) < 0.6
    before = backward({"query": query, "key": key, "value": value, "mask": mask}, d_output, d_weights)
    key[~mask], value[~mask], d_weights[:, ~mask] = 1e6, -1e6, 1e6
    after = backward({"query": query, "key": key, "value": value, "mask": mask}, d_output, d_weights)
    for name in ("query", "key", "value", "scale"):
        assert np.array_equal(getattr(before, f"d_{name}"), getattr(after, f"d_{name}"))


@given(sizes(), generators())
def test_hidden_keys_and_values_have_gradient_zero(drawn, rng):
    T, S, d_k, d_v = drawn
    call = {"query": rng.normal(size=(T, d_k)), "key": rng.normal(size=(S, d_k)), "value": rng.normal(size=(S, d_v))}
    mask = rng.random(S) < 0.6
    gradients = backward({**call, "mask": mask}, rng.normal(size=(T, d_v)), rng.normal(size=(T, S)))
    assert not gradients.d_key[~mask].any()
    assert not gradients.d_value[~mask].any()


@given(calls(may_hide=False), generators())
def test_a_bias_of_minus_infinity_hides_as_a_mask_does(call, rng):
    mask = rng.random(dot_product_attention(**call).scores.shape[-2:]) < 0.7
    by_mask = dot_product_attention(**{**call, "mask": mask})
    added = 0.0 if call["bias"] is None else call["bias"]
    by_bias = dot_product_attention(**{**call, "mask": None, "bias": np.where(mask, added, -np.inf)})
    assert np.array_equal(by_mask.output, by_bias.output)


@given(sizes(), generators())
def test_a_query_that_may_attend_nothing_has_only_zeros(drawn, rng):
    T, S, d_k, d_v = drawn
    call = {"query": rng.normal(size=(T, d_k)), "key": rng.normal(size=(S, d_k)), "value": rng.normal(size=(S, d_v))}
    call["mask"] = rng.random((T, S)) < 0.6
    call["mask"][0] = False
    record = dot_product_attention(**call)
    gradients = backward(call, rng.normal(size=(T, d_v)), rng.normal(size=(T, S)))
    for array in (record.weights, record.output, gradients.d_scores, gradients.d_query):
        assert not array[0].any()


@given(st.data(), calls())
def test_where_all_is_hidden_all_gradients_are_zero(data, call):
    call["mask"] = np.array(False)
    gradients = of_inputs(call, backward(call, **data.draw(cotangents(call))))
    assert not any(gradient.any() for gradient in gradients.values())


@pytest.mark.parametrize(("T", "S"), [(0, 3), (2, 0), (0, 0)])
@pytest.mark.parametrize("leading", [(), (2,), (0,), (2, 0)])
def test_without_queries_or_keys_everything_is_zero_or_empty(T, S, leading):
    call = {"query": np.ones((*leading, T, 4)), "key": np.ones((*leading, S, 4)), "value": np.ones((*leading, S, 5))}
    call["mask"] = causal_mask(T, S)
    record, gradients = dot_product_attention(**call), backward(call, np.ones((*leading, T, 5)))
    assert np.array_equal(record.output, np.zeros((*leading, T, 5)))
    for name in INPUTS:
        assert np.array_equal(getattr(gradients, f"d_{name}"), np.zeros(call[name].shape))


@given(sizes(), generators())
def test_a_single_key_is_all_that_a_query_attends_to(drawn, rng):
    T, _, d_k, d_v = drawn
    value = rng.normal(size=(1, d_v))
    output = dot_product_attention(rng.normal(size=(T, d_k)), rng.normal(size=(1, d_k)), value).output
    assert np.array_equal(output, np.repeat(value, T, axis=0))


@given(st.data(), calls())
def test_what_broadcasts_might_as_well_be_repeated(data, call):
    upstream = data.draw(cotangents(call))
    leading = dot_product_attention(**call).output.shape[:-2]
    repeated = {**call, **{name: np.broadcast_to(call[name], (*leading, *call[name].shape[-2:])) for name in INPUTS}}
    if upstream["d_weights"] is not None:  # only those of the first value see the cotangent of the weights
        upstream["d_weights"] = None
    bound = dot_product_attention(**tracked(call))
    assert within_bound(dot_product_attention(**repeated).output, bound.output).agrees
    for name in INPUTS:
        gradient = getattr(backward(repeated, **upstream), f"d_{name}")
        own = call[name].shape
        axes = [axis for axis in range(-len(leading) - 2, -2) if -axis > len(own) or own[axis] != gradient.shape[axis]]
        summed = gradient.sum(axis=tuple(axes)).reshape(own)
        assert within_bound(summed, getattr(backward(tracked(call), **upstream), f"d_{name}")).agrees


@given(sizes(), st.integers(1, 3), st.integers(1, 3), generators())
def test_heads_that_share_a_key_are_attention_with_repeated_keys(drawn, batch, heads, rng):
    T, S, d_k, d_v = drawn
    query, d_output = rng.normal(size=(batch, heads, T, d_k)), rng.normal(size=(batch, heads, T, d_v))
    shared = {"key": rng.normal(size=(batch, 1, S, d_k)), "value": rng.normal(size=(batch, 1, S, d_v))}
    repeated = {name: np.repeat(array, heads, axis=1) for name, array in shared.items()}
    apart = backward({"query": query, **repeated}, d_output)
    together = backward(tracked({"query": query, **shared}), d_output)
    assert within_bound(apart.d_key.sum(axis=1, keepdims=True), together.d_key).agrees
    assert within_bound(apart.d_value.sum(axis=1, keepdims=True), together.d_value).agrees


@given(calls(softcap=False))
def test_each_item_of_a_batch_is_attended_to_alone(call):
    bound = dot_product_attention(**tracked(call)).output
    leading = bound.shape[:-2]
    for lead in np.ndindex(*leading):
        item = dict(call)
        for name in (*TRACKED, "mask"):
            if call[name] is not None and np.ndim(call[name]) > 1:
                item[name] = np.broadcast_to(call[name], (*leading, *call[name].shape[-2:]))[lead]
        assert within_bound(dot_product_attention(**item).output, bound[lead]).agrees


@given(sizes(), generators())
def test_the_order_of_the_keys_is_of_no_importance(drawn, rng):
    T, S, d_k, d_v = drawn
    query, key, value = rng.normal(size=(T, d_k)), rng.normal(size=(S, d_k)), rng.normal(size=(S, d_v))
    mask, order = rng.random((T, S)) < 0.7, rng.permutation(S)
    bound = dot_product_attention(**tracked({"query": query, "key": key, "value": value, "mask": mask}))
    permuted = dot_product_attention(query, key[order], value[order], mask=mask[:, order])
    assert within_bound(permuted.output, bound.output).agrees
    assert within_bound(permuted.weights, bound.weights[:, order]).agrees


@given(sizes(), generators())
def test_scores_of_integers_are_integers(drawn, rng):
    T, S, d_k, d_v = drawn
    query, key = rng.integers(-99, 100, (T, d_k)), rng.integers(-99, 100, (S, d_k))
    bias = rng.integers(-99, 100, (T, S))
    expected = np.zeros((T, S))
    for t, s in np.ndindex(T, S):
        expected[t, s] = 3 * sum(query[t, k] * key[s, k] for k in range(d_k)) + bias[t, s]
    record = dot_product_attention(query, key, np.ones((S, d_v)), scale=3, bias=bias)
    assert np.array_equal(record.scores, expected)


@given(sizes(), generators())
def test_every_step_up_to_the_logits_is_the_one_it_names(drawn, rng):
    T, S, d_k, _ = drawn
    query, key = rng.integers(-9, 10, (T, d_k)), rng.integers(-9, 10, (S, d_k))
    bias, mask = rng.integers(-9, 10, (T, S)), rng.random((T, S)) < 0.7
    record = dot_product_attention(query, key, key, scale=0.5, bias=bias, mask=mask)
    products = np.einsum("tk,sk->ts", query, key)
    assert np.array_equal(record.products, products)
    assert np.array_equal(record.scaled, products / 2)
    assert np.array_equal(record.capped, products / 2)
    assert np.array_equal(record.scores, products / 2 + bias)
    assert np.array_equal(record.logits, [
        [products[t, s] / 2 + bias[t, s] if mask[t, s] else -np.inf for s in range(S)] for t in range(T)
    ])  # fmt: skip


@given(calls(may_hide=False), st.sampled_from((0.5, 4.0)))
def test_capped_scores_lie_between_minus_and_plus_the_softcap(call, softcap):
    call = {**call, "query": call["query"] * 100, "softcap": softcap}
    assert (np.abs(dot_product_attention(**call).capped) <= softcap).all()


@pytest.mark.parametrize("scale", [1.0, 0.25])
@given(drawn=sizes(), rng=generators())
def test_without_options_each_step_passes_its_gradient_on(scale, drawn, rng):
    T, S, d_k, d_v = drawn
    value, d_output = rng.integers(-9, 10, (S, d_v)), rng.integers(-9, 10, (T, d_v))
    call = {"query": rng.normal(size=(T, d_k)), "key": rng.normal(size=(S, d_k)), "value": value, "scale": scale}
    gradients = backward(call, d_output, np.ones((T, S)))
    assert np.array_equal(gradients.d_weights, np.einsum("tv,sv->ts", d_output, value) + 1)
    for same in (gradients.d_scores, gradients.d_capped, gradients.d_scaled, gradients.d_products / scale):
        assert np.array_equal(same, gradients.d_logits)


@pytest.mark.parametrize(
    ("field", "digits", "expected"),
    [
        ("products", 4, [[2, 2], [1, 4]]),
        ("scaled", 4, [[2, 2], [1, 4]]),
        ("scores", 4, [[2, 2], [1, 4]]),
        ("logits", 4, [[2, 2], [1, 4]]),
        ("weights", 4, [[0.5, 0.5], [0.0474, 0.9526]]),
        ("output", 3, [[2, 3], [2.905, 3.905]]),
    ],
)
def test_the_worked_example_has_the_numbers_of_the_article(field, digits, expected):
    record = dot_product_attention([[1, 0, 1], [0, 2, 1]], [[1, 0, 1], [0, 1, 2]], [[1, 2], [3, 4]])
    assert np.array_equal(np.round(getattr(record, field), digits), expected)


@given(calls())
def test_scaled_attention_is_attention_with_the_root_of_the_depth(call):
    options = {name: call[name] for name in ("softcap", "bias", "mask")}
    inputs = [call[name] for name in INPUTS]
    scale = call["query"].shape[-1] ** -0.5
    scaled = scaled_dot_product_attention(*inputs, **options)
    assert np.array_equal(scaled.output, dot_product_attention(*inputs, scale=scale, **options).output)


@pytest.mark.parametrize(("d_k", "root"), [(1, 1), (4, 2), (16, 4)])
def test_the_scale_is_one_over_the_root_of_the_depth(d_k, root):
    rng = np.random.default_rng(d_k)
    query, key = rng.integers(-9, 10, (3, d_k)), rng.integers(-9, 10, (2, d_k))
    assert np.array_equal(scaled_dot_product_attention(query, key, key).scores, query @ key.T / root)
