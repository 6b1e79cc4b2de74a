"""The steps of a golden case of each concept, in the order of forward and backward, with their formulas."""

from typing import NamedTuple

ATTENTION = "attention"  # stands for all steps of the dot-product attention within
SHADES = "shades"  # stands for the weights as shades


class Steps(NamedTuple):
    """The names of what is shown of a record and of its gradients, each with its formula, if it is computed.

    Terms of a formula that are a bias, or a product of a gradient, are left out where there is none.
    """

    forward: dict[str, str]
    backward: dict[str, str]


def _given(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "")


SELF_ATTENTION = Steps(
    forward={
        **_given("x", "W_q", "b_q", "W_k", "b_k", "W_v", "b_v"),
        ATTENTION: "PROJECTIONS: query = x @ W_q + b_q, key = x @ W_k + b_k, value = x @ W_v + b_v",
    },
    backward={
        ATTENTION: "",
        **{"d_b_q": "sum(d_query)", "d_W_q": "x.mT @ d_query"},
        **{"d_b_k": "sum(d_key)", "d_W_k": "x.mT @ d_key"},
        **{"d_b_v": "sum(d_value)", "d_W_v": "x.mT @ d_value"},
        "d_x": "d_query @ W_q.mT + d_key @ W_k.mT + d_value @ W_v.mT",
    },
)
ADDITIVE = Steps(
    forward={
        **_given("query", "key", "value", "scale", "v_a", "bias", "mask"),
        "sums": "query[..., :, None, :] + key[..., None, :, :]",
        "scaled": "scale * sums",
        "activations": "tanh(scaled)",
        "scores": "activations @ v_a + bias",
        "logits": "where(mask, scores, -inf)",
        "weights": "softmax(logits)",
        SHADES: "",
        "output": "weights @ value",
    },
    backward={
        "d_value": "weights.mT @ d_output",
        "d_weights": "d_output @ value.mT + d_weights_given",
        "d_scores": "weights * (d_weights - sum(d_weights * weights))",
        "d_bias": "d_scores, summed over what the bias was broadcast to",
        "d_v_a": "sum(d_scores * activations)",
        "d_activations": "d_scores * v_a",
        "d_scaled": "d_activations * (1 - activations²)",
        "d_scale": "sum(d_scaled * sums)",
        "d_sums": "scale * d_scaled",
        "d_query": "d_sums, summed over the keys",
        "d_key": "d_sums, summed over the queries",
    },
)
MULTI_HEAD = Steps(
    forward={
        **_given("query", "key", "value"),
        **_given("W_q", "b_q", "W_k", "b_k", "W_v", "b_v", "W_o", "b_o", "W_g", "b_g"),
        "projected_query": "query @ W_q + b_q, heads side by side",
        "projected_key": "key @ W_k + b_k",
        "projected_value": "value @ W_v + b_v",
        ATTENTION: "HEADS: the G query heads of a group meet its one key head",
        "merged": "output, heads side by side",
        "gate_logits": "query @ W_g + b_g",
        "gate": "sigmoid(gate_logits)",
        "gated": "merged * gate",
        "output": "gated @ W_o + b_o",
    },
    backward={
        "d_W_o": "gated.mT @ d_output",
        "d_b_o": "sum(d_output)",
        "d_gated": "d_output @ W_o.mT",
        "d_gate": "d_gated * merged",
        "d_gate_logits": "d_gate * gate * (1 - gate)",
        "d_W_g": "query.mT @ d_gate_logits",
        "d_b_g": "sum(d_gate_logits)",
        "d_merged": "d_gated * gate",
        ATTENTION: "HEADS, from d_merged as the gradient of their output",
        "d_projected_value": "d_value, heads side by side",
        "d_projected_key": "d_key, heads side by side",
        "d_projected_query": "d_query, heads side by side",
        **{"d_W_v": "value.mT @ d_projected_value", "d_b_v": "sum(d_projected_value)"},
        "d_value": "d_projected_value @ W_v.mT",
        **{"d_W_k": "key.mT @ d_projected_key", "d_b_k": "sum(d_projected_key)"},
        "d_key": "d_projected_key @ W_k.mT",
        **{"d_W_q": "query.mT @ d_projected_query", "d_b_q": "sum(d_projected_query)"},
        "d_query": "d_projected_query @ W_q.mT + d_gate_logits @ W_g.mT",
    },
)
POOLING = Steps(
    forward={
        **_given("x", "W_a", "b_a", "context"),
        "hidden": "tanh(x @ W_a + b_a)",
        ATTENTION: "ATTENTION of one query, the context, to the keys hidden and the values x",
    },
    backward={
        ATTENTION: "",
        "d_context": "sum(d_scores * hidden)",
        "d_hidden": "d_key",
        "d_sums": "d_hidden * (1 - hidden²)",
        "d_b_a": "sum(d_sums)",
        "d_W_a": "x.mT @ d_sums",
        "d_x": "d_value + d_sums @ W_a.mT",
    },
)
SOFTMAX = Steps(
    forward={
        **_given("scores", "mask"),
        "logits": "where(mask, scores, -inf)",
        "weights": "softmax(logits)",
        SHADES: "",
    },
    backward={"d_scores": "weights * (d_weights - sum(d_weights * weights))"},
)
STEPS = {
    "dot_product": Steps({ATTENTION: ""}, {ATTENTION: ""}),
    "self_attention": SELF_ATTENTION,
    "additive": ADDITIVE,
    "multi_head": MULTI_HEAD,
    "pooling": POOLING,
    "softmax": SOFTMAX,
}
