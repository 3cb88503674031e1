"""Sweeps on a virtual clock: the real conductor, searcher, pruner and journal over given curves.

`simulate.simulate` runs one; `recorded` and `synthetic` give curves; `refold` judges a journal
again. Pure but for `tables`, which reads files.
"""
