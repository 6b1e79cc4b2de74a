"""What is checked of each example: the trials, when each is due, and what they say."""

import numpy as np

from parity_tests.backend import full_precision, in_words, quiet
from parity_tests.comparison import Outcome
from parity_tests.trials.agreement import agreement
from parity_tests.trials.compute_mask import compute_mask
from parity_tests.trials.dropout import dropout
from parity_tests.trials.hidden_positions import hidden_positions
from parity_tests.trials.permutation import permutation
from parity_tests.trials.reloading import reloading
from parity_tests.trials.repeated_calls import repeated_calls
from parity_tests.trials.symbolic import symbolic

# Every trial, and the share of the examples that it is shown: all, or every so many. Those that take long are seldom,
# but `search.walk_corners` shows them more; a prime number each, lest they always meet in the same examples.
TRIALS = {
    agreement: 1,
    hidden_positions: 5,
    permutation: 7,
    compute_mask: 7,
    repeated_calls: 53,
    symbolic: 61,
    reloading: 97,
    dropout: 37,
}


def due(number):
    """The trials that the example of this number takes part in."""
    return [trial for trial, period in TRIALS.items() if number % period == 0]


def shown(trial, kind, example):
    """The examples that a trial shows to the layer, with a gradient of the weights if it asks for these."""
    if trial is hidden_positions:
        return example, kind.replace_hidden(example)
    if trial is dropout and example.constructor.get("dropout"):
        return (kind.identity(example),)
    if trial is permutation and not example.traced and "weights" in kind.results and example.d_weights is None:
        return (example._replace(d_weights=np.zeros(kind.visible(example).shape)),)
    return (example,)


def outcomes(trial, layers, example):
    """Run a trial; what the layer raises is an outcome too, under the name of the trial."""
    try:
        with quiet(), full_precision(example.dtype):
            return trial(layers, example)
    except Exception as error:  # whatever somebody's layer may raise
        return {trial.__name__: Outcome(False, np.inf, message=in_words(error), raised=True)}
