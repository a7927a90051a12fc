"""The full workflow on the bundled runs, and how predictions of the largest did."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_scaling.errors import ConvergenceWarning

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.models.spec import Backend
    from bayes_scaling.posterior.checks import Checks
    from bayes_scaling.posterior.fit import Fit
    from bayes_scaling.runs.table import Runs
    from bayes_scaling.sweep.verdict import SweepVerdict

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
    from bayes_scaling.data.run_tables import load_runs
    from bayes_scaling.plots import open_folder
    from bayes_scaling.printing.runs import print_runs
    from bayes_scaling.printing.sweep import print_sweep_verdict
    from bayes_scaling.printing.table import print_heading, print_line
    from bayes_scaling.sweep.verdict import shipped_verdict

    folder = open_folder(output_folder)
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
    import numpy as np

    from bayes_scaling import plots
    from bayes_scaling.posterior.thinning import thinned
    from bayes_scaling.report import write_report

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
    from bayes_scaling.posterior.fitting import fit
    from bayes_scaling.posterior.law_sampled import verify_moved_optimum

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the checks are printed
        found = fit(runs, backend=backend, draws=draws, chains=chains, seed=seed, max_draws=max_draws)
        verify_moved_optimum(found)
        return found


def _print_findings(fit: Fit) -> Checks:
    """Print checks, frontier and comparison."""
    from bayes_scaling.printing.table import print_heading, print_line
    from bayes_scaling.printing.views import print_checks, print_comparison, print_frontier

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
    from bayes_scaling.questions.frontier import frontier

    return frontier(fit, compute, context_length, cost=COST).table(full=True)


def _comparison(fit: Fit, compute: Any, context_length: int | None) -> pd.DataFrame:
    from bayes_scaling.questions.compare import compare

    return compare(fit, compute, context_length, cost=COST).table(full=True)
