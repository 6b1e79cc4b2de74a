"""The plans of the golden cases of self-attention.

Sizes are T, d, d_k and d_v; what a plan does not give is drawn, as `catalogue` says.
"""

PLANS = {
    "by_hand": {
        "description": "Queries and keys 1 and 0: scores 1, 0 and 0, 0, so that the second position averages evenly.",
        "flags": "by_hand",
        "inputs": {"x": [[1.0], [0.0]], "W_q": [[1.0]], "W_k": [[1.0]], "W_v": [[4.0]]},
        "cotangents": {"d_output": [[0.0], [1.0]]},
    },
    "by_hand_identity": {
        "description": "All projections are the identity, so that x attends itself.",
        "flags": "by_hand",
        "inputs": {
            "x": [[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]],
            "W_q": [[1.0, 0.0], [0.0, 1.0]],
            "W_k": [[1.0, 0.0], [0.0, 1.0]],
            "W_v": [[1.0, 0.0], [0.0, 1.0]],
        },
        "cotangents": {"d_output": [[1.0, 0.0], [0.0, 1.0], [-1.0, 2.0]]},
    },
    "distinct_sizes": {"description": "No two sizes are equal.", "sizes": (3, 4, 2, 5)},
    "wide_projections": {
        "description": "The projections are wider than the input.",
        "scaled": True,
        "sizes": (4, 2, 5, 5),
        "leading": (3,),
    },
    "values_of_another_depth": {
        "description": "The values are projected to another depth than queries and keys.",
        "scaled": True,
        "sizes": (3, 2, 4, 5),
    },
    "equal_sizes": {"description": "All sizes are 3.", "sizes": (3, 3, 3, 3)},
    "equal_sizes_scaled": {
        "description": "All sizes are 3, the batch included.",
        "scaled": True,
        "sizes": (3, 3, 3, 3),
        "leading": (3,),
    },
    "one_position": {
        "description": "A sequence of one, which attends itself alone.",
        "flags": "one_visible_key",
        "sizes": (1, 3, 2, 2),
        "leading": (2,),
    },
    "one_position_hidden": {
        "description": "Two sequences of one, of which the second is padding.",
        "flags": "one_visible_key nothing_visible",
        "sizes": (1, 3, 2, 2),
        "leading": (2,),
        "masks": {"key_mask": "1 0", "query_mask": "1 0"},
    },
    "depth_1": {"description": "Input and projections have depth 1.", "sizes": (4, 1, 1, 1)},
    "nine_positions": {"description": "More than eight positions.", "sizes": (9, 2, 2, 2)},
    "scaled": {"description": "A scale of 0.5773...", "scaled": True, "sizes": (4, 2, 3, 3), "leading": (2,)},
    "scale_two": {
        "description": "A scale above 1.",
        "sizes": (3, 2, 2, 2),
        "inputs": {"scale": 2.0},
    },
    "large_scores": {
        "description": "Inputs of up to 4 and weights of up to 4: scores of hundreds, in most rows two that are close.",
        "flags": "large_scores",
        "sizes": (3, 3, 3, 3),
        "inputs": {
            "x": [
                [[3.75, 0.0, -0.25], [0.5, -2.875, -1.75], [0.625, -3.0, -1.875]],
                [[3.25, 0.75, 2.875], [1.375, -2.25, 3.125], [1.125, -2.0, 3.25]],
            ]
        },
        "largest": {"W_q": 4.0, "W_k": 4.0},
        "leading": (2,),
    },
    "large_projections": {
        "description": "Values of up to 128, sums of eight products of 16.",
        "flags": "large_values",
        "sizes": (3, 8, 2, 2),
        "inputs": {"x": [[4.0] * 8, [4.0, -4.0] * 4, [-4.0] * 7 + [-3.5]], "W_v": [[4.0, -4.0]] * 8},
        "largest": {"W_q": 0.125, "W_k": 0.125},
    },
    "tiny_scores": {
        "description": "Inputs and weights of 1/8 at most: the weights are nearly even, and only nearly.",
        "flags": "tiny_scores",
        "sizes": (3, 2, 2, 2),
        "largest": {"x": 0.125, "W_q": 0.125, "W_k": 0.125},
    },
    "tied_positions": {
        "description": "Two kinds of positions, each of which occurs more than once.",
        "flags": "tied_scores",
        "scaled": True,
        "sizes": (5, 2, 3, 3),
        "rows": {"x": 2},
    },
    "biases": {
        "description": "All three projections have a bias.",
        "sizes": (3, 2, 3, 3),
        "leading": (2,),
        "draw": {"b_q": (3,), "b_k": (3,), "b_v": (3,)},
    },
    "biases_equal_sizes_scaled": {
        "description": "All sizes are 2 and all projections have a bias, which a wrong axis would not betray.",
        "scaled": True,
        "sizes": (2, 2, 2, 2),
        "draw": {"b_q": (2,), "b_k": (2,), "b_v": (2,)},
    },
    "bias_of_the_keys_alone": {
        "description": "A bias of the keys adds the same to all scores of a row: its gradient is 0.",
        "sizes": (3, 2, 2, 2),
        "draw": {"b_k": (2,)},
    },
    "causal": {
        "description": "No position attends a later one.",
        "sizes": (4, 2, 3, 3),
        "options": {"causal": {"offset": 0}},
    },
    "causal_scaled_with_biases": {
        "description": "Causal, scaled, with biases, in a batch.",
        "scaled": True,
        "sizes": (3, 3, 2, 2),
        "leading": (2,),
        "options": {"causal": {"offset": 0}},
        "draw": {"b_q": (2,), "b_k": (2,), "b_v": (2,)},
    },
    "padding": {
        "description": "Two sequences of 3 and 2 positions, padded to 4: padding is not attended, and its output is 0.",
        "sizes": (4, 3, 2, 2),
        "leading": (2,),
        "masks": {"key_mask": "1110 1100", "query_mask": "1110 1100"},
    },
    "padding_at_the_start_and_causal": {
        "description": "Padding before the sequence: the causal mask alone would show it to all.",
        "flags": "nothing_visible",
        "scaled": True,
        "sizes": (4, 2, 3, 3),
        "leading": (2,),
        "options": {"causal": {"offset": 0}},
        "masks": {"key_mask": "0111 0011", "query_mask": "0111 0011"},
    },
    "keys_hidden": {
        "description": "Hidden positions are not attended, but have an output.",
        "flags": "nothing_visible",
        "sizes": (3, 2, 2, 2),
        "leading": (2,),
        "masks": {"key_mask": "101 000"},
    },
    "window": {
        "description": "Each position sees its neighbours and itself.",
        "sizes": (5, 2, 2, 2),
        "options": {"window": {"left": 1, "right": 1, "offset": 0}},
    },
    "bias_of_distance": {
        "description": "Scores fall with the distance of two positions, as with ALiBi.",
        "sizes": (3, 2, 2, 2),
        "inputs": {"bias": [[0.0, -0.5, -1.0], [-0.5, 0.0, -0.5], [-1.0, -0.5, 0.0]]},
    },
    "softcap": {
        "description": "Scores are bent to lie between -1.5 and 1.5.",
        "scaled": True,
        "sizes": (3, 2, 3, 3),
        "options": {"softcap": 1.5},
    },
    "two_leading_axes": {
        "description": "Two leading axes share the weights, whose gradients are sums over both.",
        "scaled": True,
        "sizes": (2, 3, 2, 2),
        "leading": (2, 2),
    },
    "cotangent_on_the_weights": {
        "description": "The loss depends on output and weights.",
        "sizes": (3, 2, 2, 2),
        "leading": (2,),
        "draw": {"d_weights": (2, 3, 3)},
    },
    "cotangent_on_masked_weights": {
        "description": "The loss depends on output and weights, causal and padded, with biases.",
        "sizes": (3, 2, 2, 2),
        "leading": (2,),
        "options": {"causal": {"offset": 0}},
        "draw": {"d_weights": (2, 3, 3), "b_q": (2,), "b_k": (2,), "b_v": (2,)},
        "masks": {"key_mask": "110 101", "query_mask": "110 101"},
    },
}
