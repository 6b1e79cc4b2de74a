"""The plans of the golden cases of additive attention.

Sizes are T, S, d_k and d_v; what a plan does not give is drawn, as `catalogue` says.
"""

PLANS = {
    "by_hand": {
        "description": "Queries and keys are 0, so that all scores are: each query averages the values it sees evenly.",
        "flags": "by_hand tied_scores",
        "inputs": {
            "query": [[0.0], [0.0]],
            "key": [[0.0], [0.0], [0.0]],
            "value": [[4.0], [2.0], [0.0]],
            "v_a": [2.0],
        },
        "masks": {"mask": "110 111"},
        "cotangents": {"d_output": [[1.0], [1.0]]},
    },
    "distinct_sizes": {"description": "No two sizes are equal.", "sizes": (3, 4, 2, 5)},
    "distinct_sizes_in_a_batch": {"description": "No two sizes are equal.", "sizes": (3, 5, 2, 1), "leading": (4,)},
    "equal_sizes": {"description": "All sizes are 3.", "sizes": (3, 3, 3, 3)},
    "equal_sizes_in_a_batch": {"description": "All sizes are 2.", "sizes": (2, 2, 2, 2), "leading": (2,)},
    "v_a_of_one": {
        "description": "Every tanh counts once, as in Keras without use_scale.",
        "sizes": (3, 4, 2, 2),
        "leading": (2,),
        "inputs": {"v_a": 1.0},
    },
    "v_a_of_one_number": {
        "description": "Every tanh counts -1.5 times.",
        "sizes": (2, 3, 3, 2),
        "inputs": {"v_a": -1.5},
    },
    "scale": {
        "description": "The sums of query and key are multiplied by 0.75 within the tanh.",
        "sizes": (3, 4, 2, 2),
        "leading": (2,),
        "inputs": {"scale": 0.75, "v_a": 1.5},
    },
    "scale_and_vector": {
        "description": "A scale within the tanh, and a vector outside it.",
        "sizes": (2, 3, 3, 2),
        "inputs": {"scale": 1.25},
    },
    "saturated": {
        "description": "Sums of 4 to 8: every tanh is nearly 1 or -1, with slopes of 1e-3 to 1e-7.",
        "flags": "saturated",
        "inputs": {
            "query": [[2.0, -2.0], [3.0, -4.0]],
            "key": [[2.0, -4.0], [2.5, -2.0], [4.0, -3.5]],
            "value": [[1.0, -2.0], [-3.0, 0.5], [2.0, 4.0]],
            "v_a": [2.0, 1.0],
        },
        "cotangents": {"d_output": [[1.0, -2.0], [0.5, 1.0]]},
    },
    "tiny_sums": {
        "description": "Queries and keys of 1/8 at most, where a tanh is nearly its argument.",
        "flags": "tiny_scores",
        "sizes": (3, 3, 2, 2),
        "largest": {"query": 0.125, "key": 0.125},
    },
    "one_query": {"description": "A single query.", "sizes": (1, 4, 2, 2), "leading": (2,)},
    "nine_keys": {"description": "More than eight keys.", "sizes": (2, 9, 2, 2)},
    "bias": {"description": "A bias of every score.", "sizes": (3, 3, 2, 2), "draw": {"bias": (3, 3)}},
    "causal": {
        "description": "No query attends a later key.",
        "sizes": (4, 4, 2, 3),
        "options": {"causal": {"offset": 0}},
        "inputs": {"v_a": 1.0},
    },
    "window": {
        "description": "Each query sees the key at its place and the one before.",
        "sizes": (4, 4, 2, 2),
        "options": {"window": {"left": 1, "right": 0, "offset": 0}},
    },
    "padding": {
        "description": "Two sequences of 2 and 1 keys, padded to 3.",
        "sizes": (1, 3, 2, 2),
        "leading": (2,),
        "masks": {"key_mask": "110 100"},
    },
    "item_hidden": {
        "description": "All keys of the second item are hidden.",
        "flags": "nothing_visible",
        "sizes": (2, 2, 1, 2),
        "leading": (2,),
        "masks": {"key_mask": "11 00"},
        "inputs": {"v_a": 1.0},
    },
    "hidden_queries_and_keys": {
        "description": "Hidden queries have no output, hidden keys are not attended.",
        "sizes": (2, 3, 1, 2),
        "leading": (2,),
        "masks": {"query_mask": "10 11", "key_mask": "101 011"},
    },
    "padding_and_causal": {
        "description": "Causal, and padding before the sequence, in a batch.",
        "flags": "nothing_visible",
        "sizes": (2, 2, 2, 1),
        "leading": (2,),
        "options": {"causal": {"offset": 0}},
        "masks": {"key_mask": "01 11"},
    },
    "mask_of_each_item": {
        "description": "A mask for each item.",
        "sizes": (2, 3, 2, 2),
        "leading": (2,),
        "masks": {"mask": ["110 011", "101 111"]},
    },
    "keys_shared_by_the_batch": {
        "description": "All items attend the same keys and values.",
        "draw": {"query": (2, 2, 2), "key": (3, 2), "value": (3, 2), "v_a": (2,), "d_output": (2, 2, 2)},
    },
    "cotangent_on_the_weights": {
        "description": "The loss depends on output and weights.",
        "sizes": (2, 3, 2, 2),
        "leading": (2,),
        "draw": {"d_weights": (2, 2, 3)},
    },
}
