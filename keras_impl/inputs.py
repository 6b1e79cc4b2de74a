"""What the layers refuse, in Keras's form: what it is, what was expected, what was received."""

from collections.abc import Sequence


def check_units(name, units):
    """Refuse a size that is not a positive integer."""
    if units is not None and (isinstance(units, bool) or not isinstance(units, int) or units < 1):
        raise ValueError(
            f"Invalid value for argument {name}. Expected a positive integer or None. Received: {name}={units!r}"
        )


def check_size(name, size):
    """Refuse a number of things that is not a positive integer."""
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise ValueError(f"Invalid value for argument {name}. Expected a positive integer. Received: {name}={size!r}")


def check_choice(name, value, choices):
    """Refuse a word that is none of ``choices``."""
    if value not in choices:
        raise ValueError(
            f"Invalid value for argument {name}. Expected one of {', '.join(map(repr, choices))}. "
            f"Received: {name}={value!r}"
        )


def check_dropout(dropout):
    """Refuse a rate at which nothing, or less than nothing, would remain."""
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout < 1:
        raise ValueError(
            "Invalid value for argument dropout. Expected a number of at least 0 and less than 1. "
            f"Received: dropout={dropout!r}"
        )


def check_list(layer, name, value, members):
    """Refuse anything but a list of one item for each of ``members``."""
    if not isinstance(value, (list, tuple)) or len(value) != len(members):
        received = f"a list of length {len(value)}" if isinstance(value, (list, tuple)) else _described(value)
        raise ValueError(
            f"{layer.__class__.__name__} expects {name} to be a list, [{', '.join(members)}]. "
            f"Received: {name}={received}"
        )


def check_shapes(layer, name, shapes, members):
    """Refuse anything but a list of one shape for each of ``members``, such as the shape of a single tensor."""
    if not isinstance(shapes, (list, tuple)) or not all(isinstance(shape, (list, tuple)) for shape in shapes):
        raise ValueError(
            f"{layer.__class__.__name__} expects {name} to be a list, [{', '.join(members)}]. "
            f"Received: {name} of shape {shapes}"
        )
    check_list(layer, name, shapes, members)


def check_attention_shapes(layer, shapes):
    """Refuse shapes of query, key and value that do not fit; None, a size not yet known, fits all."""
    for name, shape, axes in zip(("query", "key", "value"), shapes, ("(B, T, d_k)", "(B, S, d_k)", "(B, S, d_v)")):
        check_shape(layer, name, shape, axes)
    query, key, value = shapes
    if query[-1] == 0:
        raise ValueError(
            f"{layer.__class__.__name__} expects query to have a depth of at least 1. Received: query.shape={query}"
        )
    _check_equal(layer, "query and key", "depth", query[-1], key[-1], shapes)
    _check_equal(layer, "key and value", "length", key[-2], value[-2], shapes)
    _check_equal(layer, "query and key", "batch size", query[0], key[0], shapes)
    _check_equal(layer, "key and value", "batch size", key[0], value[0], shapes)


def check_shape(layer, name, shape, axes, least=3, most=3):
    """Refuse a shape that has more or fewer axes than ``axes`` names."""
    fits = isinstance(shape, (list, tuple)) and least <= len(shape) <= most
    if not fits or isinstance(shape[0], (list, tuple)):
        raise ValueError(
            f"{layer.__class__.__name__} expects {name} to have shape {axes}. Received: {name}.shape={shape}"
        )


def check_mask(layer, name, mask, expected: Sequence):
    """Refuse a mask that is no tensor, or does not have one item for each position."""
    shape = tuple(mask.shape) if hasattr(mask, "shape") else None
    fits = shape is not None and len(shape) == len(expected)
    if not fits or any(None not in sizes and len(set(sizes)) > 1 for sizes in zip(shape, expected)):
        raise ValueError(
            f"{layer.__class__.__name__} expects {name} to be a tensor of shape {tuple(expected)}, an item for each "
            f"position. Received: {_described(mask)}"
        )


def shape_of(layer, name, tensor):
    """The shape of a tensor, as a tuple."""
    if not hasattr(tensor, "shape"):
        raise ValueError(f"{layer.__class__.__name__} expects {name} to be a tensor. Received: {name}={tensor!r}")
    return tuple(tensor.shape)


def _described(value):
    return f"a tensor of shape {tuple(value.shape)}" if hasattr(value, "shape") else repr(value)


def _check_equal(layer, names, size, one, other, shapes):
    if None not in (one, other) and one != other:
        query, key, value = (tuple(shape) for shape in shapes)
        raise ValueError(
            f"{layer.__class__.__name__} expects {names} to have the same {size}. "
            f"Received: query.shape={query}, key.shape={key}, value.shape={value}"
        )
