"""Can the posterior be trusted: all checks of a fit and their worst status."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import pandas as pd

from bayes_scaling.faces.faced import Faced
from bayes_scaling.posterior.answer_checks import answers
from bayes_scaling.posterior.criteria import (
    Check,
    calibrated,
    convergence,
    data,
    predictive,
    rounds,
    sampler,
)
from bayes_scaling.posterior.posterior import Posterior
from bayes_scaling.posterior.statuses import FAIL, PASS, REVIEW, worst
from bayes_scaling.posterior.verdict import store, stored

__all__ = ["FAIL", "PASS", "REVIEW", "Check", "Checks", "convergence_checks", "run_checks"]


@dataclass(frozen=True, repr=False)
class Checks(Faced, printer="views.print_checks"):
    """All checks of a fit.

    Attributes
    ----------
    rows : tuple of Check
    """

    rows: tuple[Check, ...]

    @property
    def status(self) -> str:
        """The worst status of all."""
        return worst(row.status for row in self.rows)

    def __getitem__(self, name: str) -> Check:
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"no check {name!r}; there are {', '.join(row.name for row in self.rows)}")

    def __iter__(self) -> Iterator[Check]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def table(self) -> pd.DataFrame:
        """One row a check: name, status, value, rule, threshold, advice."""
        return pd.DataFrame([asdict(row) for row in self.rows], columns=list(Check.__dataclass_fields__))


def checks_of(fit: Posterior, left_out: pd.DataFrame | None = None) -> Checks:
    """The checks of a fit, computed once: they are stored with its draws, in memory and on disk.

    Parameters and rules are those of `run_checks`.
    """
    rows = stored(fit.idata)
    if rows is None:
        rows = run_checks(fit).rows
        store(fit.idata, rows)
    return Checks(rows if left_out is None else (*rows, calibrated(left_out)))


def run_checks(fit: Posterior, left_out: pd.DataFrame | None = None) -> Checks:
    """Check convergence, fit, priors and the reach of the data.

    Parameters
    ----------
    fit : Fit
    left_out : DataFrame, optional
        ``rows`` of a `bayes_scaling.calibration` of the same model and runs, for the line ``calibrated``.

    Returns
    -------
    Checks
        FAIL: R-hat above 1.01, bulk or tail effective sample size under 400, any divergence, E-BFMI
        under 0.3; optima among the runs with a loss below E, or every run of a size above its
        prediction. REVIEW: optima a decade beyond the runs with a loss below E, the trees hit their
        depth limit, optimal params that differ from those of the law alone by more than both intervals
        allow, Pareto k values too high, the prior and the data pull apart, the 90% interval does
        not cover about 90% of the fitted runs, the runs span less than a decade of compute or are fewer
        than 60; 90% intervals held less than 80% or all of the runs left out.

    See Also
    --------
    bayes_scaling.posterior.sensitivity.sensitivity : prior and data sensitivity of each quantity.

    References
    ----------
    Vehtari et al. 2021 (R-hat, effective sample size); Betancourt 2016 (E-BFMI); Vehtari et al. 2024
    (Pareto k); Kallioinen et al. 2024 (power-scaling).

    Examples
    --------
    >>> print(run_checks(fit))  # doctest: +SKIP
    """
    tested = () if left_out is None else (calibrated(left_out),)
    gate = convergence_checks(fit).rows
    return Checks((*gate, *rounds(fit), *answers(fit), *predictive(fit), *data(fit), *tested))


def convergence_checks(fit: Posterior) -> Checks:
    """The part of `run_checks` on the sampler: R-hat to tree depth."""
    return Checks(stored(fit.idata, "gate") or (*convergence(fit), *sampler(fit)))
