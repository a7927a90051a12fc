"""Commands that say where each architecture wins, and which runs would tell more."""

from __future__ import annotations

from typing import Annotated

import typer

from bayes_scaling.cli.arguments import (
    Architectures,
    ContextLengths,
    Cost,
    Extrapolate,
    FitFile,
    Json,
    choices,
    names,
    numbers,
)
from bayes_scaling.cli.decision_arguments import FigureFile, Latency, Limits, check_figure, draw, limits_of
from bayes_scaling.cli.output import print_json
from bayes_scaling.cli.verdict import open_fit


def design(
    fit: FitFile,
    compute: Annotated[float, typer.Option(metavar="FLOPS", help="Budget that the decision is about.")],
    context_length: Annotated[
        int, typer.Option(metavar="TOKENS", help="Context length that the decision is about.")
    ],
    architecture: Architectures = None,
    candidates: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="architecture, context_length, params, tokens, perhaps price. Default: a grid.",
        ),
    ] = None,
    runs: Annotated[
        int, typer.Option("--next", "--runs", metavar="N", help="How many to choose at most.")
    ] = 4,
    total: Annotated[float | None, typer.Option(metavar="PRICE", help="What they may cost together.")] = None,
    largest: Annotated[float | None, typer.Option(metavar="PRICE", help="Dearest run of the grid.")] = None,
    goal: Annotated[
        str, typer.Option(help="What to lower.", **choices("regret", "loss", "params", "difference"))
    ] = "regret",
    by: Annotated[
        str, typer.Option(help="What is largest for the run chosen.", **choices("value_per_price", "value"))
    ] = "value_per_price",
    limit: Limits = None,
    latency: Latency = None,
    cost: Cost = "6ND",
    seed: Annotated[int, typer.Option(help="Seed of the outcomes that are imagined.")] = 0,
    extrapolate: Extrapolate = False,
    json: Json = False,
) -> None:
    """The runs to make next: those that teach most about a decision for what they cost."""
    from bayes_scaling.cli.verdict import open_serving
    from bayes_scaling.decisions.next_runs.next_runs import design_runs
    from bayes_scaling.printing.planning import print_design

    found = design_runs(
        open_fit(fit, json),
        compute,
        context_length,
        names(architecture),
        candidates=candidates,
        runs=runs,
        total=total,
        largest=largest,
        goal=goal,
        by=by,
        limits=limits_of(limit),
        cost=cost,
        latency=open_serving(latency, json),
        seed=seed,
        extrapolate=extrapolate,
    )
    print_json(found.table(full=True)) if json else print_design(found)


def map_(
    fit: FitFile,
    compute: Annotated[
        list[str] | None,
        typer.Option(
            "--compute", metavar="FLOPS", help="Default: from the runs' least to 100 times their most."
        ),
    ] = None,
    context_length: ContextLengths = None,
    architecture: Architectures = None,
    limit: Limits = None,
    latency: Latency = None,
    cost: Cost = "6ND",
    figure: FigureFile = None,
    extrapolate: Extrapolate = False,
    json: Json = False,
) -> None:
    """Which architecture wins where, over compute and context length."""
    from bayes_scaling.cli.verdict import open_serving
    from bayes_scaling.decisions.winner_map import compare_map
    from bayes_scaling.printing.maps import print_map

    budgets = numbers(compute, "--compute")
    lengths = numbers(context_length, "--context-length")
    check_figure(figure)
    found = compare_map(
        open_fit(fit, json),
        budgets,
        lengths,
        names(architecture),
        limits=limits_of(limit),
        cost=cost,
        latency=open_serving(latency, json),
        extrapolate=extrapolate,
    )
    print_json(found.table(full=True)) if json else print_map(found)
    draw(found, figure)
