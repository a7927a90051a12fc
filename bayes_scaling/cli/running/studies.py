"""The work of the commands that set classical estimates and figures beside the posterior."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from bayes_scaling import classical as estimators
from bayes_scaling.accounting.budgets import check_budget
from bayes_scaling.cli.reading import Reading
from bayes_scaling.cli.running.output import print_json
from bayes_scaling.cli.running.tables import quiet_runs
from bayes_scaling.errors import SpecError
from bayes_scaling.printing import classical as views
from bayes_scaling.runs.table import Runs


def show_classical(
    file: str,
    reading: Reading,
    method: str,
    law: str,
    budget: str | None,
    budgets: list[float] | None,
    options: dict[str, Any],
    json: bool,
) -> None:
    """Print classical point estimates with bootstrap intervals.

    Parameters
    ----------
    file : str
        Runs, or the name of a data set.
    reading : Reading
    method : {"isoflop", "huber", "slopes", "hull", "envelope"}
    law : str
        The law that the method huber fits.
    budget : str, optional
        The column of the budgets, for the method isoflop.
    budgets : list of float, optional
        Optima at these budgets, in FLOPs, instead of the fit.
    options : dict
        Resamples and seed.
    json : bool

    Raises
    ------
    BayesScalingError
        Bad runs, or budgets for a method without optima.
    """
    runs = quiet_runs(file, reading)
    if method == "slopes":
        if budgets:
            raise SpecError("--method slopes has no optima: leave --compute out")
        table = estimators.token_param_slopes(runs, **options)
        print_json(table) if json else views.print_slopes(table)
        return
    table, show = _fitted(runs, method, law, budget, budgets, options)
    print_json(table) if json else show(table)


def _fitted(
    runs: Runs,
    method: str,
    law: str,
    budget: str | None,
    budgets: list[float] | None,
    options: dict[str, Any],
) -> tuple[pd.DataFrame, Callable[[pd.DataFrame], None]]:
    """The table asked for and how it is printed."""
    if budgets:
        check_budget(budgets)
    found: Any
    if method == "isoflop":
        found = estimators.isoflop_fit(runs, budget=budget, **options)
        show = views.print_isoflop
    elif method == "huber":
        found = estimators.huber_fit(runs, law=law, **options)
        show = views.print_huber
    else:
        found = estimators.envelope_fit(runs, method=method, **options)
        show = views.print_points
    return (found.frontier(budgets), views.print_frontier) if budgets else (found.table(), show)
