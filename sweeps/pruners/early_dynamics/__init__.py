"""The default pruner: it learns which early signals foretell the end, and prunes to a stated risk.

All trials run to the first rung; then the most promising ones run to their end, one after the
other as far as they are needed; the rest stays parked once the estimated chance that one of them
beats the best is small. `policy` decides, `table` gathers what is known, `posterior` computes the
chances, `prior` says what other problems taught. Formulas and measurements: docs/pruning.md.
"""

from sweeps.pruners.early_dynamics.policy import EarlyDynamicsPruner
from sweeps.pruners.early_dynamics.prior import Prior, shipped

__all__ = ["EarlyDynamicsPruner", "Prior", "shipped"]
