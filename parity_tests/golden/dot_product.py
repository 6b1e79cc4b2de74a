"""The plans of the golden cases of dot-product attention.

Sizes are T, S, d_k and d_v; what a plan does not give is drawn, as `catalogue` says. A mask is written a row a word, 1
for what may be attended.
"""

PLANS = {
    # By hand
    "by_hand_even_weights": {
        "description": "A query of 0 meets all keys alike: weights of 1/3, and the output is the mean of 3, 1.5 and 0.",
        "flags": "by_hand tied_scores",
        "inputs": {"query": [[0.0]], "key": [[1.0], [2.0], [3.0]], "value": [[3.0], [1.5], [0.0]]},
        "cotangents": {"d_output": [[1.0]]},
    },
    "by_hand_two_queries": {
        "description": "Scores 2, 2 and 1, 4: the first query averages evenly, the second has weights 1 : e cubed.",
        "flags": "by_hand",
        "inputs": {
            "query": [[1.0, 0.0, 1.0], [0.0, 2.0, 1.0]],
            "key": [[1.0, 0.0, 1.0], [0.0, 1.0, 2.0]],
            "value": [[1.0, 2.0], [3.0, 4.0]],
        },
        "cotangents": {"d_output": [[1.0, 0.0], [0.0, 1.0]]},
    },
    "by_hand_scaled": {
        "description": "Depth 4, so the scale is 1/2: the products 4 and 0 become the scores 2 and 0.",
        "flags": "by_hand",
        "inputs": {
            "query": [[2.0, 0.0, 0.0, 0.0]],
            "key": [[2.0, 1.0, 0.0, 0.0], [0.0, 0.0, 3.0, 1.0]],
            "value": [[1.0], [-1.0]],
            "scale": 0.5,
        },
        "cotangents": {"d_output": [[1.0]]},
    },
    "by_hand_one_visible": {
        "description": "Each query sees one key, so that it returns that key's value, whatever the scores are.",
        "flags": "by_hand one_visible_key",
        "inputs": {"query": [[1.0], [2.0]], "key": [[3.0], [4.0]], "value": [[0.5, 1.5], [2.5, 3.5]]},
        "masks": {"mask": "01 10"},
        "cotangents": {"d_output": [[1.0, -2.0], [3.0, 0.5]]},
    },
    "by_hand_causal": {
        "description": "Scores of 0 under a causal mask: the outputs are the running means of 1, 3 and -1.",
        "flags": "by_hand tied_scores",
        "inputs": {"query": [[0.0], [0.0], [0.0]], "key": [[1.0], [2.0], [-1.0]], "value": [[1.0], [3.0], [-1.0]]},
        "options": {"causal": {"offset": 0}},
        "cotangents": {"d_output": [[1.0], [1.0], [-2.0]]},
    },
    # Sizes
    "distinct_sizes": {"description": "No two sizes are equal.", "sizes": (2, 3, 4, 5)},
    "distinct_sizes_descending": {
        "description": "No two sizes are equal, and there are more queries than keys.",
        "sizes": (7, 5, 3, 2),
    },
    "distinct_sizes_scaled": {
        "description": "No two sizes are equal, and the scale is no power of two.",
        "scaled": True,
        "sizes": (4, 2, 5, 3),
    },
    "distinct_sizes_in_a_batch": {
        "description": "No two of five sizes are equal, the batch included.",
        "scaled": True,
        "sizes": (4, 5, 6, 2),
        "leading": (3,),
    },
    "equal_sizes": {"description": "All sizes are 3.", "sizes": (3, 3, 3, 3)},
    "equal_sizes_in_a_batch": {
        "description": "All sizes are 4, the batch included.",
        "scaled": True,
        "sizes": (4, 4, 4, 4),
        "leading": (4,),
    },
    "one_query": {
        "description": "A single query.",
        "scaled": True,
        "sizes": (1, 4, 3, 2),
        "leading": (2,),
    },
    "one_key": {
        "description": "A single key, whose weight is 1.",
        "flags": "one_visible_key",
        "scaled": True,
        "sizes": (3, 1, 4, 2),
        "leading": (2,),
    },
    "no_keys": {
        "description": "Nothing to attend: the output is 0.",
        "flags": "nothing_visible",
        "sizes": (2, 0, 3, 4),
    },
    "depth_1": {"description": "Queries, keys and values of depth 1.", "sizes": (3, 4, 1, 1)},
    "value_depth_1": {
        "description": "Values of depth 1, queries and keys of depth 3.",
        "scaled": True,
        "sizes": (2, 4, 3, 1),
        "leading": (2,),
    },
    "depth_16": {
        "description": "Depth 16: the scale is 1/4, whose root is exact too.",
        "scaled": True,
        "sizes": (2, 3, 16, 2),
    },
    "depth_65": {
        "description": "A depth past 64.",
        "scaled": True,
        "sizes": (1, 2, 65, 1),
        "cotangents": {"d_output": [[1.0]]},
    },
    "nine_keys": {"description": "More than eight keys.", "sizes": (2, 9, 3, 2)},
    "seventeen_keys": {"description": "More than 16 keys.", "scaled": True, "sizes": (3, 17, 3, 1)},
    "keys_past_128": {"description": "More than 128 keys.", "scaled": True, "sizes": (1, 130, 2, 1)},
    "keys_past_256": {"description": "More than 256 keys.", "sizes": (1, 258, 1, 1)},
    "queries_past_128_causal": {
        "description": "More than 128 queries, causal from the bottom right: only the last three see anything.",
        "flags": "nothing_visible",
        "sizes": (130, 3, 1, 1),
        "options": {"causal": {"offset": -127}},
    },
    "nine_queries": {"description": "More than eight queries.", "scaled": True, "sizes": (9, 3, 2, 2)},
    # Scale
    "unscaled_depth_9": {
        "description": "Unscaled at a depth at which a scale is easily seen.",
        "sizes": (3, 4, 9, 2),
        "largest": {"query": 1.0, "key": 1.0},
        "leading": (2,),
    },
    "scaled_depth_2": {"description": "A scale of 0.7071...", "scaled": True, "sizes": (3, 3, 2, 3)},
    "scaled_depth_3": {
        "description": "A scale of 0.5773...",
        "scaled": True,
        "sizes": (3, 4, 3, 2),
        "leading": (2,),
    },
    "scale_one_tenth": {
        "description": "A scale that no binary number is equal to; the case has the nearest float64.",
        "sizes": (2, 4, 3, 3),
        "inputs": {"scale": 0.1},
    },
    "scale_three": {
        "description": "A scale above 1.",
        "sizes": (3, 2, 2, 2),
        "inputs": {"scale": 3.0},
    },
    "scale_negative": {
        "description": "A negative scale: the least similar key is attended most.",
        "sizes": (2, 3, 2, 2),
        "inputs": {"scale": -0.75},
    },
    "scale_zero": {
        "description": "A scale of 0: all weights are equal, while the gradient of the scale is not 0.",
        "flags": "tied_scores",
        "sizes": (2, 4, 3, 2),
        "inputs": {"scale": 0.0},
    },
    "scale_of_each_head": {
        "description": "Each of three heads has a scale of its own.",
        "sizes": (2, 3, 2, 2),
        "leading": (2, 3),
        "inputs": {"scale": [[[0.5]], [[1.25]], [[-2.0]]]},
    },
    # Scores
    "large_scores": {
        "description": "Scores of hundreds, whose exponentials overflow unless they are shifted.",
        "flags": "large_scores",
        "sizes": (3, 4, 3, 2),
        "inputs": {"scale": 64.0},
        "leading": (2,),
    },
    "large_scores_unscaled": {
        "description": "Scores of 256 and less from a depth of 16, whose exponentials overflow unless shifted.",
        "flags": "large_scores",
        "inputs": {
            "query": [[4.0] * 16, [4.0, -4.0] * 8, [-4.0] * 16],
            "key": [[4.0] * 16, [2.0] + [4.0] * 15, [4.0, -4.0] * 8, [-4.0] * 16, [0.5, -0.25] * 8],
        },
        "sizes": (3, 5, 16, 2),
    },
    "close_large_scores": {
        "description": "Scores near 200 and near -200 that differ little within a row: a shift "
        "by another row's largest loses all.",
        "flags": "large_scores row_far_below",
        "inputs": {
            "query": [[4.0, 4.0, 4.0], [-4.0, -4.0, -4.0]],
            "key": [[4.0, 4.0, 4.0], [4.0, 4.0, 3.875], [3.875, 4.0, 3.75]],
            "scale": 4.0,
        },
        "sizes": (2, 3, 3, 2),
    },
    "tiny_scores": {
        "description": "Scores of a few thousandths: the weights are nearly even, and only nearly.",
        "flags": "tiny_scores",
        "sizes": (2, 4, 3, 2),
        "inputs": {"scale": 2.0**-10},
    },
    "tiny_inputs": {
        "description": "Queries and keys of 1/8 at most: the scores are tiny though nothing scales them.",
        "flags": "tiny_scores",
        "sizes": (3, 3, 2, 2),
        "largest": {"query": 0.125, "key": 0.125},
        "leading": (2,),
    },
    "tied_scores": {
        "description": "Two kinds of keys, each of which occurs more than once.",
        "flags": "tied_scores",
        "scaled": True,
        "sizes": (3, 5, 3, 2),
        "rows": {"key": 2},
        "leading": (2,),
    },
    "all_keys_alike": {
        "description": "All keys are the same, so that the output is the mean of the values.",
        "flags": "tied_scores",
        "sizes": (2, 3, 3, 2),
        "rows": {"key": 1},
    },
    "tied_largest_scores": {
        "description": "Two keys share the largest score of the first query, hundreds above the others, of which the "
        "second query makes 128 and 127.5.",
        "flags": "tied_scores large_scores",
        "inputs": {
            "query": [[4.0, 2.0], [-2.0, -1.75]],
            "key": [[4.0, 4.0], [-4.0, 0.0], [4.0, 4.0], [-3.875, -0.125]],
            "scale": 16.0,
        },
        "sizes": (2, 4, 2, 3),
    },
}
