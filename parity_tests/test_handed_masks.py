"""The forms in which a layer is handed the same masks, inputs and scores: all are drawn, and none matters."""

from collections import Counter

import numpy as np
import pytest
from keras.src.backend import get_keras_mask

from parity_tests import search, strategies, subjects
from parity_tests.backend import quiet, to_numpy
from parity_tests.comparison import within_bound
from parity_tests.folded import halves, laid_back, laid_out
from parity_tests.handed_masks import of_axes, with_mask
from parity_tests.judgement import disagreements
from parity_tests.layers import Layers
from parity_tests.properties import symbolic
from parity_tests.softmax import LAYOUTS
from reference.rounding import ARITHMETIC

NAMES = ("keras.layers.MultiHeadAttention", "keras.layers.GroupQueryAttention")
SETTLED = {"traced": False, "dtype": "float32", "lengths": "free", "depths": "free", "B": 2, "T": 3, "S": 5}


@pytest.fixture(params=NAMES)
def subject(request):
    return subjects.find(request.param)


@pytest.mark.backend
@pytest.mark.parametrize("along", [None, 1, 2])
@pytest.mark.parametrize("items", [0, 1, 2, 3, 4])
def test_what_is_laid_out_along_several_axes_comes_back(items, along):
    array = np.arange(items * 15, dtype="float32").reshape(items, 3, 5)
    laid = laid_out(array, along)
    more, fewer = halves(items)
    shapes = {None: (items, 3, 5), 1: (more, 3, fewer, 5), 2: (more, fewer, 3, 5)}
    assert tuple(laid.shape) == shapes[along]
    assert np.array_equal(to_numpy(laid_back(laid, along)), array)


@pytest.mark.backend
@pytest.mark.parametrize("along", [1, 2])
def test_the_mask_of_what_is_laid_out_comes_back_with_it(along):
    array, mask = np.ones((4, 3, 5), "float32"), np.arange(12).reshape(4, 3) % 5 > 0
    laid = with_mask(laid_out(array, along), laid_out(mask, along))
    assert np.array_equal(to_numpy(get_keras_mask(laid_back(laid, along))), mask)


@pytest.mark.backend
@pytest.mark.parametrize(("axes", "shape"), [(2, (3, 5)), (3, (1, 3, 5)), (4, (1, 1, 3, 5))])
def test_a_mask_has_as_many_axes_as_it_is_asked_for(axes, shape):
    assert tuple(of_axes(np.ones((1, 1, 3, 5), bool), axes, None).shape) == shape


def test_every_form_is_drawn(subject):
    drawn = Counter()

    def visit(one, trials):
        drawn.update({**one.example.manner}.items())
        mask = one.example.masks["attention_mask"]
        drawn["heads"] += mask is not None and mask.shape[1] > 1
        drawn["rows of items"] += "along" in one.example.manner and halves(len(one.example.judged))[0] > 1
        return {}

    search.walk(subject, visit, 3000, 0, corners=False)
    forms = [("mask_axes", 2), ("mask_axes", 4), ("masks_with_inputs", True), ("same_tensor", True), "heads"]
    if "query_mask_argument" in subject.options:
        forms += [("query_mask_argument", True)]
    if "attention_axes" in subject.options:
        forms += [("along", 1), ("along", 2), "rows of items", ("output_axes", 2)]
    assert all(drawn[form] > 20 for form in forms), drawn


def results(subject, example):
    with quiet():  # as GroupQueryAttention says that its projections lose the masks, which it uses
        return [to_numpy(one) for one in Layers(subject).of(example).run(example, return_attention_scores=True)]


def drawn(subject, **settled):
    return next(strategies.of_corner(subject.kind, subject.options, {**SETTLED, **settled}, seed=0)).example


def same(before, after):
    """To the bit; on PyTorch in float16, rows that may attend nothing are NaN both times."""
    return all(np.array_equal(one, other, equal_nan=True) for one, other in zip(before, after, strict=True))


@pytest.mark.backend
def test_the_axes_that_a_mask_of_all_items_lacks_do_not_matter(subject):
    padding = dict.fromkeys(("query_mask given", "key_mask given", "value_mask given"), False)
    settled = {"attention_mask given": True, "mask axes": "1 T S", "attention_axes": None, "key given": True, **padding}
    example = drawn(subject, **settled, **{"masks with inputs": False})
    assert not example.manner
    for axes in (2, 4):
        assert same(results(subject, example), results(subject, example._replace(manner={"mask_axes": axes})))


@pytest.mark.backend
def test_masks_may_come_with_their_inputs(subject):
    settled = {"value_mask given": True, "key_mask given": True, "attention_mask given": False, "key given": True}
    example = drawn(subject, **settled, attention_axes=None)
    as_arguments, with_inputs = (example._replace(manner=how) for how in ({}, {"masks_with_inputs": True}))
    assert not subject.kind.visible(example).all()
    assert same(results(subject, as_arguments), results(subject, with_inputs))


@pytest.mark.backend
def test_the_mask_of_the_query_may_be_an_argument_of_groups():
    of_groups = subjects.find("keras.layers.GroupQueryAttention")
    settled = {"query_mask given": True, "attention_mask given": False, "masks with inputs": False}
    example = drawn(of_groups, **settled, **{"query mask as argument": True})
    assert example.manner == {"query_mask_argument": True}
    assert not of_groups.kind.visible(example).all()
    assert same(results(of_groups, example), results(of_groups, example._replace(manner={})))


@pytest.mark.backend
def test_one_tensor_may_be_query_key_and_value(subject):
    settled = {"key given": False, "same tensor": True, "query_mask given": True, "attention_axes": None}
    example = drawn(subject, **settled)
    twice = example._replace(manner={name: way for name, way in example.manner.items() if name != "same_tensor"})
    assert example.manner["same_tensor"]
    assert same(results(subject, example), results(subject, twice))


@pytest.mark.backend
@pytest.mark.parametrize("along", [None, 1, 2])
def test_an_output_of_several_axes_is_that_of_one(along):
    of_heads = subjects.find("keras.layers.MultiHeadAttention")
    no_padding = dict.fromkeys(("query_mask given", "key_mask given", "value_mask given"), False)
    settled = {"attention_axes": along, "causal": False, "sliding_window": None, "use_bias": True, "d_output": 6}
    example = drawn(of_heads, **settled, **no_padding, **{"output axes": 2})
    manner = {name: way for name, way in example.manner.items() if name != "output_axes"}
    in_one = example._replace(constructor={**example.constructor, "output_shape": 6}, manner=manner)
    assert example.constructor["output_shape"] == (3, 2)
    assert same(results(of_heads, example), results(of_heads, in_one))


OF_ONE_HEAD = ("keras.layers.Attention", "keras.layers.Attention.concat", "keras.layers.AdditiveAttention")


@pytest.fixture(params=OF_ONE_HEAD)
def of_one_head(request):
    return subjects.find(request.param)


def test_every_form_of_one_head_is_drawn(of_one_head):
    met = Counter()
    for seed in range(300):
        one = next(strategies.of_corner(of_one_head.kind, of_one_head.options, {"traced": False}, seed))
        met.update({**one.example.manner}.items())
    forms = [(form, True) for form in ("masks_with_inputs", "same_tensor", "float32_inputs")]
    assert all(met[form] > 15 for form in forms), met


@pytest.mark.backend
@pytest.mark.parametrize("form", ["masks_with_inputs", "float32_inputs"])
def test_the_form_does_not_matter_to_one_head(of_one_head, form):
    given = {f"{name} given": True for name in ("query_mask", "key_mask", "value_mask")}
    settled = {**given, "dtype": "float16", "mixed": True, "key given": True}
    example = drawn(of_one_head, **settled, **{"masks with inputs": False, "float32 inputs": False})
    assert not example.manner
    assert not of_one_head.kind.visible(example).all()
    assert same(results(of_one_head, example), results(of_one_head, example._replace(manner={form: True})))


@pytest.mark.backend
def test_one_tensor_may_be_query_and_value_of_one_head(of_one_head):
    settled = {"key given": False, "same tensor": True, "query_mask given": True}
    example = drawn(of_one_head, **settled)
    twice = example._replace(manner={name: way for name, way in example.manner.items() if name != "same_tensor"})
    assert example.manner["same_tensor"]
    assert same(results(of_one_head, example), results(of_one_head, twice))


@pytest.fixture
def softmax():
    return subjects.find("keras.layers.Softmax")


@pytest.mark.backend
@pytest.mark.parametrize("axis", LAYOUTS)
def test_along_whichever_axes_a_softmax_goes_it_is_the_same(softmax, axis):
    example = drawn(softmax, axis=-1, rank=3, scores="integers", **{"mask given": True})
    scores = np.repeat(example.inputs["scores"], 4, axis=-1)  # so that they can be folded twice
    mask = np.repeat(np.broadcast_to(example.masks["mask"], example.inputs["scores"].shape), 4, axis=-1)
    example = example._replace(inputs={"scores": scores}, masks={"mask": mask}, constructor={"axis": axis}, manner={})
    example = example._replace(d_output=scores)
    (weights,) = results(softmax, example)
    assert within_bound(weights, softmax.kind.expected(example, ARITHMETIC["float32"])["output"]).agrees


@pytest.mark.backend
@pytest.mark.parametrize("manner", [{"mask_lacks": 2}, {"mask_of_numbers": True}, {"mask_lacks": 1}])
def test_the_form_of_a_mask_does_not_matter_to_a_softmax(softmax, manner):
    settled = {"mask given": True, "mask axes": (False, False, True), "fewer mask axes": False}
    example = drawn(softmax, axis=-1, rank=3, **settled)
    assert not softmax.kind.visible(example).all()
    assert same(*(results(softmax, example._replace(manner=how)) for how in ({}, manner)))


@pytest.mark.backend
@pytest.mark.parametrize("rank", [1, 2])
def test_scores_of_fewer_axes_are_no_others_to_a_softmax(softmax, rank):
    example = drawn(softmax, axis=-1, rank=rank, **{"mask given": True})
    assert example.inputs["scores"].shape[:2] == ((1, 1) if rank == 1 else (2, 1))
    assert same(*(results(softmax, example._replace(manner=how)) for how in ({}, {"rank": rank})))


@pytest.mark.backend
def test_a_call_of_a_softmax_without_numbers_has_the_dtype_that_it_is_given(softmax):
    example = drawn(softmax, axis=(2, 3), dtype="float64", **{"mask given": True})
    assert not disagreements(symbolic, Layers(softmax), example)  # but for what PyTorch is known to do


@pytest.mark.backend
@pytest.mark.parametrize("name", ["mask", "bias"])
def test_the_axes_that_a_mask_or_bias_of_the_function_lacks_do_not_matter(name):
    subject = subjects.find("keras.ops.dot_product_attention")
    settled = {f"{name} given": True, f"{name} axes": (False, False, True, True), f"fewer {name} axes": False}
    settled |= {f"{other} given": False for other in ("mask", "bias") if other != name}
    example = drawn(subject, **settled, causal=False, H=2, groups=1, scale=None)
    assert not example.manner
    assert subject.kind.visible(example).any(axis=-1).all()
    expected = subject.kind.expected(example, ARITHMETIC["float32"])["output"]
    for lacks in (0, 1, 2):
        (output,) = results(subject, example._replace(manner={f"{name}_lacks": lacks}))
        assert within_bound(output, expected).agrees


FORMS = {
    "keras.layers.Softmax": ("mask_lacks", "mask_of_numbers", "rank", *(("axis", axis) for axis in LAYOUTS)),
    "keras.ops.dot_product_attention": ("mask_lacks", "bias_lacks", ("scale", 0.0), ("scale", -0.75)),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_scores_is_drawn(name):
    subject, met = subjects.find(name), Counter()
    for seed in range(300):
        one = next(strategies.of_corner(subject.kind, subject.options, {"traced": False}, seed)).example
        met.update([*one.manner, *one.constructor.items()])
    assert all(met[form] > 10 for form in FORMS[name]), met
