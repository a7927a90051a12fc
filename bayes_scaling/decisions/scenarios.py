"""Plans: scenarios that validate themselves, decided side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.accounting.budgets import check_budget
from bayes_scaling.decisions.decide import Decision, decision_of
from bayes_scaling.decisions.limits import Limits, check_keys, limits_from
from bayes_scaling.decisions.preference import Preference
from bayes_scaling.decisions.serving_limits import as_serving
from bayes_scaling.errors import BayesScalingError, DecisionError
from bayes_scaling.faces.faced import Faced
from bayes_scaling.faces.shown import shown
from bayes_scaling.files.small import read_toml
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.questions.query import Query

LISTS = ("compute", "context_length", "architecture")
TABLES = ("defaults", "scenario")


@dataclass(frozen=True)
class Scenario:
    """One question to `decide`: a `Query` with a utility and limits.

    Attributes
    ----------
    name : str
    compute : tuple of float
        Budgets, in the cost's unit; one number will do.
    context_length : tuple of int or None
    architecture : tuple of str or None
    utility : str
        As on the command line, such as ``"cvar:0.9"``.
    cost : str
    tolerance, confidence : float
    limits : Limits or mapping
    extrapolate : bool
        As for `frontier`.

    Raises
    ------
    DecisionError
        A value that `decide` would refuse, the scenario named.

    Examples
    --------
    >>> scenario = bs.Scenario("quick", 1e22, 16384, limits={"step_time_ms": 20.0, "batch_size": 8})
    >>> scenario.compute, scenario.limits.served
    ((1e+22,), ('step_time_ms',))
    """

    name: str
    compute: Any
    context_length: Any = None
    architecture: Any = None
    utility: Any = "mean"
    cost: str = "6ND"
    tolerance: float = 0.01
    confidence: float = 0.5
    limits: Any = field(default_factory=Limits)
    extrapolate: bool = False

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and self.name.strip()):
            raise DecisionError(f"a scenario's name is {self.name!r}: give it some letters")
        try:
            self._settle()
        except (BayesScalingError, TypeError) as error:
            raise DecisionError(f"scenario {self.name!r}: {error}") from None

    def _settle(self) -> None:
        """Lists as tuples, limits as `Limits`; anything wrong raises."""
        for name in LISTS:
            value = getattr(self, name)
            if value is not None:
                one = isinstance(value, str) or np.ndim(value) == 0
                object.__setattr__(self, name, (value,) if one else tuple(value))
        check_budget(self.compute)
        Preference.of(self.utility, self.tolerance, self.confidence)
        if not isinstance(self.limits, Limits):
            object.__setattr__(self, "limits", limits_from(self.limits))

    def query(self, fit: Fit) -> Query:
        """What a fit is asked; errors as for `frontier`."""
        unique = self.limits.unique_tokens
        asked = (self.compute, self.context_length, self.architecture, self.cost, unique)
        return Query.of(fit, *asked, extrapolate=self.extrapolate)

    @property
    def preference(self) -> Preference:
        """The utility, the tolerance and the confidence."""
        return Preference.of(self.utility, self.tolerance, self.confidence)


SHORT = (
    "scenario",
    "architecture",
    "context_length",
    "compute",
    "feasible",
    "chosen",
    "clear",
    "params",
    "tokens",
    "loss_",
    "overall_regret_mean",
    "binding",
)  # columns of a short table


@dataclass(frozen=True, eq=False, repr=False)
class Plan(Faced, printer="results.print_plan"):
    """Scenarios and what was decided in each.

    Attributes
    ----------
    decisions : mapping of str to Decision
        By the scenario's name, in order.
    scenarios : mapping of str to Scenario
        What was asked, by the same names.
    """

    decisions: Mapping[str, Decision]
    scenarios: Mapping[str, Scenario]

    def table(self, full: bool = False) -> pd.DataFrame:
        """The rows of each `Decision.table`, the column scenario first.

        Unless ``full``, only the columns that answer the question, displayed as people read them.
        """
        return shown(self._rows(), SHORT, full)

    def _rows(self) -> pd.DataFrame:
        return self._joined("actions")

    def limits(self) -> pd.DataFrame:
        """The rows of each `Decision.limits`, the column scenario first."""
        return self._joined("limits")

    def _joined(self, name: str) -> pd.DataFrame:
        parts = [getattr(found, name).assign(scenario=key) for key, found in self.decisions.items()]
        table = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
        return table[["scenario", *(column for column in table if column != "scenario")]]


def plan(fit: Fit, scenarios: Iterable[Scenario] | str | Path, latency: Any = None) -> Plan:
    """Decide every scenario.

    Parameters
    ----------
    fit : Fit
    scenarios : sequence of Scenario, or path of a plan file
        See `load_plan`.
    latency : LatencyFit, optional
        For limits of serving.

    Returns
    -------
    Plan

    Raises
    ------
    DecisionError
        No scenarios, two of one name, or a plan file that is not valid.
    BudgetError
        As for `decide`.

    Examples
    --------
    >>> free = bs.Scenario("free", 1e21, 8192)
    >>> small = bs.Scenario("small", 1e21, 8192, limits={"params_at_most": 1e9})
    >>> table = bs.plan(fit, [free, small]).table()
    >>> table.loc[table["chosen"], "loss_median"].is_monotonic_increasing
    True
    """
    listed = load_plan(scenarios) if isinstance(scenarios, str | Path) else tuple(scenarios)
    _check_names(listed)
    decided = {scenario.name: _decided(fit, scenario, latency) for scenario in listed}
    return Plan(decided, {scenario.name: scenario for scenario in listed})


def load_plan(path: str | Path) -> tuple[Scenario, ...]:
    """Scenarios of a TOML file.

    It has a table ``[[scenario]]`` for each, with the names of `Scenario`, and may have ``[defaults]`` with
    what scenarios share; a table ``limits`` in either has the names of `Limits`.

    Raises
    ------
    DecisionError
        Not TOML, an unknown key (the nearest one is suggested), or a scenario that is not valid.

    Examples
    --------
    A plan of two scenarios::

        [defaults]
        context_length = 16384
        cost = "accounted"

        [[scenario]]
        name = "as large as it likes"
        compute = [1e21, 1e22]

        [[scenario]]
        name = "quick to serve"
        compute = 1e22
        limits = { step_time_ms = 20.0, batch_size = 8, prefill = 16384 }

    >>> [scenario.name for scenario in bs.load_plan("plan.toml")]
    ['as large as it likes', 'quick to serve']
    """
    return read_toml(path, parse_plan, "a TOML file of scenarios", error=DecisionError)


def parse_plan(values: Mapping[str, Any]) -> tuple[Scenario, ...]:
    """Scenarios of a plan file's values; errors as for `load_plan`."""
    check_keys(values, list(TABLES), "table")
    defaults = values.get("defaults", {})
    tables = values.get("scenario", [])
    if not isinstance(tables, list) or not tables or not all(isinstance(table, Mapping) for table in tables):
        raise DecisionError("a plan has no [[scenario]]: give one or more, each with a name and compute")
    found = tuple(_scenario(defaults, table, i) for i, table in enumerate(tables, 1))
    _check_names(found)
    return found


def _scenario(defaults: Any, table: Mapping[str, Any], number: int) -> Scenario:
    known = [item.name for item in fields(Scenario)]
    shared = defaults if isinstance(defaults, Mapping) else {"defaults": defaults}
    check_keys(shared, [name for name in known if name != "name"], "key of [defaults]")
    check_keys(table, known, f"key of scenario {table.get('name', number)!r}")
    merged = {"name": f"scenario {number}", **shared, **table}
    if "compute" not in merged:
        raise DecisionError(f"scenario {merged['name']!r} has no compute: give budgets such as [1e21, 1e22]")
    limits = [part.get("limits", {}) for part in (shared, table)]
    if not all(isinstance(part, Mapping) for part in limits):
        raise DecisionError(f"limits of scenario {merged['name']!r} are no table: give names and values")
    return Scenario(**{**merged, "limits": {**limits[0], **limits[1]}})


def _check_names(scenarios: tuple[Scenario, ...]) -> None:
    names = [scenario.name for scenario in scenarios]
    if not names:
        raise DecisionError("a plan needs one scenario or more")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise DecisionError(f"two scenarios are called {twice[0]!r}: give each its own name")


def _decided(fit: Fit, scenario: Scenario, latency: Any) -> Decision:
    try:
        query = scenario.query(fit)
        return decision_of(fit, query, scenario.preference, scenario.limits, as_serving(latency))
    except BayesScalingError as error:
        raise type(error)(f"scenario {scenario.name!r}: {error}") from None
