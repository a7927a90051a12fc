"""Commands that set classical estimates and the study's figures beside the posterior."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling import classical as estimators
from bayes_scaling.cli.arguments import Cost, FitFile, Json, RunsFile, choices, numbers
from bayes_scaling.cli.output import print_json
from bayes_scaling.cli.reading import PLAIN, Reading, quiet_runs, reads_runs
from bayes_scaling.cli.verdict import open_fit
from bayes_scaling.errors import SpecError

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.runs.table import Runs

METHODS = ("isoflop", "huber", "slopes", "hull", "envelope")


@reads_runs
def classical(
    file: RunsFile,
    method: Annotated[
        str,
        typer.Option(
            help="isoflop: parabolas; huber: the law by Huber loss; slopes: lines of fixed tokens per "
            "param; hull, envelope: the lowest losses.",
            **choices(*METHODS),
        ),
    ] = "isoflop",
    law: Annotated[
        str, typer.Option(help="The law that --method huber fits.", **choices("chinchilla", "gamma"))
    ] = "chinchilla",
    compute: Annotated[
        list[str] | None,
        typer.Option("--compute", metavar="FLOPS", help="Optima at these budgets instead of the fit."),
    ] = None,
    budget: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column of the budgets, with --method isoflop.")
    ] = None,
    resamples: Annotated[int, typer.Option(min=0, help="Bootstrap fits.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    reading: Reading = PLAIN,
    json: Json = False,
) -> None:
    """Classical point estimates with bootstrap intervals."""
    from bayes_scaling.printing import classical as views

    if method not in METHODS:
        raise SpecError(f"--method {method!r}: choose one of {', '.join(METHODS)}")
    budgets = numbers(compute, "--compute")
    runs = quiet_runs(file, reading)
    options: dict[str, Any] = {"resamples": resamples, "seed": seed}
    if method == "slopes":
        if budgets:
            raise SpecError("--method slopes has no optima: leave --compute out")

        table = estimators.token_param_slopes(runs, **options)
        print_json(table) if json else views.print_slopes(table)
        return
    table, show = _fitted(runs, method, law, budget, budgets, options)
    print_json(table) if json else show(table)


@reads_runs
def figures(
    fit: FitFile,
    runs: Annotated[
        str | None,
        typer.Argument(metavar="[RUNS]", help="Runs of the classical estimates. Default: the fit's."),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the figures go.")
    ] = Path("figures"),
    cost: Cost = "6ND",
    formats: Annotated[
        str, typer.Option("--format", metavar="FORMATS", help="png, pdf and svg, or several: pdf,png.")
    ] = "png",
    reading: Reading = PLAIN,
    json: Json = False,
) -> None:
    """Draw the figures of a study, the posterior beside classical estimates."""
    from bayes_scaling.cli.waiting import steps
    from bayes_scaling.plots.study import save_figures
    from bayes_scaling.printing.table import print_line

    loaded = open_fit(fit, json)
    kinds = [kind.strip() for kind in formats.split(",")]
    table = None if runs is None else quiet_runs(runs, reading)
    with steps("Drawing") as told:
        drawn = save_figures(loaded, output, table, cost, formats=kinds, told=told)
    if json:
        print_json([{"file": str(path)} for path in drawn.files])
        return
    for path in drawn.files:
        print_line(str(path))
    for name, reason in drawn.skipped.items():
        print_line(f"Note: no {name} figure: {reason}")


def _fitted(
    runs: Runs,
    method: str,
    law: str,
    budget: str | None,
    budgets: list[float] | None,
    options: dict[str, Any],
) -> tuple[pd.DataFrame, Callable[[pd.DataFrame], None]]:
    """The table asked for and how it is printed."""
    from bayes_scaling.accounting.budgets import check_budget
    from bayes_scaling.printing import classical as views

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
