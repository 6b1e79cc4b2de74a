"""The plans of the golden cases of dot-product attention with a bias or a softcap."""

PLANS = {
    "bias": {
        "description": "A bias of each query and key.",
        "sizes": (2, 3, 2, 2),
        "draw": {"bias": (2, 3)},
    },
    "bias_of_keys": {
        "description": "A bias of each key, which all queries of all items share.",
        "scaled": True,
        "sizes": (3, 4, 3, 2),
        "leading": (2,),
        "draw": {"bias": (1, 4)},
    },
    "bias_of_each_head": {
        "description": "Each head adds a bias of its own to every item.",
        "sizes": (2, 3, 2, 1),
        "leading": (2, 2),
        "draw": {"bias": (2, 2, 3)},
    },
    "bias_after_the_scale": {
        "description": "The scale is 3, so that a bias that is added before it counts threefold.",
        "sizes": (2, 3, 2, 2),
        "inputs": {"scale": 3.0},
        "draw": {"bias": (2, 3)},
    },
    "bias_that_hides": {
        "description": "A bias of minus infinity hides, in the second row everything.",
        "flags": "nothing_visible",
        "sizes": (2, 3, 2, 2),
        "inputs": {"bias": [[0.5, "-Infinity", -1.25], ["-Infinity", "-Infinity", "-Infinity"]]},
    },
    "bias_and_masks": {
        "description": "A bias beside a mask of each query and a causal one.",
        "sizes": (3, 4, 2, 2),
        "draw": {"bias": (3, 4)},
        "options": {"causal": {"offset": 1}},
        "masks": {"mask": "1101 0111 1011"},
    },
    "softcap": {
        "description": "Scores are bent to lie between -2 and 2.",
        "sizes": (2, 4, 3, 2),
        "options": {"softcap": 2.0},
    },
    "softcap_saturated": {
        "description": "Scores of 23 and more are bent to 5 or -5 almost, so that their gradients nearly vanish.",
        "sizes": (2, 3, 2, 2),
        "inputs": {"scale": 64.0},
        "options": {"softcap": 5.0},
    },
    "softcap_bias_and_mask": {
        "description": "Scale, softcap, bias, mask, in this order: any other order shows.",
        "scaled": True,
        "sizes": (3, 4, 3, 2),
        "draw": {"bias": (3, 4)},
        "options": {"softcap": 1.5},
        "masks": {"mask": "1011 0111 1101"},
    },
}
