"""The work of `report`: one page about a fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from bayes_scaling.calibration.backtest import load_backtest
from bayes_scaling.cli.failures import CHECKS_FAILED, note
from bayes_scaling.cli.running.opening import open_fit
from bayes_scaling.cli.running.output import print_json
from bayes_scaling.cli.running.serving import open_serving
from bayes_scaling.posterior.statuses import FAIL
from bayes_scaling.report.writing import check_report, make_page, save_page


def write_page(
    fit: Path,
    output: Path,
    latency: Path | None,
    backtest: Path | None,
    question: dict[str, Any],
    json: bool,
) -> None:
    """Write the page and print where it lies; leave with 1 where the checks failed.

    Parameters
    ----------
    fit, output : Path
    latency : Path, optional
        A saved latency fit, for limits of serving.
    backtest : Path, optional
        Folder of a back-test.
    question : dict
        Further keywords of `make_page`.
    json : bool

    Raises
    ------
    BayesScalingError
        A bad question, or a place where nothing can be written.
    """
    check_report(output)
    page = make_page(
        open_fit(fit, told=True),  # on the page, so that standard output is the path alone
        latency=open_serving(latency, told=True),
        backtest=None if backtest is None else load_backtest(backtest),
        **question,
    )
    path = save_page(page, output)
    print_json([{"file": path}]) if json else typer.echo(path)
    if page.status == FAIL:
        note("Note: the checks failed; the page says so.")
        raise typer.Exit(CHECKS_FAILED)
