"""Whether a call leaves something behind."""

from parity_tests.comparison import worst
from parity_tests.trials.received import unchanged
from parity_tests.trials.watched import watch


def repeated_calls(layers, example):
    """A call leaves nothing behind: the second gives the first's results, to the bit.

    Nor is what it was handed changed, and the masks that came with a tensor are still with it.
    """
    built = layers.fresh(example)
    with watch(built.layer) as watched:
        first, second = (built.run(example, return_attention_scores=True) for _ in range(2))
    outcomes = unchanged(layers, example, first, second) | {"": watched.unchanged()}
    kept = watched.masks_kept()
    return {"repeated_calls": worst(outcomes)} | ({} if kept is None else {"masks_kept": kept})
