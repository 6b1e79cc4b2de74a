"""Whether what is hidden has an influence."""

from parity_tests.comparison import worst
from parity_tests.trials.received import equal, unchanged


def hidden_positions(layers, example):
    """What no row may attend has no influence on it: whatever else stands there, nothing changes, not a bit.

    No gradient changes either, as in those no hidden position may be multiplied by anything but 0.
    """
    layer, other = layers.of(example), layers.subject.kind.replace_hidden(layers.seen(example))
    d_output, d_weights, judged = other.d_output, other.d_weights, other.judged
    shown = example._replace(d_output=d_output, d_weights=d_weights, judged=judged)
    before, gradients_before = layer.run_with_gradients(shown)
    after, gradients_after = layer.run_with_gradients(shown._replace(inputs=other.inputs))
    outcomes = unchanged(layers, shown, before, after)
    for name, *pair in ((name, gradients_before[name], gradients_after[name]) for name in gradients_before):
        if not any(one is None for one in pair):  # what is disconnected, `agreement` judges
            outcomes[f"of {name}"] = equal(*(layers.received(name, shown, one) for one in pair))
    return {"hidden_positions": worst(outcomes)}
