"""What a page is asked, and the tables that its sections share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from bayes_scaling.calibration.backtest import Backtest
from bayes_scaling.decisions.clarity import Settling, settling_run
from bayes_scaling.decisions.decide import Decision, decision_of
from bayes_scaling.decisions.limits import Limits
from bayes_scaling.decisions.preference import Preference
from bayes_scaling.decisions.scenarios import Plan
from bayes_scaling.decisions.serving_limits import Serving, fitted_latency
from bayes_scaling.latency import LatencyFit
from bayes_scaling.posterior.checks import Checks
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.sensitivity import sensitivity
from bayes_scaling.posterior.statuses import worst
from bayes_scaling.posterior.thinning import thinned
from bayes_scaling.printing.numbers import interval, power
from bayes_scaling.questions.compare import comparison_of
from bayes_scaling.questions.estimators import apart
from bayes_scaling.questions.frontier import Frontier, frontier_of
from bayes_scaling.questions.query import Query
from bayes_scaling.report.estimators import verified_estimators

BEYOND = 10.0  # the default question is the largest run and this many times its compute
CURVE = 25  # budgets along a figure
CONCLUSIONS = {"params": "optimal params", "loss": "loss there"}


@dataclass(frozen=True, eq=False)
class Question:
    """Asked once, answered lazily.

    Attributes
    ----------
    fit : Fit
    query : Query
        Of all architectures, its context lengths ascending, its unique tokens those of the limits.
    limits : Limits
    latency : Serving, optional
    plan : Plan, optional
    backtest : Backtest, optional
    next_runs : int
        How many to choose.
    command : str
        That asked; empty where it was no command.
    """

    fit: Fit
    query: Query
    limits: Limits
    latency: Serving | None = None
    plan: Plan | None = None
    backtest: Backtest | None = None
    next_runs: int = 0
    command: str = ""

    @cached_property
    def sensitive(self) -> pd.DataFrame:
        """How far coefficients and conclusions hang on the prior and on the runs."""
        draws = self.frontier.draws
        extra = {title: draws[name] for name, title in CONCLUSIONS.items()}
        return sensitivity(self.fit, self.fit.law.names, extra=extra)

    @cached_property
    def estimators(self) -> pd.DataFrame:
        """The optima of the law alone and of the classical fit beside the default's."""
        return verified_estimators(self.fit, self.query, self.optima)

    @cached_property
    def frontier(self) -> Frontier:
        """Optima at the budgets."""
        return frontier_of(self.fit, self.query)

    @cached_property
    def disagreements(self) -> pd.DataFrame:
        """Where the law alone has another optimum."""
        return self.estimators[apart(self.estimators)]

    @cached_property
    def optima(self) -> pd.DataFrame:
        """Their table."""
        return self.frontier.table(full=True)

    @cached_property
    def decision(self) -> Decision:
        """What to train at the budgets."""
        return decision_of(self.fit, self.query, Preference(), self.limits, self.latency)

    @cached_property
    def settling(self) -> Settling | None:
        """The run that would settle what is not clear."""
        table = self.decision.table(full=True)
        return settling_run(self.fit, self.query, table, self.limits, self.latency)

    @cached_property
    def comparison(self) -> pd.DataFrame:
        """Each pair of architectures at the budgets."""
        return comparison_of(self.fit, self.query).table(full=True)

    @cached_property
    def checks(self) -> Checks:
        """Of the fit, with the back-test where there is one."""
        return self.fit.checks(None if self.backtest is None else self.backtest.rows)

    @property
    def latency_fit(self) -> LatencyFit | None:
        """The latency fit, where one was given."""
        return fitted_latency(self.latency)

    @cached_property
    def latency_checks(self) -> Checks:
        """Of the latency fit; none where there is none."""
        return Checks(()) if self.latency_fit is None else self.latency_fit.checks()

    @property
    def status(self) -> str:
        """The worst status of all checks."""
        return worst((self.checks.status, self.latency_checks.status))

    @cached_property
    def frontier_curve(self) -> pd.DataFrame:
        """Optima along the curve, of some of the draws."""
        return frontier_of(self.fewer, self.query.at(self.curve)).table(full=True)

    @cached_property
    def comparison_curve(self) -> pd.DataFrame:
        """Each pair along the curve, of some of the draws."""
        return comparison_of(self.fewer, self.query.at(self.curve)).table(full=True)

    @cached_property
    def fewer(self) -> Fit:
        """The fit with some of its draws, for curves."""
        return thinned(self.fit)

    @property
    def compute(self) -> tuple[float, ...]:
        """Budgets, in the cost's unit, ascending."""
        return tuple(self.query.compute.tolist())

    @property
    def context_length(self) -> tuple[int, ...]:
        """Context lengths, ascending."""
        return self.query.context_length

    @property
    def limited(self) -> bool:
        """Whether any limit may bind."""
        return bool(self.limits.active)

    @property
    def curve(self) -> np.ndarray:
        """Budgets from the smallest run to the largest question."""
        flops = self.fit.runs.frame["flops"].to_numpy(dtype=float)
        return np.geomspace(flops.min(), max(self.compute[-1], flops.max()), CURVE)

    @property
    def budgets(self) -> str:
        """The budgets in words."""
        shown = [power(value) for value in self.compute]
        return " and ".join(shown) if len(shown) < 3 else interval(shown[0], shown[-1])

    @property
    def contexts(self) -> str:
        """The context lengths in words."""
        return ", ".join(f"{length:,}" for length in self.context_length)


def default_budgets(fit: Fit) -> tuple[float, ...]:
    """The compute of the largest run and ten times that, each to one digit."""
    largest = float(fit.runs.frame["flops"].max())
    return tuple(float(f"{value:.0e}") for value in (largest, BEYOND * largest))
