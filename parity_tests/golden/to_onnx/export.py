"""Golden cases as ONNX backend tests: a model of one ``Attention`` operator, its inputs and what must come out.

The operator is that of opset 24 of the default domain. Its axes are batch, heads, positions and depth: the last of two
and more leading axes is that of heads, those before it are the batch together; a single one is the batch, and so are
all of self-attention. What a case shares along an axis is repeated, unless the operator shares it too (keys and values
of a group of heads): that changes gradients, which these tests have not, but no result.
"""

from math import prod
from typing import NamedTuple

import numpy as np

from parity_tests.golden.translation.batch import depth, leading
from reference.concepts import concept_of
from reference.golden import visible

OPSET, IR_VERSION = 24, 11
DTYPES = ("float32", "float64", "float16")
NAME = "Attention"


class Exported(NamedTuple):
    """A case in the terms of the operator.

    Attributes
    ----------
    attributes
        Of the operator.
    inputs
        Arrays by name, in the order of the graph.
    outputs
        What must come out, rounded to the dtype of the inputs: ``output`` and ``weights``.
    """

    attributes: dict[str, object]
    inputs: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]


def inexpressible(case, dtype):
    """Why the operator cannot be asked what a case asks; empty if it can."""
    concept = concept_of(case.inputs).name
    if concept not in ("dot_product", "self_attention"):
        return f"a concept for which there is no one operator, {concept}"
    scale = case.inputs["scale"]
    if np.ndim(scale):
        return "a scale that is an array"
    if scale != depth(case) ** -0.5 and np.float32(scale) != scale and dtype == "float64":
        return "a scale that no float32, as which a model holds it, is equal to"
    if "query_mask" in case.masks:
        return "a query mask"
    return ""


def exported(case, dtype):
    """A case in the terms of the operator; `inexpressible` says nothing of it."""
    as_dtype = np.dtype(dtype)
    attributes = {"qk_matmul_output_mode": 3}
    if case.inputs["scale"] != depth(case) ** -0.5:  # which is what the operator takes by itself
        attributes["scale"] = float(case.inputs["scale"])
    if "softcap" in case.options:
        attributes["softcap"] = float(case.options["softcap"])
    causal = case.options.get("causal", {}).get("offset") == 0
    if causal:
        attributes["is_causal"] = 1
    if "x" in case.inputs:
        attributes |= {"q_num_heads": 1, "kv_num_heads": 1}
        inputs = {"x": case.inputs["x"].reshape(-1, *case.inputs["x"].shape[-2:])}
        inputs |= {name: array for name, array in case.inputs.items() if name[:2] in ("W_", "b_")}
    else:
        inputs = {name: _four_axes(case, case.inputs[name], name != "query") for name in ("query", "key", "value")}
    inputs = {name: array.astype(as_dtype) for name, array in inputs.items()}
    mask = _mask(case, causal, as_dtype)
    if mask is not None:
        inputs["mask"] = mask
    output, weights = (_four_axes(case, case.expected[name]).astype(as_dtype) for name in ("output", "weights"))
    return Exported(attributes, inputs, {"output": output[:, 0] if "x" in case.inputs else output, "weights": weights})


def model(case, dtype):
    """The ONNX model of a case."""
    from onnx import checker, helper

    found = exported(case, dtype)
    nodes = _projections(found.inputs) if "x" in found.inputs else []
    names = ["query", "key", "value", *(["mask"] if "mask" in found.inputs else [])]
    nodes.append(helper.make_node(NAME, names, ["output", "", "", "weights"], **found.attributes))
    graph = helper.make_graph(
        nodes,
        "golden_case",
        [_info(*item) for item in found.inputs.items()],
        [_info(*item) for item in found.outputs.items()],
    )
    made = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="attention-reference",
    )
    checker.check_model(made)
    return made


def files(case, dtype):
    """The files of a backend test: their bytes by their names."""
    from onnx import numpy_helper

    found = exported(case, dtype)
    named = {"model.onnx": model(case, dtype).SerializeToString(deterministic=True)}
    for kind, arrays in (("input", found.inputs), ("output", found.outputs)):
        for number, (name, array) in enumerate(arrays.items()):
            tensor = numpy_helper.from_array(np.ascontiguousarray(array), name)
            named[f"test_data_set_0/{kind}_{number}.pb"] = tensor.SerializeToString(deterministic=True)
    return named


def _four_axes(case, array, may_share_heads=False):
    """An array over batch, heads, positions and depth; a group of heads may share it, as the operator knows that."""
    axes = leading(case)
    if len(axes) > 1 and may_share_heads and array.ndim > 2 and array.shape[-3] == 1:
        axes = (*axes[:-1], 1)
    array = np.broadcast_to(array, (*axes, *array.shape[-2:]))
    heads = axes[-1] if len(axes) > 1 and "x" not in case.inputs else 1
    return array.reshape(prod(axes) // heads, heads, *array.shape[-2:])


def _mask(case, causal, as_dtype):
    """All masks but what the operator's own causal one hides, with a bias as numbers of which -inf hides; or None."""
    options = {name: option for name, option in case.options.items() if name != "causal" or not causal}
    seen = np.broadcast_to(visible(case._replace(options=options)), case.expected["visible"].shape)
    if "bias" in case.inputs:
        return _four_axes(case, np.where(seen, case.inputs["bias"], -np.inf)).astype(as_dtype)
    return None if seen.all() else _four_axes(case, seen)


def _projections(inputs):
    from onnx import helper

    nodes = []
    for name, letter in (("query", "q"), ("key", "k"), ("value", "v")):
        biased = f"b_{letter}" in inputs
        product = f"{name}_product" if biased else name
        nodes.append(helper.make_node("MatMul", ["x", f"W_{letter}"], [product]))
        if biased:
            nodes.append(helper.make_node("Add", [product, f"b_{letter}"], [name]))
    return nodes


def _info(name, array):
    from onnx import helper

    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
