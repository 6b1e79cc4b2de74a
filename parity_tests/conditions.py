"""Which rows of an example a known divergence may differ in: the conditions that ``divergences.toml`` names.

Each takes a kind and an example, and returns rows as ``judged`` has them, or whether it is so of the whole example.
"""

import numpy as np

from parity_tests.backend import computed_dtype, graphs_know_sizes
from parity_tests.folded import halves
from parity_tests.strategies import numpy_dtype
from reference.rounding import ARITHMETIC

FUSED = ("attention_of_heads", "multi_head_attention")
LOST = 750  # an exponential of less than minus that is 0 in every dtype


def nothing_visible(kind, example):
    """Rows that may attend nothing, in one of the heads at least."""
    nothing = ~kind.visible(example).any(axis=-1)
    return nothing.any(axis=tuple(range(example.judged.ndim, nothing.ndim)))


def nothing_visible_in_float16(kind, example):
    """Rows that may attend nothing, in float16."""
    return nothing_visible(kind, example) & (example.dtype == "float16")


def nothing_visible_float16(kind, example):
    """Rows that may attend nothing, in which all scores become -inf once the largest float16 is taken away."""
    if example.dtype != "float16":
        return nowhere(example)
    scores = _scores(kind, example)
    return nothing_visible(kind, example) & (np.max(scores.value - scores.error, axis=-1, initial=-np.inf) <= -16)


def nothing_visible_without_weights(kind, example):
    """Rows that may attend nothing, where no weights are asked for, dropped, or taken along one axis of several."""
    unfused = example.d_weights is not None or _unfused(example)
    return nowhere(example) if unfused else nothing_visible(kind, example)


def hidden_outscores(kind, example):
    """Rows in which a hidden key may beat the visible ones in spite of what is taken away from its score.

    A hidden score that stays far below the largest visible one after the subtraction leaves no trace.
    """
    subtracted = float(numpy_dtype(example.dtype).type(65504.0 if example.dtype == "float16" else 1e9))
    visible = kind.visible(example)
    scores = _scores(kind, example)
    least_visible = np.max(scores.value - scores.error, axis=-1, where=visible, initial=-np.inf)
    most_hidden = np.max(scores.value + scores.error, axis=-1, where=~visible, initial=-np.inf)
    return visible.any(axis=-1) & (most_hidden - subtracted > least_visible - LOST)


def below_what_hides(kind, example):
    """Rows with hidden keys in which a head's visible scores may lie below the number that hidden ones are set to."""
    hides = -3e4 if example.dtype == "float16" else -1e9
    scores, visible = _scores(kind, example), kind.visible(example)
    visible = visible.reshape(*visible.shape[:-1], *(1,) * (scores.ndim - visible.ndim), visible.shape[-1])
    least = np.max(scores.value - scores.error, axis=-1, where=visible, initial=-np.inf) < hides + LOST
    least = least & visible.any(axis=-1) & ~visible.all(axis=-1)
    return least.any(axis=tuple(range(example.judged.ndim, least.ndim)))


def below_what_hides_with_dropout(kind, example):
    """The same rows of a layer that has dropout, or attends along one axis of several."""
    return below_what_hides(kind, example) if _unfused(example) else nowhere(example)


def _unfused(example):
    return example.constructor.get("dropout") or example.constructor.get("attention_axes")


def scale_in_float32(kind, example):
    """An example in float64 whose scale is not a float32 number."""
    depth = example.constructor.get("key_dim", example.inputs["query"].shape[-1])
    given = example.constructor.get("scale")
    scale = depth**-0.5 if given is None else given
    return np.bool_(example.dtype == "float64" and float(np.float32(scale)) != scale)


def scaled_scores_compiled(kind, example):
    """Rows in a graph with a scaled score whose rounding is so large that its exponential overflows."""
    compiled = example.traced and graphs_know_sizes()  # by XLA, that is
    if not compiled or not example.constructor.get("scaled", True) or example.dtype in ("float16", "bfloat16"):
        return nowhere(example)
    return _rounding_overflows(kind, example)


def large_scores_without_weights(kind, example):
    """Rows with scores beyond 2, where the weights are not asked for."""
    return _largest_score(kind, example) > 2 if example.d_weights is None else nowhere(example)


def overflowing_scores_without_weights(kind, example):
    """Rows with a visible score whose rounding makes its exponential overflow, where no weights are asked for.

    A hidden one lies so far below, once the mask is added, that its exponential is 0.
    """
    return _rounding_overflows(kind, example, kind.visible(example)) if example.d_weights is None else nowhere(example)


def computed_in_another_dtype(kind, example):
    """An example that Keras computes in another dtype than it is asked for."""
    return np.bool_(computed_dtype(example.dtype) != example.dtype)


def in_float64(kind, example):
    """An example in float64."""
    return np.bool_(example.dtype == "float64")


def in_float64_without_weights(kind, example):
    """An example in float64 whose weights are not asked for."""
    return np.bool_(example.dtype == "float64" and example.d_weights is None)


def in_float16_compiled(kind, example):
    """An example in float16, in a graph, whose weights are not asked for."""
    return np.bool_(example.dtype == "float16" and example.traced and example.d_weights is None)


def one_number_bfloat16_compiled(kind, example):
    """An example in bfloat16, in a graph, without weights, that multiplies a single number by a single number.

    So does a single item with a single key head, if two of three are 1: the queries, the keys, and their depth.
    """
    asked = example.dtype == "bfloat16" and example.traced and example.d_weights is None
    query, value = example.inputs["query"].shape, example.inputs["value"].shape
    if "num_heads" in example.constructor:  # a layer's heads, all of which have their own keys once it repeats them
        key_heads, queries, depth = example.constructor["num_heads"], query[1], example.constructor["key_dim"]
    else:
        key_heads, queries, depth = value[2], query[1] * query[2], query[3]
    return np.bool_(asked and query[0] * key_heads == 1 and (queries, value[1], depth).count(1) >= 2)


def bias_and_mask(kind, example):
    """An example with a bias that is masked too, by a mask or as it is causal."""
    return np.bool_("bias" in example.inputs and (example.causal or example.masks["mask"] is not None))


def hidden_by_causal_and_scale_not_positive(kind, example):
    """Rows with hidden keys of a causal example without mask or bias, whose scale is 0 or less.

    A single key head of several query heads is computed by another kernel.
    """
    scale = example.constructor["scale"]
    alone = example.causal and example.masks["mask"] is None and "bias" not in example.inputs
    affected = alone and scale is not None and scale <= 0 and not one_key_head(kind, example)
    return ~kind.visible(example).all(axis=-1) & affected


def mask_or_bias_of_keys(kind, example):
    """An example with a bias that has the axis of keys alone, or such a mask that no causal one is combined with."""
    of_mask = example.manner.get("mask_lacks") == 3 and not example.causal and "bias" not in example.inputs
    return np.bool_(of_mask or example.manner.get("bias_lacks") == 3)


def in_order_along_another_axis(kind, example):
    """An example with a window, or a causal one, that is attended along another axis than the first."""
    in_order = example.causal or example.constructor.get("sliding_window") is not None
    return np.bool_(in_order and example.constructor.get("attention_axes") == 2)


def padding_between_attended(kind, example):
    """An example with masks of positions that is attended along the first axis, though there is another."""
    return np.bool_(_padded(example) and example.constructor.get("attention_axes") == 1)


def head_mask_with_padding(kind, example):
    """An example of several items or none, with an attention mask that has an axis of heads, and masks of positions."""
    with_heads = example.masks["attention_mask"] is not None and example.manner.get("mask_axes") == 4
    return np.bool_(with_heads and _padded(example) and len(example.judged) != 1)


def masked_input(kind, example):
    """An example with a mask that comes with an input."""
    argument = example.manner.get("query_mask_argument")
    others = _padded(example) and example.manner.get("masks_with_inputs")
    return np.bool_(others or (example.masks["query_mask"] is not None and not argument))


def _padded(example):
    return any(mask is not None for name, mask in example.masks.items() if name != "attention_mask")


def in_training(kind, example):
    """All rows, if the layer drops weights."""
    return np.full(example.judged.shape, bool(example.constructor.get("dropout")))


def other_lengths_or_axes(kind, example):
    """An example with more or fewer keys than queries, or that is attended along another axis than the first."""
    lengths = {example.inputs[name].shape[1] for name in ("query", "value")}
    return np.bool_(len(lengths) > 1 or example.constructor.get("attention_axes"))


def other_depths(kind, example):
    """An example whose query and value differ in depth."""
    return np.bool_(example.inputs["query"].shape[-1] != example.inputs["value"].shape[-1])


def other_value_dim(kind, example):
    """An example whose heads have values of another depth than their keys."""
    key_dim = example.constructor["key_dim"]
    return np.bool_(example.constructor.get("value_dim", key_dim) != key_dim)


def one_key_head(kind, example):
    """An example of several query heads that share a single key head."""
    H, K = (example.inputs[name].shape[2] for name in ("query", "key"))
    return np.bool_(K == 1 < H)


def several_axes(kind, example):
    """An example whose softmax is over several axes."""
    return np.bool_(isinstance(example.constructor["axis"], tuple) and len(example.constructor["axis"]) > 1)


def bias_along_another_axis(kind, example):
    """An example with a bias whose last axis is 1, and the other as long as axis 1, if that is known.

    It is that of heads of depth 1, or that of an output of two axes.
    """
    T, S = (example.inputs[name].shape[1] for name in ("query", "value"))
    if example.constructor.get("attention_axes") == 2:  # where half of the items are along axis 1
        T = S = halves(len(example.judged))[1]
    of_positions = {"W_q": T, "W_g": T, "W_k": S, "W_v": S}
    biases = [
        (*example.weights[name].shape[1:], of_positions[name]) for name in of_positions.keys() & example.weights.keys()
    ]
    if isinstance(example.constructor.get("output_shape"), tuple):
        biases.append((*example.constructor["output_shape"], T))
    taken = any(last == 1 < first == positions for first, last, positions in biases)
    return np.bool_(taken and "b_q" in example.weights and (example.sizes_known or not example.traced))


def nowhere(example):
    """No rows."""
    return np.zeros(example.judged.shape, dtype=bool)


def _rounding_overflows(kind, example, among=None):
    fused = kind.name in FUSED and example.d_weights is None  # which is computed in float32 on JAX and PyTorch
    short = fused or example.dtype in ("float16", "bfloat16")
    dtype = "float32" if short else computed_dtype(example.dtype)
    return _largest_score(kind, example, among) * ARITHMETIC[dtype].unit_roundoff >= np.log(np.finfo(dtype).max) - 1


def _largest_score(kind, example, among=None):
    """The largest absolute value of the scores of each row, or of some of them."""
    scores = np.abs(_scores(kind, example).value)
    if among is not None:
        among = among.reshape(*among.shape[:-1], *(1,) * (scores.ndim - among.ndim), among.shape[-1])
        scores = np.where(among, scores, 0.0)
    return scores.max(axis=tuple(range(example.judged.ndim, scores.ndim)), initial=0.0)


def _scores(kind, example):
    return kind.expected(example._replace(d_weights=None), ARITHMETIC[computed_dtype(example.dtype)])["scores"]


CONDITIONS = {
    condition.__name__: condition
    for condition in (
        nothing_visible,
        nothing_visible_in_float16,
        nothing_visible_float16,
        nothing_visible_without_weights,
        hidden_outscores,
        below_what_hides,
        below_what_hides_with_dropout,
        scale_in_float32,
        scaled_scores_compiled,
        large_scores_without_weights,
        overflowing_scores_without_weights,
        computed_in_another_dtype,
        in_float64,
        in_float64_without_weights,
        in_float16_compiled,
        one_number_bfloat16_compiled,
        bias_and_mask,
        hidden_by_causal_and_scale_not_positive,
        mask_or_bias_of_keys,
        in_order_along_another_axis,
        padding_between_attended,
        head_mask_with_padding,
        masked_input,
        in_training,
        other_lengths_or_axes,
        other_depths,
        other_value_dim,
        one_key_head,
        several_axes,
        bias_along_another_axis,
    )
}
