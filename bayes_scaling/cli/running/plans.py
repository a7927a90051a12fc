"""The work of the commands that look beyond one decision: plans, a model's life, maps, runs to make next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from bayes_scaling.cli.asked import Asked
from bayes_scaling.cli.failures import CHECKS_FAILED
from bayes_scaling.cli.running.drawing import draw
from bayes_scaling.cli.running.opening import open_fit
from bayes_scaling.cli.running.output import print_json
from bayes_scaling.cli.running.serving import open_latency, open_serving
from bayes_scaling.decisions.lifetime.lifetime import lifetime
from bayes_scaling.decisions.next_runs.next_runs import design_runs
from bayes_scaling.decisions.scenarios import load_plan, plan
from bayes_scaling.decisions.winner_map import compare_map
from bayes_scaling.printing.maps import print_map
from bayes_scaling.printing.planning import print_break_even, print_design, print_lifetime, print_plan


def show_plan(fit: Path, file: Path, latency: Path | None, extrapolate: bool, json: bool) -> None:
    """Print the decisions of a plan; leave with 1 where one has no answer."""
    scenarios = [
        replace(scenario, extrapolate=extrapolate or scenario.extrapolate) for scenario in load_plan(file)
    ]
    found = plan(open_fit(fit, json), scenarios, open_serving(latency, json))
    table = found.table(full=True)
    print_json(table) if json else print_plan(table)
    if not table.groupby(["scenario", "context_length", "compute"])["feasible"].any().all():
        raise typer.Exit(CHECKS_FAILED)


def show_lifetime(asked: Asked, loss: float, latency: Path | None, options: dict[str, Any]) -> None:
    """Print the params for which training to a loss and serving cost least together.

    Parameters
    ----------
    asked : Asked
        Its values are the tokens that are served.
    loss : float
        In nats.
    latency : Path, optional
        A saved latency fit: serving costs the time of its device.
    options : dict
        Further keywords of `bayes_scaling.lifetime`.
    """
    found = lifetime(
        open_fit(asked.fit, asked.json),
        loss,
        asked.values,
        asked.context_length,
        asked.architecture,
        serving=None if latency is None else open_latency(latency, asked.json),
        cost=asked.cost,
        extrapolate=asked.extrapolate,
        **options,
    )
    if asked.json:
        print_json(found.table(full=True))
        return
    print_lifetime(found.table(full=True))
    print_break_even(found.pairs())


def show_design(
    fit: Path,
    compute: float,
    context_length: int,
    architecture: list[str] | None,
    latency: Path | None,
    options: dict[str, Any],
    json: bool,
) -> None:
    """Print the runs to make next; the options are keywords of `bayes_scaling.design_runs`."""
    loaded = open_fit(fit, json)
    serving = open_serving(latency, json)
    found = design_runs(loaded, compute, context_length, architecture, latency=serving, **options)
    print_json(found.table(full=True)) if json else print_design(found)


def show_map(
    fit: Path,
    compute: list[float] | None,
    context_length: list[float] | None,
    architecture: list[str] | None,
    latency: Path | None,
    options: dict[str, Any],
    figure: Path | None,
    json: bool,
) -> None:
    """Print which architecture wins where; the options are keywords of `bayes_scaling.compare_map`."""
    loaded = open_fit(fit, json)
    serving = open_serving(latency, json)
    found = compare_map(loaded, compute, context_length, architecture, latency=serving, **options)
    print_json(found.table(full=True)) if json else print_map(found)
    draw(found, figure)
