"""What a golden case must give, found by other means than the reference: decimal numbers, one at a time.

Nothing is derived. The forward is the definition (`definitions`), in decimal floating point; a gradient is how much
the loss, the sum of cotangents times results, changes when one number of an input does. Only the standard library is
used, and in it only operations that it rounds correctly, so that every machine finds the same digits.
"""

from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from math import prod

from parity_tests.golden import definitions, definitions_heads

# Digits to compute with, until two in succession round to the same float64. Differences keep two thirds of them, so
# that 60 will do for all but what is very small. A 0 may be something that the digits are too few for: it is settled
# only by so many that even the smallest float64, 5e-324, would show.
DIGITS = (60, 90, 540, 600)
DIGITS_FOR_ZERO = 540


def truth(case):
    """Find everything that a case must give, correctly rounded to float64.

    Parameters
    ----------
    case
        As in its file: ``shapes``, and nested lists of numbers as ``inputs``, ``masks`` and ``cotangents``.

    Returns
    -------
    shapes, expected
        By name, the shapes and nested lists of ``visible`` and whatever else there is of ``scores``, ``weights`` and
        ``output``, and of the gradients of all inputs, ``d_`` and the name.
    """
    arrays, masks, cotangents = (_arrays(case, part) for part in ("inputs", "masks", "cotangents"))

    def forward(arrays):
        return _results(arrays, masks, case["options"])

    def change_of_loss(name, index, digits):
        h = Decimal(10) ** (-digits // 3)
        return (_loss(forward(_moved(arrays, name, index, h)), cotangents)
                - _loss(forward(_moved(arrays, name, index, -h)), cotangents)) / (2 * h)  # fmt: skip

    first = forward(arrays)
    shapes = {name: shape for name, (shape, _) in first.items()}
    numbers = {"visible": first["visible"][1]}
    for name in first.keys() - numbers.keys():
        numbers[name] = _settled(lambda digits, name=name: forward(arrays)[name][1])
    for name, (shape, inputs) in arrays.items():
        shapes[f"d_{name}"] = shape
        numbers[f"d_{name}"] = [
            _settled(lambda digits, name=name, index=index: [change_of_loss(name, index, digits)])[0]
            for index in range(len(inputs))
        ]
    return shapes, {name: _nested(shapes[name], numbers[name]) for name in shapes}


def _results(arrays, masks, options):
    """The forward of the concept that has these arrays."""
    of = (("W_o", definitions_heads.multi_head), ("context", definitions.pooling), ("scores", definitions.softmax))
    found = next((definition for name, definition in of if name in arrays), definitions.attention)
    return found(arrays, masks, options)


def _loss(results, cotangents):
    """The sum of cotangents times results."""
    pairs = [(numbers, results[name.removeprefix("d_")][1]) for name, (_, numbers) in cotangents.items()]
    return sum((a * b for mine, theirs in pairs for a, b in zip(mine, theirs)), Decimal(0))


def _settled(compute):
    """Numbers as float64, from as many digits as it takes until more of them change nothing.

    A number beside the midpoint of two float64 is not settled, as it might round to either, unless it is exact.
    """
    before, rounded_before = (), ()
    for digits in DIGITS:
        with localcontext(Context(prec=digits, Emax=MAX_EMAX, Emin=MIN_EMIN)):
            numbers = compute(digits)
            rounded = [float(number) + 0.0 for number in numbers]  # + 0.0, as there is one zero only
            if rounded == rounded_before and (all(rounded) or digits > DIGITS_FOR_ZERO):
                near = Decimal(10) ** (-digits // 3)  # as far off as a difference may be at the worst, and farther
                exact = map(Decimal.__eq__, numbers, before)
                if all(so or float(one * (1 - near)) == float(one * (1 + near)) for so, one in zip(exact, numbers)):
                    return rounded
        before, rounded_before = numbers, rounded
    raise ArithmeticError(f"expected {DIGITS[-1]} digits to settle a float64, received {rounded}")


def _moved(arrays, name, index, h):
    shape, numbers = arrays[name]
    return {**arrays, name: (shape, [*numbers[:index], numbers[index] + h, *numbers[index + 1 :]])}


def _arrays(case, part):
    """The arrays of a part of a case: their shapes, and their numbers row after row."""
    arrays = {}
    for name, nested in case[part].items():
        numbers = [nested]
        for _ in case["shapes"][name]:
            numbers = [one for row in numbers for one in row]
        numbers = [one if isinstance(one, bool) else Decimal(one) for one in numbers]
        arrays[name] = (tuple(case["shapes"][name]), numbers)
    return arrays


def _nested(shape, numbers):
    if not shape:
        return numbers[0]
    step = prod(shape[1:])
    return [_nested(shape[1:], numbers[i * step : (i + 1) * step]) for i in range(shape[0])]
