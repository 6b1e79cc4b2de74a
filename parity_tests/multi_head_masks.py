"""The masks of examples of the kind ``multi_head_attention``, and the forms in which a layer is handed them."""

from parity_tests import strategies

MASKS = ("query_mask", "key_mask", "value_mask", "attention_mask")
PADDING = MASKS[:3]
WHICH_MASKS = tuple(f"{name} given" for name in MASKS)
NO_MASKS = dict.fromkeys(WHICH_MASKS, False)
ALL_MASKS = {**dict.fromkeys(WHICH_MASKS, True), "mask axes": "B T S", "attention_axes": None}
MASK_AXES = ("B T S", "B T S", "T S", "1 T S", "B 1 T S", "B H T S", "1 H T S")  # of the attention mask
WITH_HEADS = ("B 1 T S", "B H T S", "1 H T S")
FORMS = (*WHICH_MASKS, "mask axes", "masks with inputs", "query mask as argument", "padding besides")


def masks(choice, B, H, T, S, constructor, options, rng):
    """All masks by name; the attention mask has all of (B, H, T, S), though a size may be 1."""
    among = MASK_AXES if "mask_axes" in options else ("B T S", "1 T S")
    axes = choice("mask axes", among).split()
    found = {name: strategies.position_masks(choice, name, B, size, rng) for name, size in zip(PADDING, (T, S, S))}
    shape = (B if "B" in axes else 1, H if "H" in axes else 1, T, S)
    shown = rng.random(shape) < 0.7
    found["attention_mask"] = shown if choice("attention_mask given", (False, True)) else None
    besides = choice("padding besides", (False, False, False, True))
    of_heads = found["attention_mask"] is not None and len(axes) == 4
    if (of_heads or constructor.get("attention_axes") == 1) and not besides:  # with which Keras mixes up their axes
        found |= dict.fromkeys(PADDING)
    return found


def manner(choice, given, constructor, options):
    """Along which axis it is attended, and in what form the layer is handed the masks, as arguments of the call."""
    found = {"along": constructor["attention_axes"]} if constructor.get("attention_axes") else {}
    axes = len(choice.made["mask axes"].split())
    if given["attention_mask"] is not None and axes != 3:
        found["mask_axes"] = axes
    if "masks_with_inputs" in options and choice("masks with inputs", (False, False, True)):
        found["masks_with_inputs"] = True
    elif "query_mask_argument" in options and choice("query mask as argument", (False, True)):
        found["query_mask_argument"] = True
    return found
