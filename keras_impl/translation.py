"""A translation, token by token."""

import numpy as np

from keras_impl.dates import END, PADDING, START


def translate(model, source, longest, batch_size=512):
    """Translate greedily: the most probable token after another, until the end.

    Args:
        model: A translator, as of `keras_impl.models.translator`.
        source: Tokens of the source, ``(B, S)``.
        longest: The most tokens that a translation may have, its end included.
        batch_size: How many are translated at once.

    Returns:
        Tokens of the target, ``(B, longest)``, from the first after the start; what follows the end is padding.
    """
    target = np.full((len(source), longest + 1), PADDING, "int32")
    target[:, 0] = START
    for position in range(longest):
        probabilities = model.predict([source, target[:, : position + 1]], batch_size=batch_size, verbose=0)
        ended = target[:, position] == END
        target[:, position + 1] = np.where(
            ended | (target[:, position] == PADDING), PADDING, probabilities[:, -1].argmax(-1)
        )
    return target[:, 1:]
