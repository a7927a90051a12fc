"""The whole way on simulated runs whose truth is known."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.checks import Checks
    from bayes_scaling.data.truth import Truth
    from bayes_scaling.posterior import Fit

DATASET = "simulated"
BUDGETS = (1e19, 1e20, 1e21, 1e22)
CONTEXT_LENGTH = 8192
CURVE = (3e18, 1e22, 30)
QUANTITIES = ("params", "tokens", "loss")
NOMINAL = 0.9


@dataclass(frozen=True, eq=False)
class Demo:
    """What the demonstration made.

    Attributes
    ----------
    fit : Fit
    checks : Checks
    coverage : DataFrame
        quantity, inside, of, share, nominal: how many of the simulated truths lie in their 90% intervals.
    files : tuple of Path
    """

    fit: Fit
    checks: Checks
    coverage: pd.DataFrame
    files: tuple[Path, ...]


def run_demo(
    output_folder: str | Path = "demo",
    backend: str = "numpyro",
    draws: int = 1000,
    chains: int = 4,
    seed: int = 0,
) -> Demo:
    """Fit the simulated runs, print what is found and how often it holds the truth, save figures, a report.

    Parameters
    ----------
    output_folder : str or Path
        Made where it does not exist.
    backend : {"numpyro", "pymc"}
    draws, chains, seed : int

    Returns
    -------
    Demo

    Raises
    ------
    BayesScalingError
        The folder cannot be written to, or a bad back end or number.

    Examples
    --------
    >>> run_demo("demo").coverage  # doctest: +SKIP
    """
    from bayes_scaling.plots import open_folder
    from bayes_scaling.report.table import print_heading, print_line
    from bayes_scaling.report.views import print_runs
    from bayes_scaling.runs import load_runs

    folder, start = open_folder(output_folder), time.perf_counter()
    runs = load_runs(DATASET)
    print_heading("Runs")
    print_runs(runs)
    fit = _fitted(runs, backend, draws, chains, seed)
    checks = _print_findings(fit)
    print_heading("The truth behind the simulated runs")
    coverage = _print_coverage(fit)
    files = save_results(fit, folder)
    print_line(f"\nSaved {len(files)} files in {folder}: {', '.join(path.name for path in files)}")
    print_line(f"Took {time.perf_counter() - start:.0f} s. Open the report: {files[-1]}")
    return Demo(fit, checks, coverage, files)


def truth_coverage(fit: Fit, truth: Truth, compute: tuple[float, ...] = BUDGETS) -> pd.DataFrame:
    """How many truths lie inside their 90% posterior intervals.

    Parameters
    ----------
    fit : Fit
    truth : Truth
        Of the same law and groups.
    compute : tuple of float
        Budgets (FLOPs) at which the optimum is compared.

    Returns
    -------
    DataFrame
        One row a coefficient (over groups) or quantity of the optimum (over groups and budgets), and
        the totals of both: quantity, inside, of, share, nominal.
    """
    import pandas as pd

    coefficients = _coefficients_inside(fit, truth)
    optima = _optima_inside(fit, true_optima(truth, compute))
    rows = [
        *coefficients.items(),
        ("all coefficients", [hit for hits in coefficients.values() for hit in hits]),
        *((f"optimal {name}" if name != "loss" else "loss there", hits) for name, hits in optima.items()),
        ("all optima", [hit for hits in optima.values() for hit in hits]),
    ]
    records = [
        {"quantity": name, "inside": int(sum(hits)), "of": len(hits), "share": sum(hits) / len(hits)}
        for name, hits in rows
    ]
    return pd.DataFrame(records).assign(nominal=NOMINAL)


def true_optima(truth: Truth, compute: Any) -> pd.DataFrame:
    """The true optimum under 6ND: architecture, context_length, compute, params, tokens, loss."""
    import numpy as np
    import pandas as pd

    from bayes_scaling.laws import get_law

    law, budgets = get_law(truth.law), np.asarray(compute, dtype=float)
    parts = []
    for record in truth.coefficients.to_dict("records"):
        row = {str(name): value for name, value in record.items()}
        params, tokens = law.optimum(np, budgets, row)
        columns = {"compute": budgets, "params": params, "tokens": tokens}
        where = {key: row[key] for key in ("architecture", "context_length")}
        parts.append(pd.DataFrame({**where, **columns, "loss": law.loss(np, params, tokens, row)}))
    return pd.concat(parts, ignore_index=True)


def save_results(fit: Fit, folder: Path) -> tuple[Path, ...]:
    """The fit, five figures of it and the report, last, in a folder that exists."""
    import numpy as np

    from bayes_scaling import plots
    from bayes_scaling.data.simulation import shipped_truth
    from bayes_scaling.page import write_report

    budgets = np.geomspace(*CURVE)
    truth = true_optima(shipped_truth(), budgets)
    truth = truth[truth["context_length"] == CONTEXT_LENGTH]
    figures = {
        "frontier": plots.plot_frontier(_frontier(fit, budgets, CONTEXT_LENGTH), truth),
        "comparison": plots.plot_comparison(_comparison(fit, budgets, None)),
        "isoflop": plots.plot_isoflop(plots.isoflop_curves(fit), fit.runs.frame),
        "residuals": plots.plot_residuals(plots.residual_table(fit)),
        "coefficients": plots.plot_coefficients(plots.coefficient_densities(fit)),
    }
    files = [plots.save_figure(figure, folder / f"{name}.png") for name, figure in figures.items()]
    fit.save(folder / "fit.nc")
    report = write_report(fit, folder / "report.html", BUDGETS[-2:], CONTEXT_LENGTH)
    return (*files, folder / "fit.nc", report)


def _fitted(runs: Any, backend: str, draws: int, chains: int, seed: int) -> Fit:
    import warnings

    from bayes_scaling.errors import ConvergenceWarning
    from bayes_scaling.fitting import fit

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the checks are printed
        return fit(runs, backend=backend, draws=draws, chains=chains, seed=seed)


def _print_findings(fit: Fit) -> Checks:
    """Print checks, frontier and comparison."""
    from bayes_scaling.report.table import print_heading, print_line
    from bayes_scaling.report.views import print_checks, print_comparison, print_frontier

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
    from bayes_scaling.frontier import frontier

    return frontier(fit, compute, context_length).table()


def _comparison(fit: Fit, compute: Any, context_length: int | None) -> pd.DataFrame:
    from bayes_scaling.compare import compare

    return compare(fit, compute, context_length).table()


def _print_coverage(fit: Fit) -> pd.DataFrame:
    from bayes_scaling.data.simulation import shipped_truth
    from bayes_scaling.report.table import print_line
    from bayes_scaling.report.views import print_coverage

    table = truth_coverage(fit, shipped_truth())
    print_coverage(table)
    print_line(
        "Intervals that hold the truth 90% of the time should hold about 90% of these. The rows share one\n"
        "data set, so they are right or wrong together and the share of one fit scatters widely."
    )
    return table


def _coefficients_inside(fit: Fit, truth: Truth) -> dict[str, list[bool]]:
    """For each coefficient, whether each group's truth is inside."""
    from bayes_scaling.summary import summarise

    table = summarise(fit, variables=fit.law.names).merge(
        truth.coefficients, on=["architecture", "context_length"], suffixes=("", "_true")
    )
    hits: dict[str, list[bool]] = {name: [] for name in fit.law.names}
    for row in table.to_dict("records"):
        hits[row["variable"]].append(row["q05"] <= row[row["variable"]] <= row["q95"])
    return hits


def _optima_inside(fit: Fit, optima: pd.DataFrame) -> dict[str, list[bool]]:
    """For params, tokens and loss, whether each true optimum is inside."""
    keys = ["architecture", "context_length", "compute"]
    table = _frontier(fit, optima["compute"].unique(), None).merge(optima, on=keys)
    return {
        name: table[name].between(table[f"{name}_q05"], table[f"{name}_q95"]).tolist() for name in QUANTITIES
    }
