"""Commands that make a fit and judge it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling.cli.arguments import (
    DISCREPANCIES,
    ERRORS,
    LAWS,
    POOLINGS,
    Backends,
    FitFile,
    Json,
    MaxDraws,
    RunsFile,
    check_output,
    choices,
    covariate_map,
)
from bayes_scaling.cli.reading import PLAIN, Reading, RowsAreRuns, reads_runs


@reads_runs
def fit(
    file: RunsFile,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FIT", help="Where to save (.nc).")],
    law: Annotated[str | None, typer.Option(help="The law. Default: gamma.", **choices(*LAWS))] = None,
    pooling: Annotated[
        str | None,
        typer.Option(help="How groups inform each other. Default: partial.", **choices(*POOLINGS)),
    ] = None,
    discrepancy: Annotated[
        str | None,
        typer.Option(
            help="drift lets the loss curve deviate from the law. Default: drift.", **choices(*DISCREPANCIES)
        ),
    ] = None,
    offset: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN", help="Runs with the same value in COLUMN share one offset in loss. Repeatable."
        ),
    ] = None,
    errors: Annotated[
        str | None,
        typer.Option(help="skewed: undertuned runs scatter upwards. Default: symmetric.", **choices(*ERRORS)),
    ] = None,
    spec: Annotated[
        Path | None,
        typer.Option(metavar="TOML", help="Model file: law, pooling, discrepancy, errors, offsets, priors."),
    ] = None,
    backend: Backends = "numpyro",
    draws: Annotated[
        int, typer.Option(help="Draws of each chain at least: rounds go on until the gate holds.")
    ] = 1000,
    tune: Annotated[int, typer.Option(help="Transitions of each chain's pilots and step size.")] = 300,
    chains: Annotated[int, typer.Option(help="Chains, all at once.")] = 4,
    seed: Annotated[int, typer.Option(help="The same seed gives the same draws on one machine.")] = 0,
    max_draws: MaxDraws = None,
    rows_are_runs: RowsAreRuns = False,
    reading: Reading = PLAIN,
    json: Json = False,
) -> None:
    """Fit a law to runs, save the posterior, check it."""
    from bayes_scaling.cli.running.fits import make_fit

    check_output(output)
    sampling = {"backend": backend, "draws": draws, "tune": tune, "chains": chains, "seed": seed}
    sampling |= {"max_draws": max_draws}
    options = {
        "law": law,
        "pooling": pooling,
        "discrepancy": discrepancy,
        "errors": errors,
        "offsets": offset or None,
    }
    make_fit(file, reading, rows_are_runs, spec, options, sampling, output, json)


def check(
    fit: FitFile,
    backtest: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder of a back-test, for the line `calibrated`.")
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Also what is worth knowing and asks for nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Check whether a fit can be trusted; exit code 1 if not."""
    from bayes_scaling.cli.running.checks import show_checks

    show_checks(fit, backtest, verbose, json)


def at(
    fit: FitFile,
    value: Annotated[
        list[str],
        typer.Argument(metavar="NAME=VALUE...", help="params_total_ratio=8, or parallel_streams=4."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FIT", help="Where to save (.nc).")],
) -> None:
    """Save a fit that answers about models of one value of a covariate of its law."""
    from bayes_scaling.cli.running.fits import save_at

    check_output(output)
    save_at(fit, covariate_map(value), output)


def summary(fit: FitFile, json: Json = False) -> None:
    """Summarise the posterior of every coefficient."""
    from bayes_scaling.cli.running.fits import show_summary

    show_summary(fit, json)


def loo(
    fit: Annotated[list[Path], typer.Argument(metavar="FIT...", help="One fit to score, more to compare.")],
    json: Json = False,
) -> None:
    """Leave-one-out score; ranks several fits."""
    from bayes_scaling.cli.running.fits import show_scores

    show_scores(fit, json)
