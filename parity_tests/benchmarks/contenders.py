"""What is measured side by side: the reference, blockwise or not, and its peers, all in float64 on the same arrays."""

import os
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache, partial
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np

from parity_tests.benchmarks.products import LARGEST, matrix_products
from reference import (
    blockwise_attention,
    blockwise_attention_backward,
    causal_positions,
    dot_product_attention,
    dot_product_attention_backward,
)

DEPTH = 64
SMALL = 64  # a length at which whatever is loaded by a first call is loaded soon


class Arrays(NamedTuple):
    """What attention is given, (heads, T, depth) each."""

    query: np.ndarray
    key: np.ndarray
    value: np.ndarray
    d_output: np.ndarray


class Contender(NamedTuple):
    """One way to compute attention.

    Attributes
    ----------
    name
        As it is shown.
    make
        Takes `Arrays`; returns a function for the forward pass, and one for forward and backward or None.
    square
        Arrays of (heads, T, T) that it has at the same time, by which memory is judged before it is asked for.
    largest
        How many numbers such an array has at most.
    needs
        The module without which it is left out, and which peer it is; None if it is ours.
    """

    name: str
    make: Callable
    square: int = 0
    largest: float = np.inf
    needs: str | None = None

    def bytes(self, T, heads):
        """About how much memory it takes, if that grows with T * T."""
        return self.square * min(heads * T * T, self.largest) * 8


def arrays(T, heads, depth=DEPTH, seed=0):
    """Random arrays."""
    return Arrays(*np.random.default_rng(seed).normal(size=(4, heads, T, depth)))


def scale(given):
    """That of scaled dot products, which peers take unless they are told another."""
    return given.query.shape[-1] ** -0.5


def textbook(given):
    """Attention and its gradients as they are first written down."""
    query, key, value, d_output = given
    root = np.sqrt(query.shape[-1])

    def attend():
        scores = query @ key.mT / root
        exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights = exponentials / exponentials.sum(axis=-1, keepdims=True)
        return weights, weights @ value

    def both():
        weights, _ = attend()
        d_weights = d_output @ value.mT
        d_scores = weights * (d_weights - (d_weights * weights).sum(axis=-1, keepdims=True)) / root
        return d_scores @ key, d_scores.mT @ query, weights.mT @ d_output

    return lambda: attend()[1], both


def readable(given):
    """`reference.dot_product_attention`, with every intermediate."""
    *inputs, d_output = given
    attend = partial(dot_product_attention, *inputs, scale=scale(given))

    def both():
        return dot_product_attention_backward(d_output, attend())

    return attend, both


def blockwise(given, threads=1, mask=None):
    """`reference.blockwise_attention`; with threads, each product of matrices has one."""
    *inputs, d_output = given
    limited = _one_blas_thread if threads > 1 else nullcontext
    attend = partial(blockwise_attention, *inputs, scale=scale(given), mask=mask, threads=threads)

    def forward():
        with limited():
            return attend()

    def both():
        with limited():
            return blockwise_attention_backward(d_output, attend(), threads=threads)

    return forward, both


def onnx(given):
    """ONNX's reference evaluator, forward alone."""
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    names = ("Q", "K", "V")
    infos = {name: helper.make_tensor_value_info(name, TensorProto.DOUBLE, None) for name in (*names, "Y")}
    node = helper.make_node("Attention", list(names), ["Y"])  # the scale is its own, whose root has all digits then
    graph = helper.make_graph([node], "attention", [infos[name] for name in names], [infos["Y"]])
    evaluator = ReferenceEvaluator(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)]))
    inputs = {name: array[None] for name, array in zip(names, given)}
    return partial(evaluator.run, None, inputs), None


def torch(given):
    """PyTorch's ``scaled_dot_product_attention``, which chooses its kernel."""
    import torch

    *inputs, d_output = (torch.from_numpy(array[None]) for array in given)
    tracked = [one.clone().requires_grad_() for one in inputs]
    attend = torch.nn.functional.scaled_dot_product_attention

    def both():
        return torch.autograd.grad(attend(*tracked), tracked, d_output)

    return partial(attend, *inputs), both


def jax(given):
    """The textbook, compiled by JAX."""
    import jax

    def attend(query, key, value):
        scores = query @ key.mT * scale(given)
        return jax.nn.softmax(scores, axis=-1) @ value

    def differentiated(query, key, value, d_output):
        _, pull_back = jax.vjp(attend, query, key, value)
        return pull_back(d_output)

    with jax.enable_x64(True):
        on_device = [jax.numpy.asarray(array) for array in given]

    def run(compiled, inputs):
        with jax.enable_x64(True):
            return jax.block_until_ready(compiled(*inputs))

    return partial(run, jax.jit(attend), on_device[:3]), partial(run, jax.jit(differentiated), on_device)


def keras(given):
    """``keras.layers.Attention``, called eagerly, on Keras's backend; done when the results are there as arrays."""
    import keras

    from parity_tests.backend import differentiate, full_precision

    query, key, value, d_output = given
    layer = keras.layers.Attention(use_scale=True, dtype="float64")
    layer.build([query.shape, value.shape, key.shape])
    layer.scale.assign(scale(given))

    def call(inputs, masks):
        return (layer(inputs),)

    with full_precision("float64"):
        inputs = [keras.ops.convert_to_tensor(array) for array in (query, value, key)]

    def forward():
        with full_precision("float64"):
            return keras.ops.convert_to_numpy(call(inputs, None)[0])

    def both():
        with full_precision("float64"):
            _, (d_query, d_value, d_key) = differentiate(call, [], inputs, [], [d_output])
            return [keras.ops.convert_to_numpy(gradient) for gradient in (d_query, d_key, d_value)]

    return forward, both


UNIT = Contender("matrix products alone", matrix_products, square=2, largest=LARGEST)
# Those that this process may use, where the machine tells.
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
OURS = (
    UNIT,
    Contender("textbook NumPy", textbook, square=6),
    Contender("readable", readable, square=6),
    Contender("blockwise", blockwise),
    Contender("blockwise, threads", partial(blockwise, threads=CORES)),
    Contender("blockwise, threads, causal", partial(blockwise, threads=CORES, mask=causal_positions())),
)
PEERS = {
    "onnx": Contender("onnx", onnx, square=6, needs="onnx"),
    "torch": Contender("torch", torch, needs="torch"),
    "jax": Contender("jax", jax, square=4, needs="jax"),
    "keras": Contender("keras", keras, square=8, needs="keras"),
}


def chosen(peers):
    """Ours and the peers that can be measured; and of each other, why it cannot.

    Raises
    ------
    ValueError
        If there is no such peer.
    """
    for name in peers:
        if name not in PEERS:
            raise ValueError(f"peers: expected some of {', '.join(PEERS)}, received {name!r}")
    missing = {name: why for name in peers if (why := _why_not(PEERS[name]))}
    return [*OURS, *(PEERS[name] for name in peers if name not in missing)], missing


def _why_not(peer):
    """Why a peer cannot be measured; nothing if it can, as a call of a few positions shows."""
    if find_spec(peer.needs) is None:
        return "it is not installed"
    try:
        for function in peer.make(arrays(SMALL, 1)):
            if function is not None:
                function()
    except Exception as error:  # whatever another version of somebody's package may raise
        return raised(error)
    return None


def raised(error):
    """An error in a line."""
    return f"it raised {' '.join(f'{type(error).__name__}: {error}'.split())}"


def named(name):
    """The contender of this name."""
    return next(one for one in (*OURS, *PEERS.values()) if one.name == name)


@cache
def _libraries():
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()  # which looks for them, and takes longer than a short sequence


def _one_blas_thread():
    return _libraries().limit(limits=1, user_api="blas")
