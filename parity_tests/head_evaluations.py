"""Multi-head attention as kernels evaluate it: head after head in any of the orders, or all heads at once by einsum.

Shares no code with `reference`, whose bound must cover all of these.
"""

from functools import reduce

import numpy as np

from parity_tests.evaluations import as_computed, dot, evaluate, exp, plus, sum_of_terms


def evaluate_heads(order, query, key, value, projections, d_output, d_weights, *, step=as_computed, **options):
    """Return output, weights and all gradients of one sequence, each head on its own."""
    W_o, H, H_kv = projections.W_o, projections.W_q.shape[1], projections.W_k.shape[1]
    G = H // H_kv
    heads = []
    for h in range(H):
        projected = {
            letter: _projected(order, x, letter, projections, head, step)
            for letter, x, head in (("q", query, h), ("k", key, h // G), ("v", value, h // G), ("g", query, h))
        }
        of_head = {name: array[h] if np.ndim(array) == 3 else array for name, array in options.items()}
        d_gated = dot(d_output, W_o[h].mT, order, step)
        heads.append(_evaluate_head(order, **projected, d_gated=d_gated, d_weights=d_weights[h], step=step, **of_head))
    output = _total([dot(head["gated"], W_o[h], order, step) for h, head in enumerate(heads)], step)
    groups = range(0, H, G)
    arrived = {
        "q": [head["d_query"] for head in heads],
        "g": [head["d_gate_logits"] for head in heads],
        "k": [_total([head["d_key"] for head in heads[first : first + G]], step) for first in groups],
        "v": [_total([head["d_value"] for head in heads[first : first + G]], step) for first in groups],
    }
    results = {
        "output": output if projections.b_o is None else plus(output, projections.b_o, step),
        "weights": np.stack([head["weights"] for head in heads]),
        "bias": np.stack([head["d_bias"] for head in heads]),
        "W_o": np.stack([dot(head["gated"].mT, d_output, order, step) for head in heads]),
        "b_o": sum_of_terms(d_output.mT, order, step)[..., 0],
    }
    return results | _of_inputs(order, query, key, value, projections, arrived, step)


def _projected(order, x, letter, projections, head, step):
    W, b = getattr(projections, f"W_{letter}"), getattr(projections, f"b_{letter}")
    if W is None:
        return None
    y = dot(x, W[:, head], order, step)
    return y if b is None else plus(y, b[head], step)


def _evaluate_head(order, q, k, v, g, d_gated, d_weights, step, **options):
    gate = None if g is None else sigmoid(order, g, step)
    d_attended = d_gated if gate is None else step(d_gated * gate)
    head = evaluate(order, q, k, v, d_attended, d_weights, step=step, **options)
    head |= {"gated": head["output"], "d_gate_logits": None}
    if gate is not None:
        head["gated"] = step(head["output"] * gate)
        d_gate = step(d_gated * head["output"])
        head["d_gate_logits"] = step(d_gate * step(gate * step(1 - gate)))
    return head


def _of_inputs(order, query, key, value, projections, arrived, step):
    """What arrives at the projections of each head, handed on to kernels, biases and inputs."""
    results, inputs = {}, {"q": ("query", query), "g": ("query", query), "k": ("key", key), "v": ("value", value)}
    for letter, (name, x) in inputs.items():
        W = getattr(projections, f"W_{letter}")
        if W is None:
            continue
        results[f"W_{letter}"] = np.stack([dot(x.mT, d_y, order, step) for d_y in arrived[letter]], axis=1)
        results[f"b_{letter}"] = np.stack([sum_of_terms(d_y.mT, order, step)[..., 0] for d_y in arrived[letter]])
        d_x = _total([dot(d_y, W[:, head].mT, order, step) for head, d_y in enumerate(arrived[letter])], step)
        results[name] = plus(results[name], d_x, step) if name in results else d_x
    return results


def sigmoid(order, x, step=as_computed):
    """A sigmoid in the form that an order asks for."""
    half, one = x.dtype.type(0.5), x.dtype.type(1)
    with np.errstate(over="ignore"):  # the exponential, which makes a 0
        if order.sigmoid == "exp":
            return step(one / step(one + exp(-x, order, step)))
    tangent = np.tanh(half * x)
    tangent = tangent + int(2 * order.ulp) * (step(tangent) - tangent)  # off by so many ulp at once
    return step(half + half * tangent)


def _total(arrays, step):
    return reduce(lambda one, other: plus(one, other, step), arrays)


def evaluate_einsum(query, key, value, projections, d_output, d_weights, *, scale, bias, mask):
    """The same for all heads of a batch at once, the keys repeated for groups and the scale on the query."""
    p, H = projections, projections.W_q.shape[1]
    G = H // p.W_k.shape[1]
    scale = query.dtype.type(scale)
    q, k, v = (_by_einsum(*each) for each in ((query, p.W_q, p.b_q), (key, p.W_k, p.b_k), (value, p.W_v, p.b_v)))
    k, v, q = np.repeat(k, G, axis=-3), np.repeat(v, G, axis=-3), q * scale
    weights = _softmax(np.where(mask, np.einsum("bhtk,bhsk->bhts", q, k) + bias, -np.inf))
    gated = attended = np.einsum("bhts,bhsv->bhtv", weights, v)
    d_attended = d_gated = np.einsum("bte,hve->bhtv", d_output, p.W_o)
    results = {}
    if p.W_g is not None:
        gate = 1 / (1 + np.exp(-_by_einsum(query, p.W_g, p.b_g)))
        gated, d_attended = gate * attended, gate * d_gated
        results |= _gradients_by_einsum("query", "g", d_gated * attended * gate * (1 - gate), query, p.W_g)
    d_weights = d_weights + np.einsum("bhtv,bhsv->bhts", d_attended, v)
    d_scores = weights * (d_weights - np.sum(d_weights * weights, axis=-1, keepdims=True))
    d_q = np.einsum("bhts,bhsk->bhtk", d_scores, k) * scale
    d_k = _of_groups(np.einsum("bhts,bhtk->bhsk", d_scores, q), G)
    d_v = _of_groups(np.einsum("bhts,bhtv->bhsv", weights, d_attended), G)
    for name, letter, d_y, x in (("query", "q", d_q, query), ("key", "k", d_k, key), ("value", "v", d_v, value)):
        found = _gradients_by_einsum(name, letter, d_y, x, getattr(p, f"W_{letter}"))
        results |= {of: found[of] + results[of] if of in results else found[of] for of in found}
    output = np.einsum("bhtv,hve->bte", gated, p.W_o)
    W_o, b_o = np.einsum("bhtv,bte->hve", gated, d_output), np.einsum("bte->e", d_output)
    output = output if p.b_o is None else output + p.b_o
    return {**results, "output": output, "weights": weights, "W_o": W_o, "b_o": b_o, "bias": d_scores}


def _by_einsum(x, W, b):
    y = np.einsum("bti,ihk->bhtk", x, W)
    return y if b is None else y + b[:, None]


def _softmax(logits):
    shift = np.maximum(np.max(logits, axis=-1, keepdims=True), np.finfo(logits.dtype).min)
    exponentials = np.exp(logits - shift)
    return exponentials / np.maximum(np.sum(exponentials, axis=-1, keepdims=True), np.finfo(logits.dtype).tiny)


def _of_groups(repeated, G):
    *leading, H, S, d = repeated.shape
    return np.sum(repeated.reshape(*leading, H // G, G, S, d), axis=-3)


def _gradients_by_einsum(name, letter, d_y, x, W):
    return {
        f"W_{letter}": np.einsum("bti,bhtk->ihk", x, d_y),
        f"b_{letter}": np.einsum("bhtk->hk", d_y),
        name: np.einsum("bhtk,ihk->bti", d_y, W),
    }
