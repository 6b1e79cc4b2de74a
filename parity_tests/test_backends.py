"""Differentiation, tracing, precision and what they run on: on each backend as on the others, in numbers by hand."""

from contextlib import nullcontext, suppress
from functools import partial
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import ops

from parity_tests import backend, conftest
from parity_tests.backend import assign, computed_dtype, device, differentiate, full_precision, name_and_version, trace
from reference.rounding import ARITHMETIC
from reference.rounding_model import EXPONENTIAL, TANGENT

pytestmark = pytest.mark.backend
X = np.array([[[1.0, 2.0]]], "float32")
D_RESULT = np.array([[[3.0, -1.0]]], "float32")


def variable(*numbers, trainable=True):
    return keras.Variable(np.array(numbers, "float32"), trainable=trainable)


def eager(call, variables, *arrays):
    return partial(differentiate, call, variables)


def traced(call, variables, *arrays):
    shapes = [(*[None] * (array.ndim - 1), array.shape[-1]) for listed in arrays for array in listed]
    return trace(call, variables, *arrays, shapes)


@pytest.fixture(params=[eager, traced], ids=["eager", "traced"])
def made(request):
    return request.param


@pytest.fixture
def differentiated(made):
    return lambda call, variables, *arrays: made(call, variables, *arrays)(*arrays)


def numbers(tensors):
    return [None if tensor is None else np.asarray(backend.to_numpy(tensor)).tolist() for tensor in tensors]


def test_gradients_are_those_by_hand(differentiated):
    # x² w for x = 1, 2 and w = 5, 7: the slopes are 2 x w = 10, 28 and x² = 1, 4.
    weight = variable(5.0, 7.0)
    results, gradients = differentiated(lambda inputs, masks: (inputs[0] ** 2 * weight,), [weight], [X], [], [D_RESULT])
    assert numbers(results) == [[[[5.0, 28.0]]]]
    assert numbers(gradients) == [[[[30.0, -28.0]]], [3.0, -4.0]]


@pytest.mark.parametrize("size", [1e-4, 0.1, 1.0, 4.0, 30.0])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("operation", "allowed"), [("exp", EXPONENTIAL), ("tanh", TANGENT)])
def test_elementary_functions_err_by_no_more_than_the_bound_allows(operation, allowed, dtype, size):
    numbers = -size * np.abs(np.random.default_rng(0).normal(size=100_000))  # exponents of a softmax are not above 0
    given = ops.convert_to_tensor(numbers.astype(dtype))
    found = getattr(ops, operation)(given)
    truth = getattr(np, operation)(backend.to_numpy(given).astype(np.longdouble))
    machine = ARITHMETIC[backend.dtype_name(found)]
    error = np.abs(backend.to_numpy(found) - truth)
    assert (error <= allowed * machine.unit_roundoff * np.abs(truth) + machine.underflow).all()


def test_what_was_compiled_can_be_forgotten_and_is_compiled_again(made):
    run = made(lambda inputs, masks: (inputs[0] * 2,), [], [X], [], [D_RESULT])
    first = run([X], [], [D_RESULT])
    backend.forget_compiled()
    again = run([X], [], [D_RESULT])
    assert [numbers(tensors) for tensors in again] == [numbers(tensors) for tensors in first]


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="the others keep nothing for some sizes alone")
def test_jax_keeps_nothing_of_what_was_to_be_forgotten():
    import jax

    double = jax.jit(lambda array: 2 * array)
    double(X)
    assert double._cache_size() == 1
    backend.forget_compiled()
    assert double._cache_size() == 0


def test_gradients_of_several_results_add_up(differentiated):
    results, gradients = differentiated(
        lambda inputs, masks: (2 * inputs[0], 3 * inputs[0]), [], [X], [], [D_RESULT, 10 * D_RESULT]
    )
    assert numbers(results) == [[[[2.0, 4.0]]], [[[3.0, 6.0]]]]
    assert numbers(gradients) == [[[[96.0, -32.0]]]]


def test_masks_reach_the_call(differentiated):
    mask = np.array([[[True, False]]])
    results, gradients = differentiated(
        lambda inputs, masks: (ops.where(masks[0], inputs[0], 0.0),), [], [X], [mask], [D_RESULT]
    )
    assert numbers([*results, *gradients]) == [[[[1.0, 0.0]]], [[[3.0, 0.0]]]]


def test_what_is_disconnected_has_the_gradient_none_or_exactly_0(differentiated):
    weight = variable(5.0, 7.0)
    stopped = ops.stop_gradient
    for call in (
        lambda inputs, masks: (inputs[0] * stopped(weight.value),),
        lambda inputs, masks: (stopped(inputs[0] * weight.value),),
    ):
        _, gradients = differentiated(call, [weight], [X], [], [D_RESULT])
        assert numbers(gradients)[1] in (None, [0.0, 0.0])
    assert numbers(gradients)[0] in (None, [[[0.0, 0.0]]])


def test_seeds_advance_with_every_call(made):
    generator = keras.random.SeedGenerator(1)
    ones = np.ones((1, 8, 8), "float32")
    arrays = ([ones], [], [ones])

    def call(inputs, masks):
        return (keras.random.dropout(inputs[0], 0.5, seed=generator),)

    run = made(call, [], *arrays)
    drawn = [numbers(run(*arrays)[0]) for _ in range(3)]
    fresh = keras.random.SeedGenerator(1)
    expected = [keras.random.dropout(ops.convert_to_tensor(ones), 0.5, seed=fresh) for _ in range(3)]
    assert drawn == [numbers([one]) for one in expected]
    assert drawn[0] != drawn[1] != drawn[2] != drawn[0]


def test_a_gradient_is_that_of_what_was_drawn(differentiated):
    generator = keras.random.SeedGenerator(1)
    ones = np.ones((1, 8, 8), "float32")
    results, gradients = differentiated(
        lambda inputs, masks: (keras.random.dropout(inputs[0], 0.5, seed=generator),), [], [ones], [], [ones]
    )
    assert numbers(results) == numbers(gradients)


def test_what_a_call_counts_it_goes_on_counting(made):
    count = variable(0.0, trainable=False)

    def call(inputs, masks):
        count.assign_add([1.0])
        return (inputs[0] * count,)

    run = made(call, [], [X], [], [D_RESULT])
    assert [numbers(run([X], [], [D_RESULT])[0]) for _ in range(2)] == [[[[[1.0, 2.0]]]], [[[[2.0, 4.0]]]]]
    assert numbers([count.value]) == [[2.0]]


def test_a_graph_sees_weights_that_are_assigned_later():
    weight, state = variable(5.0, 7.0), variable(1.0, trainable=False)
    graph = traced(lambda inputs, masks: (inputs[0] * weight * state,), [weight], [X], [], [D_RESULT])
    assert numbers(graph([X], [], [D_RESULT])[0]) == [[[[5.0, 14.0]]]]
    assign(weight, np.array([1.0, 2.0], "float32"))
    assign(state, np.array([2.0], "float32"))
    assert numbers(graph([X], [], [D_RESULT])[0]) == [[[[2.0, 8.0]]]]


def test_a_graph_serves_other_sizes():
    graph = traced(lambda inputs, masks: (2 * inputs[0],), [], [X], [], [D_RESULT])
    twice = np.concatenate([X, X], axis=1)
    results, gradients = graph([twice], [], [twice])
    assert numbers([*results, *gradients]) == [(2 * twice).tolist()] * 2


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_what_is_computed_in_is_what_is_asked_for_but_for_float64_on_pytorch(dtype):
    expected = "float32" if (dtype, keras.backend.backend()) == ("float64", "torch") else dtype
    assert computed_dtype(dtype) == expected


def test_precision_is_left_as_it_was_found():
    def of_a_float64():
        return backend.dtype_name(ops.convert_to_tensor(np.ones(1)) + 0)

    before = of_a_float64()
    with full_precision("float64"):
        assert of_a_float64() == "float64"
    assert of_a_float64() == before


def test_what_keras_logs_of_a_kernel_that_refuses_is_quiet_during_a_comparison(caplog):
    query, value = np.ones((1, 2, 1, 3), "float32"), np.ones((1, 2, 1, 2), "float32")
    logged = {}
    for hushed in (True, False):
        with backend.quiet() if hushed else nullcontext(), suppress(ValueError, TypeError):
            ops.dot_product_attention(query, query, value)  # which JAX refuses, as their depths differ
        logged[hushed] = len(caplog.records)
    assert logged == {True: 0, False: keras.backend.backend() == "jax"}


def test_what_it_runs_on_has_a_name_and_a_version():
    name, version = name_and_version()
    assert name == keras.backend.backend()
    assert version[0].isdigit()
    assert device() in ("CPU", "GPU", "TPU", "MPS", "XPU")


@pytest.mark.parametrize(
    ("marks", "text", "ignored"),
    [
        ("backend", "@pytest.mark.backend", None),
        ("backend", "def test_of_one_backend(): ...", True),
        ("", "def test_of_one_backend(): ...", None),
    ],
)
def test_only_files_with_tests_of_backends_are_read_for_these(tmp_path, marks, text, ignored):
    (tmp_path / "test_some.py").write_text(text, encoding="utf-8")
    config = SimpleNamespace(option=SimpleNamespace(markexpr=marks))
    assert conftest.pytest_ignore_collect(tmp_path / "test_some.py", config) is ignored


def test_files_with_tests_of_backends_have_the_mark_in_their_text(request):
    # In a run of all tests this looks at all of them; what is marked in another way would not be read.
    marked = {item.path for item in request.session.items if item.get_closest_marker("backend")}
    assert marked
    assert [path.name for path in marked if conftest.MARK not in path.read_text(encoding="utf-8")] == []
