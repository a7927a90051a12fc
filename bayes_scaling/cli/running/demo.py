"""The full workflow on the bundled runs, and how predictions of the largest did."""

from __future__ import annotations

import sys
import time
import warnings
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import typer

from bayes_scaling import plots
from bayes_scaling.cli.failures import CHECKS_FAILED
from bayes_scaling.cli.running.output import print_json
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import ConvergenceWarning
from bayes_scaling.models.spec import Backend
from bayes_scaling.posterior.checks import Checks
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.fitting import fit as sample
from bayes_scaling.posterior.law_sampled import verify_moved_optimum
from bayes_scaling.posterior.statuses import FAIL
from bayes_scaling.posterior.thinning import thinned
from bayes_scaling.printing.runs import print_runs
from bayes_scaling.printing.sweep import print_sweep_verdict
from bayes_scaling.printing.table import print_heading, print_line
from bayes_scaling.printing.views import print_checks, print_comparison, print_frontier
from bayes_scaling.questions.compare import compare
from bayes_scaling.questions.frontier import frontier
from bayes_scaling.report import write_report
from bayes_scaling.runs.table import Runs
from bayes_scaling.sweep.verdict import SweepVerdict, shipped_verdict

DATASET = "measured"
BUDGETS = (1e13, 1e14, 1e15)
CONTEXT_LENGTH = 128
CURVE = (3e10, 1e15, 30)
COST = "accounted"


@dataclass(frozen=True, eq=False)
class Demo:
    """What the demonstration made.

    Attributes
    ----------
    fit : Fit
    checks : Checks
    verdict : Verdict
        Predictions of the largest runs, written before they were trained, beside their results.
    files : tuple of Path
    """

    fit: Fit
    checks: Checks
    verdict: SweepVerdict
    files: tuple[Path, ...]


def show_demo(output: Path, backend: str, draws: int, seed: int, json: bool) -> None:
    """Run the demonstration; leave with 1 where the fit failed its checks.

    As records only how earlier predictions did goes to standard output.
    """
    with redirect_stdout(sys.stderr) if json else nullcontext():
        result = run_demo(output, backend=cast("Backend", backend), draws=draws, seed=seed)
    if json:
        print_json(result.verdict.groups)
    if result.checks.status == FAIL:
        raise typer.Exit(CHECKS_FAILED)


def run_demo(
    output_folder: str | Path = "demo",
    backend: Backend = "numpyro",
    draws: int = 1000,
    chains: int = 4,
    seed: int = 0,
    max_draws: int | None = None,
) -> Demo:
    """Fit the measured runs, print what is found and how earlier predictions did, save figures, a report.

    Parameters
    ----------
    output_folder : str or Path
        Made where it does not exist.
    backend : {"numpyro", "pymc"}
    draws, chains, seed : int
    max_draws : int, optional
        As for `bayes_scaling.fit`.

    Returns
    -------
    Demo

    Raises
    ------
    BayesScalingError
        The folder cannot be written to, or a bad back end or number.

    Examples
    --------
    >>> run_demo("demo").verdict.groups  # doctest: +SKIP
    """
    folder = plots.open_folder(output_folder)
    start = time.perf_counter()
    runs = load_runs(DATASET)
    print_heading("Runs")
    print_runs(runs)
    fit = _fitted(runs, backend, draws, chains, seed, max_draws)
    checks = _print_findings(fit)
    print_heading("How predictions did that were made before the largest runs were trained")
    verdict = shipped_verdict(runs.frame)
    print_sweep_verdict(verdict)
    files = save_results(fit, verdict, folder)
    print_line(f"\nSaved {len(files)} files in {folder}: {', '.join(path.name for path in files)}")
    print_line(f"Took {time.perf_counter() - start:.0f} s. Open the report: {files[-1]}")
    return Demo(fit, checks, verdict, files)


def save_results(fit: Fit, verdict: SweepVerdict, folder: Path) -> tuple[Path, ...]:
    """The fit, six figures of it and the report, last, in a folder that exists."""
    budgets = np.geomspace(*CURVE)
    fewer = thinned(fit)
    figures = {
        "frontier": plots.plot_frontier(_frontier(fewer, budgets, CONTEXT_LENGTH)),
        "comparison": plots.plot_comparison(_comparison(fewer, budgets, None)),
        "isoflop": plots.plot_isoflop(fewer),
        "residuals": plots.plot_residuals(plots.residual_table(fit)),
        "coefficients": plots.plot_coefficients(plots.coefficient_densities(fit)),
        "predictions": plots.plot_predictions(verdict.runs),
    }
    files = [plots.save_figure(figure, folder / f"{name}.png") for name, figure in figures.items()]
    fit.save(folder / "fit.nc")
    report = write_report(fit, folder / "report.html", BUDGETS[:2], CONTEXT_LENGTH, cost=COST)
    return (*files, folder / "fit.nc", report)


def _fitted(runs: Runs, backend: Backend, draws: int, chains: int, seed: int, max_draws: int | None) -> Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the checks are printed
        found = sample(runs, backend=backend, draws=draws, chains=chains, seed=seed, max_draws=max_draws)
        verify_moved_optimum(found)
        return found


def _print_findings(fit: Fit) -> Checks:
    """Print checks, frontier and comparison."""
    checks = fit.checks()
    print_heading("Fit")
    print_line(f"{fit}\n")
    print_checks(checks)
    print_heading("Compute-optimal params, tokens and loss")
    print_frontier(_frontier(fit, BUDGETS, CONTEXT_LENGTH))
    print_heading("Which architecture wins")
    print_comparison(_comparison(fit, BUDGETS, CONTEXT_LENGTH))
    return checks


def _frontier(fit: Fit, compute: Any, context_length: int | None) -> pd.DataFrame:
    return frontier(fit, compute, context_length, cost=COST).table(full=True)


def _comparison(fit: Fit, compute: Any, context_length: int | None) -> pd.DataFrame:
    return compare(fit, compute, context_length, cost=COST).table(full=True)
