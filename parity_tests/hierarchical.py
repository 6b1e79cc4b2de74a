"""The kind ``hierarchical_attention``: what a layer that pools words and then sentences must compute."""

from parity_tests import pooling, strategies
from parity_tests.pooling import ATTENTION_POOLING, draw_positions, plain_positions, pooled
from reference import hierarchical_attention, hierarchical_attention_backward

LEVELS = {level: (f"W_{level}", f"context_{level}", f"b_{level}") for level in ("word", "sentence")}
SMALL = {**pooling.SMALL, "N": 3}
OWN_CORNERS = {
    **{name: corner for name, corner in pooling.OWN_CORNERS.items() if "T" not in corner or corner["T"] < 257},
    "one sentence": {"N": 1, "mask given": True},
    "no sentences": {"N": 0},
    "130 sentences": {"N": 130, "T": 2, "x": "moderate"},
    "257 sentences": {"N": 257, "T": 2},
    "sentences of one word": {"T": 1, "N": 5},
    "as many sentences as words": {"N": 4, "T": 4, "mask given": True},
}


def draw(choice, rng, options):
    """Any example of the kind."""
    return draw_positions(choice, rng, options, ("B", "N", "T"), LEVELS.values())


def plain(options=frozenset(), used=False):
    """A small example without mask, its constructor's options all used or all left at rest."""
    return plain_positions((1, 2, 2), LEVELS.values(), options, used)


def expected(example, arithmetic):
    """The reference's output, weights and gradients, with their bounds; the scores are those of the sentences."""
    levels = (hierarchical_attention, hierarchical_attention_backward)
    return pooled(example, arithmetic, *levels, lambda record: record.sentences)


HIERARCHICAL_ATTENTION = ATTENTION_POOLING._replace(
    name="hierarchical_attention",
    draw=draw,
    corners=strategies.corners(SMALL, OWN_CORNERS),
    axes={"x": ("B", "N", "T", "d"), "mask": ("B", "N", "T"), "output": ("B", "d"), "weights": ("B", "N", "T")},
    plain=plain,
    expected=expected,
)
