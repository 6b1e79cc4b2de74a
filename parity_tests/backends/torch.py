"""PyTorch: tensors remember how they were made, and nothing is traced."""

from contextlib import contextmanager
from functools import partial

import keras
import torch

GRAPHS_KNOW_SIZES = False


def differentiate(call, variables, inputs, masks, cotangents):
    """Gradients by `torch.autograd.grad`."""
    tensors = [keras.ops.convert_to_tensor(array).requires_grad_() for array in inputs]
    sources = [*tensors, *(variable.value for variable in variables)]
    results = call(tensors, [keras.ops.convert_to_tensor(mask) for mask in masks])
    pairs = list(zip(results, cotangents, strict=True))
    connected = [(result, cotangent) for result, cotangent in pairs if result.requires_grad]
    if not connected:  # of which autograd would not hear
        return results, [None] * len(sources)
    weighted = [keras.ops.convert_to_tensor(cotangent, result.dtype) for result, cotangent in connected]
    return results, torch.autograd.grad([result for result, _ in connected], sources, weighted, allow_unused=True)


def trace(call, variables, inputs, masks, cotangents, shapes):
    """No graph: Keras calls layers eagerly on PyTorch, so that a traced call is another eager one."""
    return partial(differentiate, call, variables)


def forget_compiled():
    """Nothing is compiled."""


def assign(variable, array):
    """By Keras's own ``assign``."""
    variable.assign(array)


@contextmanager
def full_precision(dtype):
    """A GPU may round the factors of float32 products to TensorFloat-32; not here."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def device():
    """CPU or GPU, on which Keras places a tensor that is told nothing else."""
    name = keras.ops.zeros(()).device.type
    return "GPU" if name == "cuda" else name.upper()


def version():
    """That of PyTorch, without what tells how it was built."""
    return torch.__version__.partition("+")[0]
