"""The plans of the golden cases of a softmax of which some scores are hidden.

Sizes are T and S; what a plan does not give is drawn, as `catalogue` says.
"""

PLANS = {
    "by_hand": {
        "description": "Equal scores have equal weights: 1/4 each, and 1/2 each of two that are seen.",
        "flags": "by_hand tied_scores",
        "inputs": {"scores": [[2.0, 2.0, 2.0, 2.0], [3.0, 0.0, 3.0, 1.0]]},
        "masks": {"mask": "1111 1010"},
        "cotangents": {"d_weights": [[4.0, 0.0, 0.0, -4.0], [2.0, 1.0, -2.0, 1.0]]},
    },
    "distinct_sizes": {"description": "No two sizes are equal.", "sizes": (3, 4), "leading": (2,)},
    "equal_sizes": {"description": "All sizes are 3.", "sizes": (3, 3), "leading": (3,)},
    "one_score": {
        "description": "A single score, whose weight is 1 whatever it is.",
        "flags": "one_visible_key",
        "sizes": (3, 1),
    },
    "nine_scores": {"description": "More than eight scores.", "sizes": (2, 9)},
    "mask": {"description": "A mask of each row.", "sizes": (3, 4), "masks": {"mask": "1101 0111 1011"}},
    "mask_of_each_item": {
        "description": "A mask of each row of each item.",
        "sizes": (2, 3),
        "leading": (2,),
        "masks": {"mask": ["110 011", "101 111"]},
    },
    "mask_of_keys_alone": {
        "description": "One mask of keys for all rows.",
        "sizes": (3, 4),
        "leading": (2,),
        "masks": {"mask": ["1011"]},
    },
    "nothing_visible": {
        "description": "A row that is hidden altogether has weights 0.",
        "flags": "nothing_visible",
        "sizes": (3, 3),
        "masks": {"mask": "111 000 110"},
    },
    "minus_infinity": {
        "description": "Scores of minus infinity are hidden without a mask.",
        "inputs": {"scores": [[1.0, "-Infinity", 0.5], ["-Infinity", 2.0, -1.0]]},
        "cotangents": {"d_weights": [[1.0, -2.0, 0.5], [3.0, 1.0, -1.5]]},
    },
    "large_scores": {
        "description": "Scores of more than a hundred, in each row two that are close.",
        "flags": "large_scores",
        "inputs": {"scores": [[125.0, 124.5, -125.0], [-120.0, -119.0, -118.5]]},
        "cotangents": {"d_weights": [[1.0, -2.0, 0.5], [3.0, 1.0, -1.5]]},
    },
    "row_far_below": {
        "description": "The scores of one row lie 125 below those of the other.",
        "flags": "large_scores row_far_below",
        "inputs": {"scores": [[1.0, 0.5, 0.0], [-125.0, -124.5, -124.0]]},
        "cotangents": {"d_weights": [[1.0, -2.0, 0.5], [3.0, 1.0, -1.5]]},
    },
    "hidden_outscores": {
        "description": "Hidden scores exceed those that are seen by thousands.",
        "flags": "hidden_outscores large_scores",
        "inputs": {"scores": [[1.0, 4000.0, 0.5], [3000.0, 0.0, -1.0]]},
        "masks": {"mask": "101 011"},
        "cotangents": {"d_weights": [[1.0, -2.0, 0.5], [3.0, 1.0, -1.5]]},
    },
    "two_leading_axes": {"description": "Two leading axes.", "sizes": (2, 3), "leading": (2, 2)},
}
