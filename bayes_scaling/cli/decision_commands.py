"""Commands that decide what to train: one question, a plan of them, and over a model's life."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling.cli.arguments import (
    Architectures,
    Compute,
    ContextLengths,
    Cost,
    Extrapolate,
    FitFile,
    Json,
    names,
    numbers,
    required_numbers,
)
from bayes_scaling.cli.asked import Asked
from bayes_scaling.cli.decision_arguments import (
    Confidence,
    FigureFile,
    Latency,
    Limits,
    Tolerance,
    Utility,
    check_figure,
    limits_of,
)


def decide(
    fit: FitFile,
    compute: Compute,
    context_length: ContextLengths = None,
    architecture: Architectures = None,
    utility: Utility = "mean",
    limit: Limits = None,
    latency: Latency = None,
    cost: Cost = "6ND",
    tolerance: Tolerance = 0.01,
    confidence: Confidence = 0.5,
    next_runs: Annotated[
        int,
        typer.Option(
            "--next",
            min=0,
            metavar="N",
            help="Choose that many runs to make next too; for one budget and context.",
        ),
    ] = 0,
    figure: FigureFile = None,
    extrapolate: Extrapolate = False,
    json: Json = False,
) -> None:
    """What to train and what being wrong may cost; exit code 1 where nothing keeps to the limits."""
    from bayes_scaling.cli.running.decisions import show_decision

    budgets = required_numbers(compute, "--compute")
    lengths = numbers(context_length, "--context-length")
    check_figure(figure)
    limits = limits_of(limit)
    chosen = names(architecture)
    preference = {"utility": utility, "tolerance": tolerance, "confidence": confidence}
    asked = Asked(fit, budgets, lengths, chosen, cost, None, extrapolate, figure, json)
    show_decision(asked, limits, latency, preference, next_runs)


def plan(
    fit: FitFile,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="PLAN", help="Scenarios (.toml): [[scenario]] with name, compute, limits and others."
        ),
    ],
    latency: Latency = None,
    extrapolate: Extrapolate = False,
    json: Json = False,
) -> None:
    """Decide the scenarios of a plan side by side; exit code 1 where one has no answer."""
    from bayes_scaling.cli.running.plans import show_plan

    show_plan(fit, file, latency, extrapolate, json)


def lifetime(
    fit: FitFile,
    loss: Annotated[float, typer.Option(metavar="NATS", help="Loss that the model must reach.")],
    served_tokens: Annotated[
        list[str],
        typer.Option(
            "--served-tokens", metavar="TOKENS", help="Tokens served over its life: 1e12,1e14. Repeatable."
        ),
    ],
    context_length: ContextLengths = None,
    architecture: Architectures = None,
    prefill: Annotated[float | None, typer.Option(metavar="TOKENS", help="Tokens of each prompt.")] = None,
    generated: Annotated[float | None, typer.Option(metavar="TOKENS", help="Tokens of each answer.")] = None,
    serving_price: Annotated[
        float,
        typer.Option(help="Price of a FLOP, or with --latency of a device hour, in serving over training."),
    ] = 1.0,
    latency: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A saved latency fit: serving costs the time of its device."),
    ] = None,
    batch_size: Annotated[float, typer.Option(help="Requests served together, with --latency.")] = 1.0,
    flops_per_second: Annotated[
        float | None, typer.Option(metavar="FLOPS", help="What one device reaches in training.")
    ] = None,
    price_per_hour: Annotated[
        float | None,
        typer.Option(metavar="MONEY", help="Price of a training device; gives the total in money."),
    ] = None,
    cost: Cost = "6ND",
    extrapolate: Extrapolate = False,
    json: Json = False,
) -> None:
    """The params for which training to a loss and serving cost least together."""
    from bayes_scaling.cli.running.plans import show_lifetime

    tokens = required_numbers(served_tokens, "--served-tokens")
    lengths = numbers(context_length, "--context-length")
    asked = Asked(fit, tokens, lengths, names(architecture), cost, extrapolate=extrapolate, json=json)
    options = {
        "prefill": prefill,
        "generated": generated,
        "serving_price": serving_price,
        "batch_size": batch_size,
        "flops_per_second": flops_per_second,
        "price_per_hour": price_per_hour,
    }
    show_lifetime(asked, loss, latency, options)
