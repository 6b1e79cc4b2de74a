"""Examples of thousands of positions: what the check shows with ``--long``, and how each is drawn again.

Faults that need them lie in what counts positions: a table or a mask of a fixed length, an index of 12 bits, blocks of
keys of which one is forgotten. They do not depend on much else, so that a few examples of small depth do.

The lengths are primes: what goes by blocks has a last one that is not full. 8,209 does not fit into 13 bits.
"""

from typing import NamedTuple

from parity_tests.backend import forget_compiled
from parity_tests.properties import agreement
from parity_tests.strategies import of_corner

SMALL = {
    "lengths": "free", "depths": "free", "dtype": "float32", "mixed": False, "B": 1, "H": 2, "groups": 1, "N": 2,
    "d": 3, "d_k": 3, "d_v": 2, "d_query": 4, "d_key": 5, "d_value": 6, "d_output": 3, "output axes": 1,
    "scale": 0.3,  # a positive one: what PyTorch makes of others is known, but not of so many keys
    "d_weights": False, "dropout": 0.0, "attention_axes": None, "same tensor": False, "axis": -1, "rank": 3,
}  # fmt: skip
MODERATE = {"x": "moderate", "scores": "moderate", "values": "ordinary", "bias given": False}
OPEN = {"causal": False, "sliding_window": None}
MASKS = ("mask", "query_mask", "key_mask", "value_mask")
ALONE = {"traced": False, "attention_mask given": False, **{f"{name} given": False for name in MASKS}}
# Where there are masks, here and there, so that of any part some are hidden: padding may end before what matters.
HIDDEN = {f"{name} given": True for name in MASKS} | {f"{name} style": "any" for name in MASKS}
KEYS = {"8,209 keys": {**OPEN, "T": 16, "S": 8209, "d_weights": True}}
QUERIES = {"8,209 queries": {**OPEN, "T": 8209, "S": 16, "d_weights": True}}
MASKED = {"8,209 keys, some hidden": {**OPEN, **HIDDEN, "T": 16, "S": 8209, "traced": True}}
POSITIONS = {
    "8,209 positions": {"T": 8209, "d_weights": True},
    "8,209 positions, some hidden": {**HIDDEN, "T": 8209, "traced": True},
}
# In order, keys beyond are hidden from the few queries, and queries beyond see all of the few keys. Of several heads,
# and with masks and without, as a layer may hide in another way where there are none.
ORDERED = {"causal": True, "sliding_window": None, "traced": True}
OF_HEADS = {**ORDERED, "H": 4, "groups": 2}
CAUSAL = {
    "8,209 keys, causal": {**OF_HEADS, "T": 8, "S": 8209},
    "8,209 keys, causal, some hidden": {**OF_HEADS, **HIDDEN, "T": 8, "S": 8209},
    "8,209 queries, causal": {**OF_HEADS, "T": 8209, "S": 8},
    "8,209 queries, causal, some hidden": {**OF_HEADS, **HIDDEN, "T": 8209, "S": 8},
}
# A mask that may broadcast has all axes here: else it might lack that of the keys.
WHOLE = {name: {**one, "mask axes": (True, True, True, True)} for name, one in {**MASKED, **CAUSAL}.items()}
# Traced and of one head, as a graph keeps less of what is as large as the scores, and one head has half as many.
AS_MANY = {"T": 4201, "S": 4201, "H": 1, "traced": True}
IN_ORDER = {"4,201 queries and keys, causal": {**ORDERED, **AS_MANY}}
IN_ORDER_HIDDEN = {"4,201 queries and keys, causal, some hidden": {**ORDERED, **HIDDEN, **AS_MANY}}
SQUARE = {**IN_ORDER, "4,201 queries and keys": {**OPEN, **AS_MANY}, **IN_ORDER_HIDDEN}
UNORDERED = {"4,201 positions, some hidden": {**OPEN, **HIDDEN, **AS_MANY}}
# A scale that is learned needs the scores without it for its gradient; other examples have one.
SQUARE_UNSCALED = {name: {**one, "scaled": False} for name, one in SQUARE.items()}
SCALED = {name: {**one, "scaled": True} for name, one in {**IN_ORDER, **UNORDERED, **IN_ORDER_HIDDEN}.items()}
OF_PAIRS = {**KEYS, **MASKED, **QUERIES}
IN_ORDER_TOO = {**OF_PAIRS, **CAUSAL}
# Values as deep as keys, as on JAX Keras refuses others, and nothing would be looked at.
OF_LAYERS = {name: {**one, "d_v": SMALL["d_k"]} for name, one in {**IN_ORDER_TOO, **SQUARE}.items()}
LONG = {
    "attention": {**IN_ORDER_TOO, **SQUARE_UNSCALED},
    "self_attention": SCALED,
    "additive_attention": IN_ORDER_TOO,
    "multi_head_attention": OF_LAYERS,
    "attention_of_heads": {**OF_PAIRS, **WHOLE},
    "softmax": OF_PAIRS,
    "attention_pooling": POSITIONS,
    "hierarchical_attention": POSITIONS,
}


class LongExample(NamedTuple):
    """The name and the seed by which an example is drawn again."""

    name: str
    seed: int


def walk(subject, visit, seed):
    """Show the long examples of a subject's kind to a visitor, as `search.walk` does others, to see that they agree."""
    for name in LONG[subject.kind.name]:
        visit(drawn(subject, name, seed), [agreement])
        forget_compiled()  # for its sizes, which no other has


def drawn(subject, name, seed):
    """Draw one of them, the same for the same seed."""
    if name not in LONG[subject.kind.name]:
        raise ValueError(f"name: expected one of {', '.join(map(repr, LONG[subject.kind.name]))}, received {name!r}")
    settled = {**SMALL, **MODERATE, **ALONE, **LONG[subject.kind.name][name]}
    one = next(of_corner(subject.kind, subject.options, settled, [seed, *name.encode()]))
    return one._replace(again=LongExample(name, seed))
