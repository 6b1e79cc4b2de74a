"""What a layer says of its results before there are numbers, where it is not so."""

from parity_tests.folded import halves


def square(name, example, shape, dtype):
    """The symbolic weights are as long and as wide as axis 1 of the query, whatever is attended."""
    if name != "weights":
        return shape, dtype
    B, T = example.judged.shape
    H, along = shape[2], example.manner.get("along")
    if along is None:
        return (B, T, H, T), dtype
    length = T if along == 1 else halves(B)[1]
    return (halves(B)[0] * length, H, length), dtype


def as_asked_for(name, example, shape, dtype):
    """The dtype that the layer was asked to compute in, whatever it computes in."""
    return shape, example.dtype
