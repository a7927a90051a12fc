"""One small real fit for all tests of the surface: sampled once, too few draws to pass the checks."""

from __future__ import annotations

import warnings
from functools import cache

from bayes_scaling.data.simulation import Simulation, simulate
from bayes_scaling.errors import ConvergenceWarning
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.fitting import fit

CONTEXTS = (2048, 8192)
SAMPLING = {"draws": 60, "tune": 150, "chains": 2, "progress": False, "max_draws": 60}


@cache
def small_simulation() -> Simulation:
    """Two architectures, two context lengths, two budgets and a few fixed ratios."""
    return simulate(seed=5, context_lengths=CONTEXTS, budgets=(6e18, 6e19), token_param_ratios=(22, 110))


@cache
def small_fit() -> Fit:
    """The fit of those runs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return fit(small_simulation().runs, seed=1, **SAMPLING)
