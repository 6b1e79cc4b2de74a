"""Each golden case is what it is said to be, and what is expected of it can be told from nothing."""

import json

import numpy as np
import pytest

from parity_tests.golden import catalogue, generate, structure
from reference.concepts import concept_of
from reference.golden import bounds, read_case
from reference.rounding import BFLOAT16, FLOAT16, FLOAT32, FLOAT64

CASES = {path: read_case(generate.HOME / "cases" / f"{path}.json") for path in catalogue.PLANS}
DOCUMENTATION = (generate.HOME / "README.md").read_text(encoding="utf-8")
OF_SCORES = {
    *{"d_query", "d_key", "d_scale", "d_W_q", "d_W_k", "d_b_q"},
    *{"d_W_a", "d_b_a", "d_context", "d_scores"},
}

# Gradients that are 0 for a reason, beside those of weights that are 1 and those of biases of keys.
ZERO = {
    "dot_product/by_hand_even_weights": {"d_key", "d_scale"},  # the query is 0
    "dot_product/by_hand_causal": {"d_key", "d_scale"},  # all queries are 0
    "dot_product/all_keys_alike": {"d_query", "d_scale"},  # so are their scores, whatever query and scale are
    "dot_product/scale_zero": {"d_query", "d_key"},  # the scale is 0
    "dot_product/no_keys": {"d_query", "d_scale"},  # nothing is attended
    "dot_product/everything_hidden": {"d_query", "d_key", "d_value", "d_scale"},  # nothing is attended
    "dot_product/cotangent_on_the_weights_alone": {"d_value"},  # weights do not depend on values
    "additive/by_hand": {"d_query", "d_scale", "d_v_a"},  # all sums are 0, and so are the scores, whatever v_a is
    "multi_head/by_hand": {"d_query", "d_W_q", "d_W_k", "d_scale"},  # the keys are 0
    "pooling/by_hand": {"d_W_a"},  # the context is 0
    "self_attention/by_hand": {"d_W_q", "d_W_k", "d_scale"},  # the one position that counts is 0
}
OVERFLOWS = float(np.log(np.finfo(np.float32).max))  # the score above which an exponential of float32 is infinite
UNDERFLOWS = float(np.log(np.finfo(np.float32).tiny))


def rows(case):
    """The scores of each query, and which of them it sees."""
    scores, visible = scores_of(case), case.expected["visible"]
    return [(scores[row], visible[row]) for row in np.ndindex(scores.shape[:-1])]


def scores_of(case):
    """The scores, which a softmax is given."""
    return np.broadcast_to(case.expected.get("scores", case.inputs.get("scores")), case.expected["visible"].shape)


def has_ties(case):
    return any(len(set(scores[visible])) < visible.sum() for scores, visible in rows(case))


def has_hidden_scores_above(case):
    return any(
        visible.any() and not visible.all() and scores[~visible].max() > scores[visible].max()
        for scores, visible in rows(case)
    )


def has_a_row_far_below(case):
    largest = [scores[visible].max() for scores, visible in rows(case) if visible.any()]
    return min(largest) - max(largest) < UNDERFLOWS


def has_large_scores(case):
    scores = scores_of(case)
    return bool((np.abs(scores[np.isfinite(scores)]) > OVERFLOWS).any())


def is_saturated(case):
    """Whether every tanh is that of 4 at least."""
    if "x" in case.inputs:
        return np.abs(case.inputs["x"] @ case.inputs["W_a"]).min() >= 4
    return np.abs(case.inputs["query"][:, None] + case.inputs["key"]).min() >= 4


def flagged(flag):
    return {path for path, case in CASES.items() if flag in case.flags}


def test_no_gradient_from_above_is_all_0_unless_its_plan_says_so():
    drawn = {
        (path, name): array
        for path, case in CASES.items()
        for name, array in case.cotangents.items()
        if name not in catalogue.PLANS[path].get("cotangents", {})
    }
    assert [where for where, array in drawn.items() if not array.any()] == []


def test_no_gradient_is_all_0_without_a_reason():
    for path, case in CASES.items():
        gradients = {name for name, array in case.expected.items() if name.startswith("d_") and array.size}
        reasons = ZERO.get(path, set()) | {"d_b_k"} | (OF_SCORES if "one_visible_key" in case.flags else set())
        assert {name for name in gradients if not case.expected[name].any()} == gradients & reasons, path


@pytest.mark.parametrize("arithmetic", [FLOAT64, FLOAT32])
def test_nothing_that_is_expected_is_lost_in_rounding(arithmetic):
    for path, case in CASES.items():
        for name, bound in bounds(case, arithmetic).items():
            expected = np.abs(case.expected[name])
            assert not expected.any() or (expected > bound).any(), (path, name)


@pytest.mark.parametrize(("dtype", "arithmetic"), [("bfloat16", BFLOAT16), ("float16", FLOAT16)])
def test_the_documentation_tells_how_many_gradients_are_lost_in_short_dtypes(dtype, arithmetic):
    lost = [
        bool((np.abs(case.expected[name]) <= bound).all())
        for case in CASES.values()
        for name, bound in bounds(case, arithmetic).items()
        if name.startswith("d_") and case.expected[name].any()
    ]
    told = f"{sum(lost)} ({sum(lost) / len(lost):.0%}) in {dtype}".replace("%", " %")
    assert told in DOCUMENTATION
    assert f"Of the {len(lost)} gradients that are not 0, " in DOCUMENTATION


def test_nothing_that_is_expected_is_subnormal():
    tiny = np.finfo(np.float64).tiny
    for path, case in CASES.items():
        for name, array in case.expected.items():
            assert not ((array != 0) & (np.abs(array) < tiny)).any(), (path, name)


def test_gradients_have_the_shapes_of_their_inputs_and_results_have_all_leading_axes():
    for path, case in CASES.items():
        assert all(case.expected[f"d_{name}"].shape == array.shape for name, array in case.inputs.items()), path
        concept = concept_of(case.inputs)
        own = {name: len(axes) - 1 for name, axes in concept.axes.items() if axes[:1] == ("...",)}
        arrays = {name: array for name, array in {**case.inputs, **case.masks}.items() if name in own}
        leading = np.broadcast_shapes(
            *(array.shape[: max(0, array.ndim - own[name])] for name, array in arrays.items())
        )
        assert {case.expected[name].shape[: -own[name]] for name in concept.results} == {leading}, path


def test_a_bias_of_minus_infinity_hides_and_has_no_gradient():
    case = CASES["dot_product/bias_that_hides"]
    hidden = np.isneginf(case.inputs["bias"])
    assert hidden.any()
    assert not case.expected["d_bias"][hidden].any()
    assert np.array_equal(case.expected["visible"], ~hidden)


def test_arrays_without_elements_are_nested_as_far_as_there_is_something_to_nest():
    case = json.loads((generate.HOME / "cases/dot_product/no_keys.json").read_text(encoding="utf-8"))
    assert (case["shapes"]["weights"], case["expected"]["weights"]) == ([2, 0], [[], []])
    assert (case["shapes"]["d_key"], case["expected"]["d_key"]) == ([0, 3], [])


def test_saturated_scores_are_the_softcap_itself_in_float16():
    case = CASES["dot_product/softcap_saturated"]
    unbent = case.inputs["scale"] * (case.inputs["query"] @ case.inputs["key"].mT)
    assert np.abs(unbent).min() == 23
    assert (np.abs(case.expected["scores"]).astype(np.float16) == case.options["softcap"]).all()
    assert (np.sign(case.expected["scores"]) == np.sign(unbent)).all()


@pytest.mark.parametrize(
    ("flag", "applies"),
    [
        ("large_scores", has_large_scores),
        ("nothing_visible", lambda case: not case.expected["visible"].any(axis=-1).all()),
        ("one_visible_key", lambda case: case.expected["visible"].sum(axis=-1).max() == 1),
    ],
)
def test_flags_that_follow_from_results_are_where_they_are_true(flag, applies):
    assert flagged(flag) == {path for path, case in CASES.items() if applies(case)}


@pytest.mark.parametrize(
    ("flag", "applies"),
    [
        ("tied_scores", has_ties),
        ("hidden_outscores", has_hidden_scores_above),
        ("row_far_below", has_a_row_far_below),
        ("large_cotangent", lambda case: np.abs(case.cotangents["d_output"]).max() > 1000),
        ("large_values", lambda case: np.abs(case.inputs["x"] @ case.inputs["W_v"]).max() == 128),
        ("saturated", is_saturated),
    ],
)
def test_flags_written_by_hand_are_true(flag, applies):
    assert flagged(flag) == {path for path in flagged(flag) if applies(CASES[path])}


def test_flags_that_follow_from_the_structure_are_written_nowhere_by_hand():
    for path, plan in catalogue.PLANS.items():
        assert structure.DEFINITIONS.keys().isdisjoint(plan.get("flags", "").split()), path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("dot_product/distinct_sizes_in_a_batch", "batch distinct_sizes scaled"),
        ("dot_product/equal_sizes", "equal_sizes no_batch_axis unscaled"),
        ("dot_product/depth_65", "deep depth_1 no_batch_axis one_query scaled"),
        ("dot_product/scale_of_each_head", "broadcasting many_leading_axes other_scale"),
        ("dot_product/keys_shared_by_the_batch", "batch broadcasting unscaled"),
        ("dot_product/causal_bottom_right", "causal_top_left equal_lengths no_batch_axis unscaled"),
        ("dot_product/causal_bottom_right_more_queries", "causal_bottom_right more_queries no_batch_axis unscaled"),
        ("dot_product/softcap_bias_and_mask", "bias mask no_batch_axis scaled softcap"),
        ("dot_product/mask_and_causal", "causal_top_left equal_lengths mask masks_together no_batch_axis unscaled"),
        ("dot_product/causal_past_128", "causal_top_left depth_1 many_queries more_queries no_batch_axis unscaled"),
        ("dot_product/hidden_queries_and_keys", "batch padding query_mask unscaled"),
        ("dot_product/window_with_an_offset", "fewer_queries no_batch_axis unscaled window"),
        ("self_attention/distinct_sizes", "distinct_sizes no_batch_axis unscaled"),
        ("self_attention/wide_projections", "batch scaled"),
        ("self_attention/large_projections", "no_batch_axis unscaled"),
        ("self_attention/nine_positions", "many_keys many_queries no_batch_axis unscaled"),
        ("self_attention/softcap", "no_batch_axis scaled softcap"),
        ("self_attention/cotangent_on_the_weights", "batch cotangent_on_weights unscaled"),
        ("self_attention/bias_of_the_keys_alone", "no_batch_axis projection_biases unscaled"),
    ],
)  # fmt: skip
def test_the_structure_of_a_case_has_its_flags(path, expected):
    assert sorted(structure.flags(catalogue.given(path))) == expected.split()
