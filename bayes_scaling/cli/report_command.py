"""The command that writes a page about a fit."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling.cli.arguments import ContextLengths, Cost, Extrapolate, FitFile, Json, numbers
from bayes_scaling.cli.decision_arguments import Latency, Limits, limits_of
from bayes_scaling.cli.failures import CHECKS_FAILED, note
from bayes_scaling.cli.output import print_json
from bayes_scaling.cli.verdict import open_fit


def report(
    fit: FitFile,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The page: .html, or .md with its figures.")
    ] = Path("report.html"),
    compute: Annotated[
        list[str] | None,
        typer.Option(
            "--compute",
            metavar="FLOPS",
            help="Training budgets: 1e21,1e22. Default: that of the largest run and ten times it.",
        ),
    ] = None,
    context_length: ContextLengths = None,
    limit: Limits = None,
    latency: Latency = None,
    plan: Annotated[
        Path | None, typer.Option(metavar="TOML", help="Scenarios to decide side by side.")
    ] = None,
    backtest: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder of a back-test: how often intervals held.")
    ] = None,
    next_runs: Annotated[
        int, typer.Option("--next", min=0, metavar="N", help="How many runs to choose that would teach most.")
    ] = 0,
    cost: Cost = "6ND",
    extrapolate: Extrapolate = False,
    json: Json = False,
) -> None:
    """Write one page: what to train, how sure that is, and why; exit code 1 if the checks failed."""
    from bayes_scaling.calibration.backtest import load_backtest
    from bayes_scaling.cli.verdict import open_serving
    from bayes_scaling.posterior.checks import FAIL
    from bayes_scaling.report.writing import check_report, make_page, save_page

    budgets = numbers(compute, "--compute")
    lengths = numbers(context_length, "--context-length")
    check_report(output)
    page = make_page(
        open_fit(fit, told=True),  # on the page, so that standard output is the path alone
        budgets,
        lengths,
        limits=limits_of(limit),
        cost=cost,
        latency=open_serving(latency, told=True),
        plan=plan,
        next_runs=next_runs,
        backtest=None if backtest is None else load_backtest(backtest),
        extrapolate=extrapolate,
        command=shlex.join(["bayes-scaling", *sys.argv[1:]]),
    )
    path = save_page(page, output)
    print_json([{"file": path}]) if json else typer.echo(path)
    if page.status == FAIL:
        note("Note: the checks failed; the page says so.")
        raise typer.Exit(CHECKS_FAILED)
