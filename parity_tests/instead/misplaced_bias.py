"""Biases that Keras adds along the positions instead of along the heads, or along the first axis of an output of two.

Those have the shape (n, 1), where the n numbers go to the n positions along axis 1, whatever the head.
"""

import numpy as np

from parity_tests.conditions.rows import misplaced_biases
from parity_tests.folded import halves
from reference.rounding import track


def along_positions(kind, expected, example, arithmetic, **how):
    """The truth of a layer that adds each bias so that has the shape for it.

    Such a bias is a projection of what tells one position from others: of further axes of the inputs, one for each.
    """
    taken = misplaced_biases(example)
    found = dict(expected(_with_positions(example, taken), arithmetic, **how))
    for name, array in example.inputs.items():
        found[f"d_{name}"] = found[f"d_{name}"][..., : array.shape[-1]]
    for letter in "qgkv":
        if f"W_{letter}" in example.weights:
            of_kernel, depth = found[f"d_W_{letter}"], len(example.weights[f"W_{letter}"])
            found[f"d_W_{letter}"] = of_kernel[:depth]
            if letter in taken:
                found[f"d_b_{letter}"] = np.sum(of_kernel[depth:], axis=1)
    if "o" in taken:
        positions = _positions(example, "query")
        bias, d_output = (track(array, arithmetic) for array in (example.weights["b_o"], example.d_output))
        found["output"] = found["output"] + (track(positions, arithmetic) @ bias[:, None])
        B, T, P = positions.shape
        of_positions = track(positions.reshape(B * T, P).T, arithmetic) @ d_output.reshape(B * T, d_output.shape[-1])
        found["d_b_o"] = np.sum(of_positions, axis=1)
    return found


def _with_positions(example, taken):
    """The example whose inputs tell the positions, from which kernels make the biases that are taken, now 0."""
    inputs = {
        name: np.concatenate([array, _positions(example, name)], axis=-1) for name, array in example.inputs.items()
    }
    weights = dict(example.weights)
    for letter in "qgkv":
        kernel, bias = (example.weights.get(f"{name}_{letter}") for name in ("W", "b"))
        if kernel is not None:
            of_input = inputs["query" if letter in "qg" else "key" if letter == "k" and "key" in inputs else "value"]
            further = np.zeros((of_input.shape[-1] - len(kernel), *kernel.shape[1:]), kernel.dtype)
            weights[f"W_{letter}"] = np.concatenate([kernel, further + bias[:, None] if letter in taken else further])
    weights |= {f"b_{letter}": np.zeros_like(weights[f"b_{letter}"]) for letter in taken}
    return example._replace(inputs=inputs, weights=weights)


def _positions(example, name):
    """Where along axis 1 each row of an input is: 1 for that position and 0 for the others, (B, T or S, positions)."""
    array = example.inputs[name]
    B, length, _ = array.shape
    if example.constructor.get("attention_axes") == 2:
        of_axis_1 = halves(B)[1]
        where = np.broadcast_to(np.arange(B)[:, None] % of_axis_1, (B, length))
    else:
        of_axis_1, where = length, np.broadcast_to(np.arange(length), (B, length))
    return np.eye(of_axis_1, dtype=array.dtype)[where]
