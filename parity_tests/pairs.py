"""Which choices were made together for some example already, so that what takes two of them at once is met soon."""

import itertools

from parity_tests.strategies import OF_THE_DEPTHS

CANDIDATES = 8  # examples that are drawn, of which the one with the most new pairs is shown; to draw one costs little


class Pairs:
    """The pairs that were met of choices which say how a layer is made and called, sizes left out."""

    def __init__(self, kind):
        self.names = sorted((kind.shared | kind.shared_by_graph) - {*OF_THE_DEPTHS, "seed"})
        self.met = set()

    def meet(self, drawn):
        """Remember the pairs of an example, which is returned."""
        self.met |= self.of(drawn)
        return drawn

    def newest(self, draw):
        """Draw several examples; return the one that has the most pairs which were not met."""
        return max((draw() for _ in range(CANDIDATES)), key=lambda drawn: len(self.of(drawn) - self.met))

    def of(self, drawn):
        """The pairs of an example."""
        made = [(name, drawn.choices[name]) for name in self.names if name in drawn.choices]
        return set(itertools.combinations(made, 2))
