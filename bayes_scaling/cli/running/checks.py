"""The work of `check`, and the checks that stand below a new fit."""

from __future__ import annotations

from pathlib import Path

import typer

from bayes_scaling.calibration.backtest import load_backtest
from bayes_scaling.cli.failures import CHECKS_FAILED, note
from bayes_scaling.cli.running.output import print_json
from bayes_scaling.posterior.checks import Checks
from bayes_scaling.posterior.criteria import notes
from bayes_scaling.posterior.fit import load_fit
from bayes_scaling.posterior.statuses import FAIL
from bayes_scaling.printing.views import print_checks


def show_checks(fit: Path, backtest: Path | None, verbose: bool, json: bool) -> None:
    """Print the checks of a fit; leave with 1 where they failed.

    Parameters
    ----------
    fit : Path
    backtest : Path, optional
        Folder of a back-test.
    verbose : bool
        Whether to tell what asks for nothing, too.
    json : bool

    Raises
    ------
    BayesScalingError
        One of the files is not what it should be.
    """
    left_out = None if backtest is None else load_backtest(backtest).rows
    loaded = load_fit(fit)
    for line in notes(loaded) if verbose else ():
        note(f"Note: {line}")
    report_checks(loaded.checks(left_out), json)


def report_checks(checks: Checks, json: bool) -> None:
    """Print checks; leave with 1 where they failed."""
    if json:
        print_json(checks.table())
    else:
        print_checks(checks)
    if checks.status == FAIL:
        raise typer.Exit(CHECKS_FAILED)
