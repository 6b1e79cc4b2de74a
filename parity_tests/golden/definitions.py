"""Attention as it is defined, in decimal numbers, one at a time: no matrices, and nothing of the reference.

An array is its shape and its numbers, row after row; a number stands for all along an axis of length 1, or one that
is missing at the front.
"""

from decimal import Decimal, getcontext
from functools import lru_cache
from itertools import product

ZERO = Decimal(0)


def attention(arrays, masks, options):
    """An average of the visible values, weighted by exp(score), of query, key and value or of what x is projected to.

    Parameters
    ----------
    arrays, masks
        By name.
    options
        ``softcap``, ``causal``, ``window``.

    Returns
    -------
    results
        By name, the shapes and numbers of ``visible``, ``scores``, ``weights`` and ``output``.
    """
    if "x" in arrays:
        names = (("query", "W_q", "b_q"), ("key", "W_k", "b_k"), ("value", "W_v", "b_v"))
        arrays = {**arrays, **{name: projected(arrays["x"], arrays[W], arrays.get(b)) for name, W, b in names}}
    found = weights(arrays, masks, options)
    return {**found, "output": average(found["weights"], arrays["value"], masks.get("query_mask"))}


def weights(arrays, masks, options):
    """Of each query, which keys it sees, their scores, and weights that are as exp(score) and sum to 1."""
    leading, T, S = _leading(arrays, masks), arrays["query"][0][-2], arrays["key"][0][-2]
    found = {"visible": [], "scores": [], "weights": []}
    for *item, t in product(*map(range, (*leading, T))):
        scores = [_score(arrays, options, item, t, s) for s in range(S)]
        seen = [_visible(masks, options, item, t, s) and scores[s].is_finite() for s in range(S)]
        found["visible"] += seen
        found["scores"] += scores
        found["weights"] += _shares(scores, seen)
    return {name: ((*leading, T, S), numbers) for name, numbers in found.items()}


def _shares(scores, seen):
    powers = [exponential(score) if one else ZERO for score, one in zip(scores, seen)]
    total = sum(powers)
    return [power / total if one else ZERO for power, one in zip(powers, seen)]


def average(weights, value, query_mask=None):
    """The values, each as often as its weight says; 0 for a query that is hidden."""
    (*leading, T, S), _ = weights
    d_v = value[0][-1]
    output = []
    for *item, t, i in product(*map(range, (*leading, T, d_v))):
        shown = query_mask is None or at(query_mask, item, t)
        terms = [at(weights, item, t, s) * at(value, item, s, i) for s in range(S)]
        output.append(sum(terms, ZERO) if shown else ZERO)
    return (*leading, T, d_v), output


def _score(arrays, options, item, t, s):
    query, key = arrays["query"], arrays["key"]
    pairs = [(at(query, item, t, i), at(key, item, s, i)) for i in range(query[0][-1])]
    if "v_a" in arrays:
        scale = at(arrays["scale"], item)
        score = sum((at(arrays["v_a"], (), i) * _tanh(scale * (a + b)) for i, (a, b) in enumerate(pairs)), ZERO)
    else:
        score = at(arrays["scale"], item, t, s) * sum((a * b for a, b in pairs), ZERO)
    if "softcap" in options:
        cap = Decimal(options["softcap"])
        score = cap * _tanh(score / cap)
    return score + at(arrays["bias"], item, t, s) if "bias" in arrays else score


def _visible(masks, options, item, t, s):
    seen = "mask" not in masks or at(masks["mask"], item, t, s)
    seen = seen and ("key_mask" not in masks or at(masks["key_mask"], item, s))
    for window in ("causal", "window"):
        if window in options:
            away = s - (t + options[window]["offset"])  # how far the key lies after the query
            left, right = (None, 0) if window == "causal" else (options[window]["left"], options[window]["right"])
            seen = seen and (left is None or -left <= away) and (right is None or away <= right)
    return bool(seen)


def projected(x, W, b):
    """``x W + b``, of W (d, units)."""
    *leading, d = x[0]
    units = W[0][-1]
    numbers = []
    for *item, j in product(*map(range, (*leading, units))):
        terms = [at(x, item, i) * at(W, (), i, j) for i in range(d)]
        numbers.append(sum(terms, ZERO) + (at(b, (), j) if b else 0))
    return (*leading, units), numbers


def pooling(arrays, masks, options):
    """One query, the context, sees every position by the tanh of its projection."""
    shape, sums = projected(arrays["x"], arrays["W_a"], arrays.get("b_a"))
    units, context = arrays["context"]
    one = (Decimal(1),)
    attended = {"query": ((1, *units), context), "key": (shape, [_tanh(one) for one in sums]), "scale": ((), one)}
    attended["value"] = arrays["x"]
    found = weights(attended, {"key_mask": masks["mask"]} if masks else {}, options)
    found["output"] = average(found["weights"], arrays["x"])
    return {name: ((*shape[:-2], shape[-1]), numbers) for name, (shape, numbers) in found.items()}


def softmax(arrays, masks, options):
    """Weights of scores that are given."""
    leading, (*_, T, S) = _leading(arrays, masks), arrays["scores"][0]
    found = {"visible": [], "weights": []}
    for *item, t in product(*map(range, (*leading, T))):
        scores = [at(arrays["scores"], item, t, s) for s in range(S)]
        seen = [_visible(masks, options, item, t, s) and scores[s].is_finite() for s in range(S)]
        found["visible"] += seen
        found["weights"] += _shares(scores, seen)
    return {name: ((*leading, T, S), numbers) for name, numbers in found.items()}


def exponential(number):
    """Kept, as nearly all the time goes into it, and a change of one input leaves most scores as they were."""
    return _exponential(number, getcontext().prec)


@lru_cache(4096)
def _exponential(number, digits):
    return number.exp()


def _tanh(number):
    squared = exponential(2 * number)
    return (squared - 1) / (squared + 1)


def _leading(arrays, masks):
    """The leading axes that all arrays broadcast to."""
    own = {"key_mask": 1, "query_mask": 1, "b_q": 1, "b_k": 1, "b_v": 1}  # axes that are not leading
    leading = ()
    for name, (shape, _) in {**arrays, **masks}.items():
        leading = _broadcast(leading, shape[: max(0, len(shape) - own.get(name, 2))])
    return leading


def _broadcast(one, other):
    width = max(len(one), len(other))
    pairs = zip((1,) * (width - len(one)) + one, (1,) * (width - len(other)) + other)
    return tuple(b if a == 1 else a for a, b in pairs)


def at(array, item, *position):
    """One number of an array, whose axes of length 1 stand for any length, as do those that it lacks at the front."""
    shape, numbers = array
    index = (*item, *position)
    flat = 0
    for size, at in zip(shape, index[len(index) - len(shape) :]):
        flat = flat * size + (at if size > 1 else 0)
    return numbers[flat]
