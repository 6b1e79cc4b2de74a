"""How long attention takes and how much memory, here and elsewhere: ``python -m parity_tests benchmark``.

Nothing is asserted: timings are noisy, and only ratios within one run are worth quoting.
"""
