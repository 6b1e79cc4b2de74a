"""The plans of the golden cases of attention pooling.

Sizes are T, d and units; what a plan does not give is drawn, as `catalogue` says.
"""

PLANS = {
    "by_hand": {
        "description": "The context is 0, and so are all scores: the average is even.",
        "flags": "by_hand tied_scores",
        "inputs": {"x": [[4.0], [2.0]], "W_a": [[1.0]], "context": [0.0]},
        "cotangents": {"d_output": [1.0]},
    },
    "distinct_sizes": {"description": "No two sizes are equal.", "sizes": (4, 2, 3)},
    "distinct_sizes_in_a_batch": {"description": "No two sizes are equal.", "sizes": (4, 2, 3), "leading": (5,)},
    "equal_sizes": {"description": "All sizes are 3, the batch included.", "sizes": (3, 3, 3), "leading": (3,)},
    "one_position": {
        "description": "A sequence of one, which is its own average.",
        "flags": "one_visible_key",
        "sizes": (1, 3, 2),
        "leading": (2,),
    },
    "nine_positions": {"description": "More than eight positions.", "sizes": (9, 2, 2)},
    "bias": {"description": "A bias within the tanh.", "sizes": (3, 2, 3), "leading": (2,), "draw": {"b_a": (3,)}},
    "padding": {
        "description": "Two sequences of 3 and 2 positions, padded to 4.",
        "sizes": (4, 2, 2),
        "leading": (2,),
        "masks": {"mask": "1110 1100"},
    },
    "padding_at_the_start_with_bias": {
        "description": "Padding before the sequences, and a bias within the tanh.",
        "sizes": (4, 2, 2),
        "leading": (2,),
        "masks": {"mask": "0111 0011"},
        "draw": {"b_a": (2,)},
    },
    "item_hidden": {
        "description": "Of the second sequence nothing counts.",
        "flags": "nothing_visible",
        "sizes": (3, 2, 2),
        "leading": (2,),
        "masks": {"mask": "101 000"},
    },
    "saturated": {
        "description": "Projections of 4 to 8: every tanh is nearly 1 or -1.",
        "flags": "saturated",
        "sizes": (3, 2, 2),
        "inputs": {
            "x": [[2.0, 2.0], [3.5, 4.0], [-2.0, -2.5]],
            "W_a": [[1.0, 1.5], [1.0, 0.5]],
            "context": [2.0, -0.5],
        },
    },
    "two_leading_axes": {
        "description": "Two leading axes, such as documents and sentences, share what is learned.",
        "sizes": (2, 2, 2),
        "leading": (2, 3),
    },
    "cotangent_on_the_weights": {
        "description": "The loss depends on output and weights.",
        "sizes": (3, 2, 2),
        "leading": (2,),
        "draw": {"d_weights": (2, 3)},
    },
}
