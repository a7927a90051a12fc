"""The convergence gate while sampling goes on: the same rules as the checks, on what a user sees."""

from __future__ import annotations

from dataclasses import dataclass, field

import xarray as xr

from bayes_scaling.models.design import Design
from bayes_scaling.models.draws import RawDraws
from bayes_scaling.models.rounds import Verdict
from bayes_scaling.models.whitening import Whitening
from bayes_scaling.posterior.criteria import Check, convergence_of, sampler_of
from bayes_scaling.posterior.idata import observed_groups_of, posterior_dataset
from bayes_scaling.posterior.statuses import FAIL
from bayes_scaling.posterior.summary import cells_of
from bayes_scaling.runs.table import Runs


@dataclass
class ConvergenceGate:
    """Judges draws, and keeps what it made of the last ones for the fit.

    Attributes
    ----------
    design : Design
    runs : Runs
    seed : int
    posterior : Dataset
        Of the draws judged last.
    rows : tuple of Check
        R-hat, effective sample sizes, divergences, E-BFMI and tree depth of them.
    """

    design: Design
    runs: Runs
    seed: int
    posterior: xr.Dataset = field(init=False)
    rows: tuple[Check, ...] = ()

    def __call__(self, raw: RawDraws, whitening: Whitening) -> Verdict:
        """Whether draws pass."""
        self.posterior = posterior_dataset(raw, whitening, self.design, self.runs, self.seed)
        stats = xr.Dataset({name: (("chain", "draw"), value) for name, value in raw.stats.items()})
        cells = cells_of(self.posterior, observed_groups_of(self.design, self.runs))
        self.rows = (*convergence_of(*cells), *sampler_of(stats))
        passed = all(row.status != FAIL for row in self.rows)
        found = {row.name: row.value for row in self.rows}
        smallest = min(found["ess_bulk"], found["ess_tail"])
        return Verdict(passed, f"R-hat {found['r_hat']:.3f}, smallest ESS {smallest:.0f}")
