"""The backward of dot-product attention: every gradient, of every argument."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests import exact
from parity_tests.calls import (
    INPUTS,
    LARGEST,
    OVERFLOWS,
    TRACKED,
    backward,
    calls,
    cotangents,
    generators,
    of_inputs,
    sizes,
    tracked,
    twins,
)
from parity_tests.comparison import compare, within_bound
from reference import (
    causal_mask,
    complex_step_gradient,
    dot_product_attention,
)


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


@pytest.mark.filterwarnings(OVERFLOWS)
@settings(max_examples=300)
@given(twins(), generators())
def test_what_is_hidden_may_be_as_large_as_a_number_can_be(calls, rng):
    call, twin = calls
    record = dot_product_attention(**call)
    upstream = rng.normal(size=record.output.shape), rng.normal(size=record.weights.shape)
    expected, found = of_inputs(call, backward(call, *upstream)), of_inputs(call, backward(twin, *upstream))
    assert all(np.array_equal(found[name], gradient) for name, gradient in expected.items())


@pytest.mark.filterwarnings(OVERFLOWS)
@pytest.mark.parametrize("options", [{"mask": [True, False]}, {"bias": [0.0, -np.inf]}, {"bias": [0.0, -1e9]}, {}])
def test_a_key_of_weight_0_counts_as_0_however_it_is_hidden(options):
    """By nothing but that its score is too low, too."""
    call = {"query": [[4.0]], "key": [[1.0], [-LARGEST]], "value": [[1.0, 1.0], [-LARGEST, 3.0]]}
    call |= {name: np.array(option) for name, option in options.items()}
    gradients = backward(call, np.ones((1, 2)))
    assert np.array_equal(gradients.d_value, [[1.0, 1.0], [0.0, 0.0]])
    assert not any(gradient.any() for gradient in (gradients.d_query, gradients.d_key, gradients.d_scale))


@pytest.mark.filterwarnings(OVERFLOWS)
@pytest.mark.parametrize("softcap", [None, 3.0])
def test_a_hidden_product_may_be_the_difference_of_two_that_overflow(softcap):
    call = {"query": [[4.0] * 4], "value": [[1.0], [2.0]], "mask": np.array([True, False]), "softcap": softcap}
    ordinary, large = (
        of_inputs(call, backward({**call, "key": [[1.0, 0.5, 0.25, 0.0], hidden * 2]}, [[1.0]], [[1.0, 1.0]]))
        for hidden in ([1.0, -1.0], [LARGEST, -LARGEST])
    )
    assert all(np.array_equal(large[name], gradient) for name, gradient in ordinary.items())


@pytest.mark.filterwarnings(OVERFLOWS)
@pytest.mark.parametrize("mask", [None, np.array([True, True, False])])
def test_what_overflows_and_is_visible_is_told(mask):
    call = {"query": [[1.0]], "key": [[1.0], [0.5], [0.0]], "value": [[1.0, 1.0], [LARGEST, LARGEST], [1.0, 1.0]]}
    gradients = backward({**call, "mask": mask}, np.ones((1, 2)))
    assert not np.isfinite(gradients.d_query).any()
    assert not np.isfinite(gradients.d_scale)


@given(sizes(), generators())
def test_hidden_keys_and_values_have_gradient_zero(drawn, rng):
    T, S, d_k, d_v = drawn
    call = {"query": rng.normal(size=(T, d_k)), "key": rng.normal(size=(S, d_k)), "value": rng.normal(size=(S, d_v))}
    mask = rng.random(S) < 0.6
    gradients = backward({**call, "mask": mask}, rng.normal(size=(T, d_v)), rng.normal(size=(T, S)))
    assert not gradients.d_key[~mask].any()
    assert not gradients.d_value[~mask].any()


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
