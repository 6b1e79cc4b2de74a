"""Attention as others compute it, each made of `inputs.Arrays` as `contenders.Contender` says."""

from functools import partial

from parity_tests.benchmarks.inputs import scale


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
