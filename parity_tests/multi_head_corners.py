"""The examples of the kind ``multi_head_attention`` that are looked at always, by the choices that they settle."""

from parity_tests import strategies
from parity_tests.multi_head_masks import ALL_MASKS, NO_MASKS, PADDING

SMALL = {
    "lengths": "free", "depths": "free", "dtype": "float32",
    "B": 2, "T": 5, "S": 7, "d_k": 3, "d_v": 2, "d_query": 4, "d_key": 5, "d_value": 6, "d_output": 3,
}  # fmt: skip
OF_ITEMS = {"attention_mask given": True, "mask axes": "B T S"}
NO_PADDING = dict.fromkeys((f"{name} given" for name in PADDING), False)
AS_ARGUMENTS = {"masks with inputs": False, "query mask as argument": True}
IN_ONE = {"key given": False, "same tensor": True}
IN_FLOAT64 = {"dtype": "float64", "values": "moderate"}  # as large ones leave one weight alone
ALONG_AXIS_2 = {"attention_axes": 2, "window of axis 1": False, "causal": False, "B": 4}
WIDE = {**NO_MASKS, "attention_axes": None, "T": 12, "S": 12}  # longer than any window
OWN_CORNERS = {
    "weights dropped": {**strategies.CORNERS["weights dropped"], "use_gate": True, "H": 2},
    "float64": {**NO_MASKS, "dtype": "float64", "causal": False, "sliding_window": None},
    "bfloat16": {**ALL_MASKS, "dtype": "bfloat16", "causal": False, "sliding_window": None},
    "mixed precision": {"dtype": "float16", "mixed": True, "H": 4, "groups": 2, "use_gate": True},
    "one head": {"H": 1},
    "three heads, biases and a gate": {"H": 3, "use_bias": True, "use_gate": True},
    "four heads of one key": {"H": 4, "groups": 4},
    "four heads of two keys in float64": {"dtype": "float64", "H": 4, "groups": 2},
    "six heads of two keys, a window of five": {**WIDE, "H": 6, "groups": 3, "sliding_window": 5},
    "eight heads of four keys, a window of eight": {**WIDE, "H": 8, "groups": 2, "sliding_window": 8},
    "an output of three by two, with biases": {"d_output": 6, "output axes": 2, "use_bias": True},
    "depth 1": {"d_k": 1, "d_v": 1},
    "as many heads of depth 1 as positions": {"H": 3, "d_k": 1, "d_v": 1, "T": 3, "S": 3, "use_bias": True},
    "one key": {"S": 1},
    "one query": {"T": 1},
    "no keys": {"S": 0},
    "one item": {"B": 1, "T": 4, "S": 4},
    "depth 64": {"d_k": 64, "d_v": 40},
    "130 queries and keys": {"B": 1, "T": 130, "S": 130, "values": "moderate", "causal": False},
    "130 queries and keys, causal": {**NO_MASKS, "B": 1, "T": 130, "S": 130, "causal": True},
    "17 items": {"B": 17, **ALL_MASKS},
    "masks of many positions": {**ALL_MASKS, **AS_ARGUMENTS, "T": 40, "S": 40},
    "scores of about 50": {**NO_MASKS, "values": "steep", "W": "integers", "causal": False},
    "scores of thousands": {**NO_MASKS, "values": "wide", "W": "integers", "causal": False},
    "causal with all masks": {**ALL_MASKS, "causal": True},
    "causal with all masks, traced": {**ALL_MASKS, "causal": True, "traced": True},
    "causal without a mask": {**NO_MASKS, "causal": True, "d_weights": False, "sliding_window": None},
    "causal without a mask, traced": {**NO_MASKS, "causal": True, "traced": True, "sliding_window": None},
    "a window": {**NO_MASKS, "sliding_window": 2, "T": 8, "S": 8},
    "along axis 1 of two in float64": {**OF_ITEMS, **NO_PADDING, **IN_FLOAT64, "attention_axes": 1, "B": 4},
    "along axis 2": {**ALL_MASKS, **ALONG_AXIS_2},
    "along axis 2, traced": {**OF_ITEMS, **ALONG_AXIS_2, "traced": True},
    "a mask of each head": {**OF_ITEMS, **NO_PADDING, "mask axes": "B H T S", "attention_axes": None},
    "a mask without items": {**ALL_MASKS, "mask axes": "T S", "B": 3},
    "masks that come with their inputs": {**ALL_MASKS, "H": 2, "masks with inputs": True, "key given": True},
    "query, key and value in one": {**IN_ONE, "query_mask given": True, "attention_axes": None, "T": 6},
    "a causal window": {**NO_MASKS, "sliding_window": 2, "T": 8, "S": 8, "causal": True},
}
