"""Who is measured side by side: textbook NumPy, the reference, blockwise or not, and the peers that are there."""

import os
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache, partial
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np

from parity_tests.benchmarks import peers
from parity_tests.benchmarks.inputs import arrays, scale
from parity_tests.benchmarks.products import LARGEST, matrix_products
from reference import (
    blockwise_attention,
    blockwise_attention_backward,
    causal_positions,
    dot_product_attention,
    dot_product_attention_backward,
)

SMALL = 64  # a length at which whatever is loaded by a first call is loaded soon


class Contender(NamedTuple):
    """One way to compute attention.

    Attributes
    ----------
    name
        As it is shown.
    make
        Takes `inputs.Arrays`; returns a function for the forward pass, and one for forward and backward or None.
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
    "onnx": Contender("ONNX evaluator", peers.onnx, square=6, needs="onnx"),
    "torch": Contender("PyTorch", peers.torch, needs="torch"),
    "jax": Contender("JAX, compiled", peers.jax, square=4, needs="jax"),
    "keras": Contender("Keras, eager", peers.keras, square=8, needs="keras"),
}


def chosen(names):
    """Ours and the peers that can be measured; and of each other, why it cannot.

    Raises
    ------
    ValueError
        If there is no such peer.
    """
    for name in names:
        if name not in PEERS:
            raise ValueError(f"peers: expected some of {', '.join(PEERS)}, received {name!r}")
    peers = [PEERS[name] for name in names]
    missing = {peer.name: why for peer in peers if (why := _why_not(peer))}
    return [*OURS, *(peer for peer in peers if peer.name not in missing)], missing


def _why_not(peer):
    """Why a peer cannot be measured; nothing if it can, as a call of a few positions shows."""
    if find_spec(peer.needs) is None:
        return "it is not installed"
    for both in (False, True):
        _, failed = that_run([peer], arrays(SMALL, 1), both)
        if failed:
            return failed[peer.name]
    return None


def that_run(contenders, given, both):
    """The functions of those that have one, called once, by which they compile; and what the others raised.

    That may be anything, as of somebody's package, or for want of memory.
    """
    functions, failed = {}, {}
    for one in contenders:
        try:
            function = one.make(given)[both]
            if function is not None:
                function()
                functions[one.name] = function
        except Exception as error:
            failed[one.name] = f"it raised {' '.join(f'{type(error).__name__}: {error}'.split())}"
    return functions, failed


def too_large(most):
    """Why a contender is left out whose arrays do not fit."""
    return f"what is as large as the scores takes more than {most / 1e9:g} GB"


def named(name):
    """The contender of this name."""
    return next(one for one in (*OURS, *PEERS.values()) if one.name == name)


@cache
def _libraries():
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()  # which looks for them, and takes longer than a short sequence


def _one_blas_thread():
    return _libraries().limit(limits=1, user_api="blas")
