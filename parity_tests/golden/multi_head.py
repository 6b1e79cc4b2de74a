"""The plans of the golden cases of multi-head attention, grouped or not.

What a plan does not give is drawn, as `catalogue` says; of what it names as drawn, the shape follows from the sizes.
"""

# Two heads, between any two depths a difference.
SIZES = {
    **{"T": 2, "S": 3, "H": 2, "H_kv": 2},
    **{"d_query": 2, "d_key": 2, "d_value": 2, "d_k": 2, "d_v": 2, "d_output": 2},
}
WIDE = {**SIZES, "d_query": 2, "d_key": 3, "d_value": 1, "d_k": 2, "d_v": 3, "d_output": 1}
EQUAL = {**SIZES, "S": 2}

PLANS = {
    "by_hand": {
        "description": "Keys are 0, so that both heads average the values 4 and 2 evenly; 3 and twice 3 make 9.",
        "flags": "by_hand tied_scores",
        "inputs": {
            "query": [[1.0]],
            "key": [[0.0], [0.0]],
            "value": [[4.0], [2.0]],
            "W_q": [[[1.0], [2.0]]],
            "W_k": [[[1.0], [1.0]]],
            "W_v": [[[1.0], [2.0]]],
            "W_o": [[[1.0]], [[1.0]]],
        },
        "cotangents": {"d_output": [[1.0]]},
    },
    "distinct_sizes": {
        "description": "No two sizes are equal.",
        "scaled": True,
        "sizes": {
            **{"T": 5, "S": 6, "H": 2, "H_kv": 1},
            **{"d_query": 3, "d_key": 4, "d_value": 7, "d_k": 8, "d_v": 9, "d_output": 10},
        },
    },
    "equal_sizes": {
        "description": "All sizes are 2, the batch included.",
        "scaled": True,
        "sizes": EQUAL,
        "leading": (2,),
    },
    "depths_of_all_kinds": {
        "description": "Inputs, heads and output have other depths.",
        "scaled": True,
        "sizes": WIDE,
        "leading": (2,),
    },
    "one_head": {
        "description": "A single head.",
        "scaled": True,
        "sizes": {**SIZES, "H": 1, "H_kv": 1},
    },
    "three_heads": {
        "description": "Three heads, each with keys of its own.",
        "scaled": True,
        "sizes": {**SIZES, "H": 3, "H_kv": 3},
    },
    "heads_of_depth_1": {
        "description": "As many heads of depth 1 as there are positions: axes that can be exchanged unseen.",
        "sizes": {**SIZES, "T": 2, "S": 2, "d_k": 1, "d_v": 1},
        "draw": "b_q b_k b_v b_o",
    },
    "groups_of_two": {
        "description": "Four heads: the first two share a key head, the last two another.",
        "scaled": True,
        "sizes": {**SIZES, "H": 4, "H_kv": 2},
    },
    "groups_in_a_batch_with_biases": {
        "description": "Four heads in two groups, in a batch, with biases.",
        "scaled": True,
        "sizes": {**SIZES, "T": 1, "S": 2, "H": 4, "H_kv": 2},
        "leading": (2,),
        "draw": "b_q b_k b_v b_o",
    },
    "one_key_head": {
        "description": "Three heads share one key head, as in multi-query attention.",
        "scaled": True,
        "sizes": {**SIZES, "H": 3, "H_kv": 1},
    },
    "biases": {
        "description": "All four projections have a bias.",
        "scaled": True,
        "sizes": SIZES,
        "leading": (2,),
        "draw": "b_q b_k b_v b_o",
    },
    "bias_of_the_output_alone": {
        "description": "Only what is put out has a bias.",
        "scaled": True,
        "sizes": SIZES,
        "draw": "b_o",
    },
    "gate": {
        "description": "What the heads find is multiplied by a gate that the query opens.",
        "scaled": True,
        "sizes": SIZES,
        "draw": "W_g",
    },
    "gate_with_biases": {
        "description": "A gate with a bias, and biases of all else, in a batch.",
        "scaled": True,
        "sizes": {**SIZES, "d_v": 3},
        "leading": (2,),
        "draw": "b_q b_k b_v b_o W_g b_g",
    },
    "gate_with_biases_in_groups": {
        "description": "Gate and biases of four heads in two groups; a scale of 1/2, exact in every dtype.",
        "scaled": True,
        "sizes": {**SIZES, "T": 1, "H": 4, "H_kv": 2, "d_k": 4, "d_v": 4},
        "leading": (2,),
        "draw": "b_q b_k b_v b_o W_g b_g",
    },
    "unscaled": {"description": "Scores of depth 2 are not scaled.", "sizes": SIZES},
    "another_scale": {"description": "A scale of 0.25.", "sizes": SIZES, "inputs": {"scale": 0.25}},
    "large_scores": {
        "description": "Weights of up to 4: scores of hundreds.",
        "flags": "large_scores",
        "scaled": True,
        "sizes": SIZES,
        "inputs": {
            "query": [[3.75, -2.0], [-4.0, 3.0]],
            "key": [[4.0, 2.5], [3.875, 2.625], [-3.0, 4.0]],
            "W_q": [[[4.0, -2.0], [1.0, 2.0]], [[-3.0, 4.0], [2.5, -4.0]]],
            "W_k": [[[3.0, 4.0], [-2.0, 4.0]], [[4.0, -1.0], [3.5, 2.0]]],
        },
    },
    "causal": {
        "description": "No query attends a later key, in no head.",
        "scaled": True,
        "sizes": {**SIZES, "T": 3},
        "options": {"causal": {"offset": 0}},
    },
    "causal_bottom_right_grouped": {
        "description": "Two queries at the end of four keys, as with a cache, by two heads that share them.",
        "scaled": True,
        "sizes": {**SIZES, "S": 4, "H_kv": 1},
        "options": {"causal": {"offset": 2}},
    },
    "window": {
        "description": "Each query sees its neighbours and itself.",
        "scaled": True,
        "sizes": {**SIZES, "T": 4, "S": 4},
        "options": {"window": {"left": 1, "right": 1, "offset": 0}},
    },
    "padding": {
        "description": "Two sequences of 2 and 1 keys, padded to 3.",
        "scaled": True,
        "sizes": SIZES,
        "leading": (2,),
        "masks": {"key_mask": "110 100"},
    },
    "item_hidden": {
        "description": "All keys of the second item are hidden: its output is the bias of the output.",
        "flags": "nothing_visible",
        "scaled": True,
        "sizes": SIZES,
        "leading": (2,),
        "masks": {"key_mask": "101 000"},
        "draw": "b_q b_k b_v b_o",
    },
    "mask_of_each_item": {
        "description": "A mask for each item, the same for all heads.",
        "scaled": True,
        "sizes": SIZES,
        "leading": (2,),
        "masks": {"mask": [["110 011"], ["101 111"]]},
    },
    "mask_of_each_head": {
        "description": "A mask for each head.",
        "scaled": True,
        "sizes": SIZES,
        "masks": {"mask": ["110 011", "101 111"]},
    },
    "mask_causal_and_padding": {
        "description": "A mask for each item, causal, and padding.",
        "scaled": True,
        "sizes": {**SIZES, "T": 3},
        "leading": (2,),
        "options": {"causal": {"offset": 0}},
        "masks": {"mask": [["111 111 101"], ["111 101 110"]], "key_mask": "110 111"},
    },
    "mask_and_causal": {
        "description": "A mask for each item, and causal.",
        "scaled": True,
        "sizes": {**SIZES, "T": 3},
        "leading": (2,),
        "options": {"causal": {"offset": 0}},
        "masks": {"mask": [["111 111 101"], ["111 101 110"]]},
    },
    "bias_of_each_head": {
        "description": "Scores fall with the distance, by another slope for each head, as with ALiBi.",
        "scaled": True,
        "sizes": {**SIZES, "T": 3},
        "inputs": {
            "bias": [
                [[0.0, -0.5, -1.0], [-0.5, 0.0, -0.5], [-1.0, -0.5, 0.0]],
                [[0.0, -0.125, -0.25], [-0.125, 0.0, -0.125], [-0.25, -0.125, 0.0]],
            ]
        },
    },
    "softcap": {
        "description": "Scores are bent to lie between -1.5 and 1.5.",
        "scaled": True,
        "sizes": SIZES,
        "options": {"softcap": 1.5},
    },
    "keys_shared_by_the_batch": {
        "description": "All items attend the same keys and values.",
        "scaled": True,
        "sizes": SIZES,
        "draw": {"query": (2, 2, 2), "d_output": (2, 2, 2)},
    },
    "cotangent_on_the_weights": {
        "description": "The loss depends on output and weights of three heads.",
        "scaled": True,
        "sizes": {**SIZES, "H": 3, "H_kv": 3},
        "leading": (2,),
        "draw": "d_weights",
    },
}
