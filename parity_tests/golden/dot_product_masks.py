"""The plans of the golden cases of dot-product attention in which something is hidden."""

PLANS = {
    # Hidden keys
    "one_visible_key": {
        "description": "All keys but one are hidden: the weight is 1, and no gradient reaches query, key and scale.",
        "flags": "one_visible_key",
        "sizes": (2, 3, 2, 2),
        "masks": {"key_mask": "010"},
    },
    "padding": {
        "description": "Two sequences of 4 and 2 keys, each padded at the end to 5.",
        "sizes": (3, 5, 2, 3),
        "leading": (2,),
        "masks": {"key_mask": "11110 11000"},
    },
    "padding_at_the_start": {
        "description": "Two sequences of 2 and 3 keys, each padded at the start to 4.",
        "scaled": True,
        "sizes": (3, 4, 3, 2),
        "leading": (2,),
        "masks": {"key_mask": "0011 0111"},
    },
    "keys_hidden_in_the_middle": {
        "description": "Keys are hidden between visible ones, in each item others.",
        "scaled": True,
        "sizes": (2, 5, 2, 2),
        "leading": (3,),
        "masks": {"key_mask": "10101 11011 11101"},
    },
    "padding_of_high_scores": {
        "description": "What is hidden has scores that are higher by hundreds: padding is not always 0. What is "
        "visible has 96 and 96, and 95 and 94.",
        "flags": "hidden_outscores large_scores",
        "inputs": {
            "query": [[4.0, 4.0], [4.0, 3.875]],
            "key": [[1.0, 0.5], [4.0, 4.0], [0.5, 1.0], [4.0, 3.0]],
            "scale": 16.0,
        },
        "sizes": (2, 4, 2, 2),
        "masks": {"key_mask": "1010"},
    },
    "padding_of_high_scores_unscaled": {
        "description": "What is hidden has scores that are higher by 33 and more, and nothing is scaled.",
        "flags": "hidden_outscores",
        "inputs": {
            "query": [[4.0, 4.0, 4.0], [4.0, 3.0, 2.0]],
            "key": [[-1.0, 0.5, 0.25], [4.0, 4.0, 4.0], [0.5, -1.0, 0.5], [4.0, 3.0, 4.0]],
        },
        "sizes": (2, 4, 3, 2),
        "masks": {"key_mask": "1010"},
    },
    "padding_beside_very_low_scores": {
        "description": "Visible scores are below -1000, hidden ones 0: no number in their place is low enough.",
        "flags": "hidden_outscores large_scores",
        "inputs": {"query": [[4.0] * 72], "key": [[-4.0] * 72, [0.0] * 72, [-4.0] * 71 + [-3.875]]},
        "sizes": (1, 3, 72, 1),
        "masks": {"key_mask": "101"},
    },
    "padding_of_seventeen_items": {
        "description": "Seventeen items, each with a mask of its own.",
        "sizes": (1, 2, 1, 1),
        "leading": (17,),
        "masks": {"key_mask": "11 10 01 11 10 01 11 10 01 11 10 01 11 10 01 10 01"},
    },
    "mask_of_each_query": {
        "description": "Each query sees keys of its own choice.",
        "sizes": (3, 4, 2, 2),
        "masks": {"mask": "1101 0110 1011"},
    },
    "mask_of_each_item": {
        "description": "Each of two items has a mask of queries and keys of its own.",
        "scaled": True,
        "sizes": (2, 3, 2, 2),
        "leading": (2,),
        "masks": {"mask": ["110 011", "101 111"]},
    },
    "mask_of_keys_alone": {
        "description": "One row of a mask serves all queries of all items.",
        "sizes": (2, 4, 2, 2),
        "leading": (2,),
        "masks": {"mask": "1011"},
    },
    "row_hidden": {
        "description": "The second query may attend nothing: weights and output are 0, and nothing flows back.",
        "flags": "nothing_visible",
        "sizes": (3, 3, 2, 2),
        "masks": {"mask": "110 000 011"},
    },
    "item_hidden": {
        "description": "All keys of the second item are hidden.",
        "flags": "nothing_visible",
        "sizes": (2, 3, 2, 2),
        "leading": (2,),
        "masks": {"key_mask": "101 000"},
    },
    "everything_hidden": {
        "description": "Nobody may attend anything: all results and all gradients are 0.",
        "flags": "nothing_visible",
        "sizes": (2, 3, 2, 2),
        "masks": {"key_mask": "000"},
    },
    "hidden_queries": {
        "description": "A query mask sets the output of hidden queries to 0 and leaves their weights as they are.",
        "scaled": True,
        "sizes": (3, 4, 2, 2),
        "leading": (2,),
        "masks": {"query_mask": "101 011"},
    },
    "hidden_queries_and_keys": {
        "description": "Queries and keys are padded, each sequence to its own length.",
        "sizes": (3, 4, 2, 2),
        "leading": (2,),
        "masks": {"query_mask": "110 111", "key_mask": "1110 1100"},
    },
    # Causal, and windows
    "causal_fewer_queries": {
        "description": "Causal from the top left, with fewer queries than keys: the last keys are seen by nobody.",
        "sizes": (3, 5, 2, 2),
        "options": {"causal": {"offset": 0}},
    },
    "causal": {
        "description": "Causal, with as many queries as keys.",
        "scaled": True,
        "sizes": (4, 4, 3, 2),
        "leading": (2,),
        "options": {"causal": {"offset": 0}},
    },
    "causal_more_queries": {
        "description": "Causal from the top left, with more queries than keys: the last queries see all.",
        "sizes": (5, 3, 2, 2),
        "options": {"causal": {"offset": 0}},
    },
    "causal_bottom_right_fewer_queries": {
        "description": "Causal from the bottom right, as with a cache of earlier keys: the last query sees all.",
        "scaled": True,
        "sizes": (3, 5, 3, 2),
        "options": {"causal": {"offset": 2}},
    },
    "causal_bottom_right": {
        "description": "Causal from the bottom right with as many queries as keys: the same as from the top left.",
        "sizes": (3, 3, 2, 4),
        "options": {"causal": {"offset": 0}},
    },
    "causal_bottom_right_more_queries": {
        "description": "Causal from the bottom right, with more queries than keys: the first queries see nothing.",
        "flags": "nothing_visible",
        "sizes": (5, 3, 2, 2),
        "options": {"causal": {"offset": -2}},
    },
    "causal_nine_positions": {
        "description": "Causal over more positions than one block of eight.",
        "sizes": (9, 9, 2, 1),
        "options": {"causal": {"offset": 0}},
    },
    "causal_past_128": {
        "description": "Causal over more than 128 queries, of which all but the first two see all keys.",
        "sizes": (130, 3, 1, 1),
        "options": {"causal": {"offset": 0}},
    },
    "window": {
        "description": "Each query sees one key before its position and two after it.",
        "sizes": (4, 6, 2, 2),
        "options": {"window": {"left": 1, "right": 2, "offset": 0}},
    },
    "window_of_the_past": {
        "description": "A sliding window: each query sees its own position and the two before it.",
        "scaled": True,
        "sizes": (5, 5, 3, 2),
        "options": {"window": {"left": 2, "right": 0, "offset": 0}},
    },
    "window_with_an_offset": {
        "description": "The window of the first query is at the third key.",
        "sizes": (3, 5, 2, 2),
        "options": {"window": {"left": 1, "right": None, "offset": 2}},
    },
    "mask_and_causal": {
        "description": "A mask hides what a causal one shows, but in the first row; the third query sees nothing.",
        "flags": "nothing_visible",
        "sizes": (4, 4, 2, 2),
        "options": {"causal": {"offset": 0}},
        "masks": {"mask": "1111 0111 0001 1011"},
    },
    "padding_and_causal": {
        "description": "Keys among the first are hidden, which a causal mask alone would show.",
        "sizes": (4, 4, 2, 2),
        "leading": (2,),
        "options": {"causal": {"offset": 0}},
        "masks": {"key_mask": "1011 1101"},
    },
    "mask_padding_causal_and_window": {
        "description": "Four reasons to hide a key, each of which hides something that no other hides.",
        "scaled": True,
        "sizes": (5, 5, 2, 2),
        "leading": (2,),
        "options": {"causal": {"offset": 0}, "window": {"left": 2, "right": None, "offset": 0}},
        "masks": {"mask": "11111 11111 11011 10111 11101", "key_mask": "10111 11011"},
    },
}
