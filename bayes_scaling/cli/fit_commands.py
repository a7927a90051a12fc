"""Commands that make a fit and judge it."""

from __future__ import annotations

import sys
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
)
from bayes_scaling.cli.failures import CHECKS_FAILED, note
from bayes_scaling.cli.output import print_json
from bayes_scaling.cli.reading import PLAIN, Reading, RowsAreRuns, fittable_runs, reads_runs
from bayes_scaling.cli.verdict import open_fit
from bayes_scaling.errors import ConvergenceWarning, FitFileError, SpecError

if TYPE_CHECKING:
    from bayes_scaling.models.spec import ModelSpec
    from bayes_scaling.posterior.checks import Checks
    from bayes_scaling.posterior.fit import Fit
    from bayes_scaling.runs.table import Runs


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
    check_output(output)
    sampling = {"backend": backend, "draws": draws, "tune": tune, "chains": chains, "seed": seed}
    sampling |= {"max_draws": max_draws}
    options = {"law": law, "pooling": pooling, "discrepancy": discrepancy, "errors": errors}
    model = _model(spec, options | {"offsets": offset or None})
    runs = fittable_runs(file, reading, rows_are_runs or bool(model.offsets))
    result = fitted(runs, model, sampling)
    checks = result.checks()
    result.save(output)
    note(f"Saved {output}")
    if not json:
        typer.echo(f"{result}\n")
    report_checks(checks, json)


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
    from bayes_scaling.calibration.backtest import load_backtest
    from bayes_scaling.posterior.criteria import notes
    from bayes_scaling.posterior.fit import load_fit

    left_out = None if backtest is None else load_backtest(backtest).rows
    loaded = load_fit(fit)
    for line in notes(loaded) if verbose else ():
        note(f"Note: {line}")
    report_checks(loaded.checks(left_out), json)


def summary(fit: FitFile, json: Json = False) -> None:
    """Summarise the posterior of every coefficient."""
    from bayes_scaling.printing.views import print_summary

    table = open_fit(fit, json).summary()
    (print_json if json else print_summary)(table)


def loo(
    fit: Annotated[list[Path], typer.Argument(metavar="FIT...", help="One fit to score, more to compare.")],
    json: Json = False,
) -> None:
    """Leave-one-out score; ranks several fits."""
    from bayes_scaling.printing.views import print_loo

    table = _scores(_named(fit), json)
    (print_json if json else print_loo)(table)


def _model(spec: Path | None, options: dict[str, Any]) -> ModelSpec:
    """The model of the options, or of the file; both at once is an error."""
    from bayes_scaling.files.small import read_toml
    from bayes_scaling.models.spec import ModelSpec

    given: dict[str, Any] = {k: v for k, v in options.items() if v is not None}
    if spec is None:
        return ModelSpec(**given)
    if given:
        raise SpecError(f"give --spec or --{' and --'.join(given)}, not both")
    return read_toml(spec, ModelSpec.from_dict, "a model spec in TOML", error=SpecError)


def fitted(runs: Runs, model: ModelSpec, sampling: dict[str, Any]) -> Fit:
    """The fit; what libraries print goes to standard error, and the checks stand for the warning."""
    from bayes_scaling.posterior.fitting import fit as sample
    from bayes_scaling.posterior.law_sampled import verify_moved_optimum

    with warnings.catch_warnings(), redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = sample(runs, model, **sampling)
        verify_moved_optimum(found)
        return found


def report_checks(checks: Checks, json: bool) -> None:
    """Print checks; leave with 1 where they failed."""
    from bayes_scaling.posterior.checks import FAIL
    from bayes_scaling.printing.views import print_checks

    if json:
        print_json(checks.table())
    else:
        print_checks(checks)
    if checks.status == FAIL:
        raise typer.Exit(CHECKS_FAILED)


def _named(paths: list[Path]) -> dict[str, Path]:
    """Fits by a short name, by their path where short names collide."""
    twice = [path for path in paths if sum(path.resolve() == other.resolve() for other in paths) > 1]
    if twice:
        raise FitFileError(f"{twice[0]}: given more than once; compare different fits")
    short = {path.stem: path for path in paths}
    return short if len(short) == len(paths) else {str(path): path for path in paths}


def _scores(paths: dict[str, Path], json: bool) -> Any:
    """One row a fit."""
    import pandas as pd

    from bayes_scaling.posterior.loo import bad_runs, compare_models
    from bayes_scaling.posterior.loo import loo as score

    fits = {name: open_fit(path, json) for name, path in paths.items()}
    if len(fits) > 1:
        return compare_models(fits)
    (name, only), *_ = fits.items()
    result = score(only)
    row = {"model": name, "elpd": result.elpd, "se": result.se, "effective_coefficients": result.p}
    return pd.DataFrame([row | {"runs": result.n_data_points, "pareto_k_bad": len(bad_runs(result))}])
