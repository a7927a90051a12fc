"""The work of the commands that make a fit and judge it."""

from __future__ import annotations

import sys
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pandas as pd
import typer

from bayes_scaling.cli.failures import note
from bayes_scaling.cli.reading import Reading
from bayes_scaling.cli.running.checks import report_checks
from bayes_scaling.cli.running.opening import open_fit
from bayes_scaling.cli.running.output import print_json
from bayes_scaling.cli.running.tables import fittable_runs
from bayes_scaling.errors import ConvergenceWarning, FitFileError, SpecError
from bayes_scaling.files.small import read_toml
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.posterior.fit import Fit, load_fit
from bayes_scaling.posterior.fitting import fit
from bayes_scaling.posterior.law_sampled import verify_moved_optimum
from bayes_scaling.posterior.loo import bad_runs, compare_models, loo
from bayes_scaling.printing.views import print_loo, print_summary
from bayes_scaling.runs.table import Runs


def make_fit(
    file: str,
    reading: Reading,
    rows_are_runs: bool,
    spec: Path | None,
    options: dict[str, Any],
    sampling: dict[str, Any],
    output: Path,
    json: bool,
) -> None:
    """Fit the runs of a file, save the fit and print its checks; leave with 1 where they failed.

    Parameters
    ----------
    file : str
        Runs, or the name of a data set.
    reading : Reading
    rows_are_runs : bool
        Whether rows that look like checkpoints are fitted as they are.
    spec : Path, optional
        A file of the model.
    options : dict
        Keywords of `bayes_scaling.ModelSpec`; None for what was not given.
    sampling : dict
        Further keywords of `bayes_scaling.fit`.
    output : Path
    json : bool

    Raises
    ------
    BayesScalingError
        Bad runs, a bad model, or a place where nothing can be written.
    """
    model = model_of(spec, options)
    runs = fittable_runs(file, reading, rows_are_runs or bool(model.offsets))
    result = fitted(runs, model, sampling)
    checks = result.checks()
    result.save(output)
    note(f"Saved {output}")
    if not json:
        typer.echo(f"{result}\n")
    report_checks(checks, json)


def save_at(fit: Path, values: dict[str, Any], output: Path) -> None:
    """Save a fit that is asked about some values of covariates; see `bayes_scaling.Fit.at`."""
    load_fit(fit).at(**values).save(output)
    note(f"Saved {output}")


def show_summary(fit: Path, json: bool) -> None:
    """Print the posterior of every coefficient."""
    table = open_fit(fit, json).summary()
    (print_json if json else print_summary)(table)


def show_scores(fits: list[Path], json: bool) -> None:
    """Print the leave-one-out score of one fit, or the ranks of several."""
    table = _scores(_named(fits), json)
    (print_json if json else print_loo)(table)


def model_of(spec: Path | None, options: dict[str, Any]) -> ModelSpec:
    """The model of the options, or of the file.

    Raises
    ------
    SpecError
        Both at once, or a bad model.
    """
    given: dict[str, Any] = {k: v for k, v in options.items() if v is not None}
    if spec is None:
        return ModelSpec(**given)
    if given:
        raise SpecError(f"give --spec or --{' and --'.join(given)}, not both")
    return read_toml(spec, ModelSpec.from_dict, "a model spec in TOML", error=SpecError)


def fitted(runs: Runs, model: ModelSpec, sampling: dict[str, Any]) -> Fit:
    """The fit; what libraries print goes to standard error, and the checks stand for the warning."""
    with warnings.catch_warnings(), redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = fit(runs, model, **sampling)
        verify_moved_optimum(found)
        return found


def _named(paths: list[Path]) -> dict[str, Path]:
    """Fits by a short name, by their path where short names collide."""
    twice = [path for path in paths if sum(path.resolve() == other.resolve() for other in paths) > 1]
    if twice:
        raise FitFileError(f"{twice[0]}: given more than once; compare different fits")
    short = {path.stem: path for path in paths}
    return short if len(short) == len(paths) else {str(path): path for path in paths}


def _scores(paths: dict[str, Path], json: bool) -> Any:
    """One row a fit."""
    fits = {name: open_fit(path, json) for name, path in paths.items()}
    if len(fits) > 1:
        return compare_models(fits)
    (name, only), *_ = fits.items()
    result = loo(only)
    row = {"model": name, "elpd": result.elpd, "se": result.se, "effective_coefficients": result.p}
    return pd.DataFrame([row | {"runs": result.n_data_points, "pareto_k_bad": len(bad_runs(result))}])
