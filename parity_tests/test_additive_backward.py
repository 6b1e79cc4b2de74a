"""The backward of additive attention: every gradient, of every argument."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests import exact_additive
from parity_tests.additive_calls import ARGUMENTS, additive_backward, additive_calls, additive_cotangents
from parity_tests.calls import LARGEST, OVERFLOWS, generators, sizes, tracked
from parity_tests.comparison import compare, within_bound
from parity_tests.exact import ulps_apart
from reference import (
    additive_attention,
    additive_attention_backward,
    additive_scores,
    additive_scores_backward,
    complex_step_gradient,
)


@settings(max_examples=40)
@given(st.data(), additive_calls())
def test_every_gradient_is_that_to_50_digits_within_the_bound(data, call):
    upstream = data.draw(additive_cotangents(call))
    bound = additive_backward(tracked(call), **upstream)
    truth = exact_additive.attention(**call, **upstream).gradients
    for name, gradient in additive_backward(call, **upstream).items():
        assert compare(gradient, truth[name], bound[name].error).agrees


@pytest.mark.parametrize("name", ARGUMENTS)
@settings(max_examples=15)
@given(data=st.data(), call=additive_calls(may_hide=False))
def test_every_gradient_agrees_with_the_complex_step_to_a_few_hundred_ulp(name, data, call):
    if call[name] is None:
        call[name] = 0.5
    upstream = data.draw(additive_cotangents(call))
    fields = {"output": upstream["d_output"]}
    if upstream["d_weights"] is not None:
        fields["weights"] = upstream["d_weights"]
    derived = complex_step_gradient(additive_attention, call, name, fields)
    sizes_of_terms = exact_additive.attention(**call, **upstream).sizes[name]
    assert ulps_apart(additive_backward(call, **upstream)[name], derived, sizes_of_terms) <= 300


@settings(max_examples=30)
@given(additive_calls(), generators())
def test_every_gradient_of_the_scores_alone_is_right(call, rng):
    call = {name: call[name] for name in ("query", "key", "scale", "v_a")}
    record = additive_scores(**call)
    d_scores = rng.normal(size=record.scores.shape)
    gradients = additive_scores_backward(d_scores, record)
    bounds = additive_scores_backward(d_scores, additive_scores(**tracked(call)))
    _, truth, sizes_of_terms = exact_additive.scores(**call, d_scores=d_scores)
    for name in call:
        gradient, bound = getattr(gradients, f"d_{name}"), getattr(bounds, f"d_{name}")
        assert compare(gradient, truth[name], bound.error).agrees
        derived = complex_step_gradient(additive_scores, call, name, {"scores": d_scores})
        assert ulps_apart(gradient, derived, sizes_of_terms[name]) <= 300


@settings(max_examples=40)
@given(st.data(), additive_calls())
def test_every_gradient_has_the_shape_of_what_it_is_of(data, call):
    record = additive_attention(**call)
    gradients = additive_attention_backward(attention=record, **data.draw(additive_cotangents(call)))
    for ours, of_record in ((gradients, record), (gradients.additive, record.additive)):
        for field, gradient in ours._asdict().items():
            of = getattr(of_record, field.removeprefix("d_"))
            assert field == "additive" or (of is None and gradient is None) or gradient.shape == of.shape


@settings(max_examples=40)
@given(st.data(), additive_calls())
def test_twice_the_cotangents_give_twice_the_gradients(data, call):
    upstream = data.draw(additive_cotangents(call))
    twice = {name: None if array is None else 2 * array for name, array in upstream.items()}
    doubled = additive_backward(call, **twice)
    for name, gradient in additive_backward(call, **upstream).items():
        assert np.array_equal(doubled[name], 2 * gradient)


@pytest.mark.filterwarnings(OVERFLOWS)
@given(sizes(), generators())
def test_hidden_keys_have_no_influence_on_any_gradient_and_none_themselves(drawn, rng):
    T, S, d_k, d_v = drawn
    query, key, value = rng.normal(size=(T, d_k)), rng.normal(size=(S, d_k)), rng.normal(size=(S, d_v))
    d_output, d_weights, v_a = rng.normal(size=(T, d_v)), rng.normal(size=(T, S)), rng.normal(size=d_k)
    mask = rng.random(S) < 0.6
    call = {"query": query, "key": key, "value": value, "v_a": v_a, "scale": 0.5, "mask": mask}
    before = additive_backward(call, d_output, d_weights)
    key[~mask], value[~mask], d_weights[:, ~mask] = LARGEST, -LARGEST, 1e6
    after = additive_backward(call, d_output, d_weights)
    for name, gradient in before.items():
        assert np.array_equal(gradient, after[name])
    assert not before["key"][~mask].any()
    assert not before["value"][~mask].any()


@pytest.mark.filterwarnings(OVERFLOWS)
def test_a_key_that_is_hidden_may_overflow_with_a_query_that_is_large_too():
    attention = additive_attention([[1e300]], [[1.0], [LARGEST]], [[1.0], [2.0]], mask=np.array([True, False]))
    gradients = additive_attention_backward([[1.0]], attention)
    assert not any(gradient.any() for gradient in (gradients.d_scale, gradients.d_query, gradients.d_key))


@given(sizes(), generators())
def test_a_query_that_may_attend_nothing_has_gradient_zero_and_no_influence_on_others(drawn, rng):
    T, S, d_k, d_v = drawn
    query, key, value = rng.normal(size=(T, d_k)), rng.normal(size=(S, d_k)), rng.normal(size=(S, d_v))
    call = {"query": query, "key": key, "value": value, "v_a": rng.normal(size=d_k), "scale": 0.5}
    call["mask"] = rng.random((T, S)) < 0.6
    call["mask"][0] = False
    d_output, d_weights = rng.normal(size=(T, d_v)), rng.normal(size=(T, S))
    before = additive_backward(call, d_output, d_weights)
    assert not before["query"][0].any()
    query[0], d_output[0], d_weights[0] = 1e6, 1e6, -1e6
    for name, gradient in additive_backward(call, d_output, d_weights).items():
        assert np.array_equal(gradient, before[name])


@settings(max_examples=40)
@given(st.data(), additive_calls())
def test_where_all_is_hidden_all_gradients_are_zero(data, call):
    call["mask"] = np.array(False)
    gradients = additive_backward(call, **data.draw(additive_cotangents(call)))
    assert not any(gradient.any() for gradient in gradients.values())


@pytest.mark.parametrize(("T", "S"), [(0, 3), (2, 0), (0, 0)])
@pytest.mark.parametrize("leading", [(), (2,), (0,), (2, 0)])
def test_without_queries_or_keys_everything_is_zero_or_empty(T, S, leading):
    call = {"query": np.ones((*leading, T, 4)), "key": np.ones((*leading, S, 4)), "value": np.ones((*leading, S, 5))}
    call |= {"scale": np.array(2.0), "v_a": np.ones(4), "bias": np.ones((T, S))}
    assert np.array_equal(additive_attention(**call).output, np.zeros((*leading, T, 5)))
    for arguments in (call, tracked(call)):
        gradients = additive_backward(arguments, np.ones((*leading, T, 5)))
        for name, argument in call.items():
            assert np.array_equal(np.zeros(argument.shape), getattr(gradients[name], "value", gradients[name]))


@settings(max_examples=40)
@given(st.data(), additive_calls())
def test_what_broadcasts_might_as_well_be_repeated(data, call):
    d_output = data.draw(additive_cotangents(call))["d_output"]
    leading = additive_attention(**call).output.shape[:-2]
    repeated = {
        name: np.broadcast_to(call[name], (*leading, *call[name].shape[-2:])) for name in ("query", "key", "value")
    }
    bounds, gradients = additive_backward(tracked(call), d_output), additive_backward({**call, **repeated}, d_output)
    for name in repeated:
        own = call[name].shape
        axes = [axis for axis in range(-len(leading) - 2, -2) if -axis > len(own) or own[axis] != leading[axis + 2]]
        assert within_bound(gradients[name].sum(axis=tuple(axes)).reshape(own), bounds[name]).agrees


@settings(max_examples=40)
@given(st.data(), additive_calls())
def test_a_scalar_v_a_has_the_sum_of_the_gradients_of_a_vector(data, call):
    call["v_a"] = np.float64(call["v_a"].flat[0])
    upstream = data.draw(additive_cotangents(call))
    bound = additive_backward(tracked(call), **upstream)["v_a"]
    call["v_a"] = np.full(call["query"].shape[-1], call["v_a"])
    assert within_bound(np.sum(additive_backward(call, **upstream)["v_a"]), bound).agrees
