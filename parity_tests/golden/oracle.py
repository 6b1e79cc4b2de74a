"""What a golden case must give, found by other means than the reference: decimal numbers, one at a time.

Nothing is derived. The forward is the definition, element by element, in decimal floating point; a gradient is
how much the loss, the sum of cotangents times results, changes when one number of an input does. Only the standard
library is used, and in it only operations that it rounds correctly, so that every machine finds the same digits.
"""

from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from itertools import product
from math import prod

# Digits to compute with, until two in succession round to the same float64. Differences keep two thirds of them, so
# that 60 will do for all but what is very small. A 0 may be something that the digits are too few for: it is settled
# only by so many that even the smallest float64, 5e-324, would show.
DIGITS = (60, 90, 540, 600)
DIGITS_FOR_ZERO = 540
FORWARD = ("scores", "weights", "output")


def truth(case):
    """Find everything that a case must give, correctly rounded to float64.

    Parameters
    ----------
    case
        As in its file: ``shapes``, and nested lists of numbers as ``inputs``, ``masks`` and ``cotangents``.

    Returns
    -------
    shapes, expected
        By name, the shapes and nested lists of ``visible``, ``scores``, ``weights``, ``output``, and of the gradients
        of all inputs, ``d_`` and the name.
    """
    arrays, masks, cotangents = (_arrays(case, part) for part in ("inputs", "masks", "cotangents"))
    sizes = _sizes(arrays, masks)

    def forward(arrays):
        return _attend(arrays, masks, case["options"], sizes)

    def change_of_loss(name, index, digits):
        h = Decimal(10) ** (-digits // 3)
        return (_loss(forward(_moved(arrays, name, index, h)), cotangents)
                - _loss(forward(_moved(arrays, name, index, -h)), cotangents)) / (2 * h)  # fmt: skip

    first = forward(arrays)
    shapes = {name: shape for name, (shape, _) in first.items()}
    numbers = {"visible": first["visible"][1]}
    for name in FORWARD:
        numbers[name] = _settled(lambda digits, name=name: forward(arrays)[name][1])
    for name, (shape, inputs) in arrays.items():
        shapes[f"d_{name}"] = shape
        numbers[f"d_{name}"] = [
            _settled(lambda digits, name=name, index=index: [change_of_loss(name, index, digits)])[0]
            for index in range(len(inputs))
        ]
    return shapes, {name: _nested(shapes[name], numbers[name]) for name in shapes}


def _attend(arrays, masks, options, sizes):
    """The forward, from its definition: an average of the visible values, weighted by exp(score)."""
    leading, T, S = sizes
    arrays = {**arrays, **_projections(arrays)}
    d_k, d_v = arrays["query"][0][-1], arrays["value"][0][-1]
    results = {"visible": [], "scores": [], "weights": [], "output": []}
    for item in product(*map(range, leading)):
        for t in range(T):
            scores = [_score(arrays, options, d_k, item, t, s) for s in range(S)]
            visible = [_visible(masks, options, item, t, s) and scores[s].is_finite() for s in range(S)]
            powers = [score.exp() if seen else Decimal(0) for score, seen in zip(scores, visible)]
            total = sum(powers)
            weights = [power / total if seen else Decimal(0) for power, seen in zip(powers, visible)]
            shown = "query_mask" not in masks or _at(masks["query_mask"], item, t)
            for i in range(d_v):
                terms = [weight * _at(arrays["value"], item, s, i) for s, weight in enumerate(weights)]
                results["output"].append(sum(terms, Decimal(0)) if shown else Decimal(0))
            results["visible"] += visible
            results["scores"] += scores
            results["weights"] += weights
    return {name: ((*leading, T, d_v if name == "output" else S), numbers) for name, numbers in results.items()}


def _score(arrays, options, d_k, item, t, s):
    score = sum((_at(arrays["query"], item, t, i) * _at(arrays["key"], item, s, i) for i in range(d_k)), Decimal(0))
    score *= _at(arrays["scale"], item, t, s)
    if "softcap" in options:
        cap = Decimal(options["softcap"])
        squared = (2 * score / cap).exp()
        score = cap * (squared - 1) / (squared + 1)  # the hyperbolic tangent
    return score + _at(arrays["bias"], item, t, s) if "bias" in arrays else score


def _visible(masks, options, item, t, s):
    seen = "mask" not in masks or _at(masks["mask"], item, t, s)
    seen = seen and ("key_mask" not in masks or _at(masks["key_mask"], item, s))
    for window in ("causal", "window"):
        if window in options:
            away = s - (t + options[window]["offset"])  # how far the key lies after the query
            left, right = (None, 0) if window == "causal" else (options[window]["left"], options[window]["right"])
            seen = seen and (left is None or -left <= away) and (right is None or away <= right)
    return bool(seen)


def _projections(arrays):
    """Query, key and value of self-attention; nothing if they are given."""
    projected = {}
    if "x" in arrays:
        shape, _ = arrays["x"]
        for name, letter in (("query", "q"), ("key", "k"), ("value", "v")):
            W, bias = arrays[f"W_{letter}"], arrays.get(f"b_{letter}")
            d, units = W[0]
            numbers = []
            for *item, t in product(*map(range, shape[:-1])):
                for j in range(units):
                    terms = [_at(arrays["x"], item, t, i) * _at(W, (), i, j) for i in range(d)]
                    numbers.append(sum(terms, Decimal(0)) + (_at(bias, (), j) if bias else 0))
            projected[name] = ((*shape[:-1], units), numbers)
    return projected


def _loss(results, cotangents):
    """The sum of cotangents times results."""
    pairs = [(cotangents[f"d_{name}"][1], results[name][1]) for name in FORWARD if f"d_{name}" in cotangents]
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


def _sizes(arrays, masks):
    """The leading axes that all arrays broadcast to, and how many queries and keys there are."""
    of_queries, of_keys = (arrays["x"], arrays["x"]) if "x" in arrays else (arrays["query"], arrays["key"])
    own = {"key_mask": 1, "query_mask": 1, "b_q": 1, "b_k": 1, "b_v": 1}  # axes that are not leading
    leading = ()
    for name, (shape, _) in {**arrays, **masks}.items():
        leading = _broadcast(leading, shape[: max(0, len(shape) - own.get(name, 2))])
    return leading, of_queries[0][-2], of_keys[0][-2]


def _broadcast(one, other):
    width = max(len(one), len(other))
    pairs = zip((1,) * (width - len(one)) + one, (1,) * (width - len(other)) + other)
    return tuple(b if a == 1 else a for a, b in pairs)


def _at(array, item, *position):
    """One number of an array, whose axes of length 1 stand for any length, as do those that it lacks at the front."""
    shape, numbers = array
    index = (*item, *position)
    flat = 0
    for size, at in zip(shape, index[len(index) - len(shape) :]):
        flat = flat * size + (at if size > 1 else 0)
    return numbers[flat]


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
