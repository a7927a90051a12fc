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
from bayes_scaling.cli.decision_arguments import FigureFile, Latency, Limits, check_figure, limits_of


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
    total: Annotated[
        float | None, typer.Option(metavar="PRICE", help="Price that the chosen runs may add up to.")
    ] = None,
    largest: Annotated[float | None, typer.Option(metavar="PRICE", help="Dearest run of the grid.")] = None,
    goal: Annotated[
        str,
        typer.Option(
            help="The regret to lower, or what to learn more about.",
            **choices("regret", "loss", "params", "difference"),
        ),
    ] = "regret",
    by: Annotated[
        str,
        typer.Option(
            help="The run with the largest of these is chosen.", **choices("value_per_price", "value")
        ),
    ] = "value_per_price",
    limit: Limits = None,
    latency: Latency = None,
    cost: Cost = "6ND",
    seed: Annotated[int, typer.Option(help="Seed of the outcomes that are imagined.")] = 0,
    extrapolate: Extrapolate = False,
    json: Json = False,
) -> None:
    """The runs to make next: those that teach most about a decision for what they cost."""
    from bayes_scaling.cli.running.plans import show_design

    options = {
        "candidates": candidates,
        "runs": runs,
        "total": total,
        "largest": largest,
        "goal": goal,
        "by": by,
        "limits": limits_of(limit),
        "cost": cost,
        "seed": seed,
        "extrapolate": extrapolate,
    }
    show_design(fit, compute, context_length, names(architecture), latency, options, json)


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
    from bayes_scaling.cli.running.plans import show_map

    budgets = numbers(compute, "--compute")
    lengths = numbers(context_length, "--context-length")
    check_figure(figure)
    options = {"limits": limits_of(limit), "cost": cost, "extrapolate": extrapolate}
    show_map(fit, budgets, lengths, names(architecture), latency, options, figure, json)
