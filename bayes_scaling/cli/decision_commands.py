"""Commands that decide what to train: one question, a plan of them, and over a model's life."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from bayes_scaling.cli.decision_arguments import (
    Confidence,
    FigureFile,
    Latency,
    Limits,
    Tolerance,
    Utility,
    check_figure,
    draw,
    limits_of,
)
from bayes_scaling.cli.failures import CHECKS_FAILED
from bayes_scaling.cli.output import print_json
from bayes_scaling.cli.verdict import open_fit, open_latency
from bayes_scaling.errors import DecisionError

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.decisions.clarity import Settling
    from bayes_scaling.decisions.decide import Decision
    from bayes_scaling.decisions.next_runs.next_runs import Design
    from bayes_scaling.posterior.fit import Fit
    from bayes_scaling.questions.query import Query


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
    from bayes_scaling.cli.verdict import open_serving
    from bayes_scaling.decisions.decide import decide as ask
    from bayes_scaling.printing.decisions import print_decision
    from bayes_scaling.printing.planning import print_design
    from bayes_scaling.printing.table import print_heading, print_line

    budgets = required_numbers(compute, "--compute")
    lengths = numbers(context_length, "--context-length")
    check_figure(figure)
    serving = open_serving(latency, json)
    asked: dict[str, Any] = {"limits": limits_of(limit), "cost": cost, "latency": serving}
    asked["extrapolate"] = extrapolate
    flat: dict[str, Any] = {"tolerance": tolerance, "confidence": confidence}
    loaded = open_fit(fit, json)
    found = ask(loaded, budgets, lengths, names(architecture), utility=utility, **asked, **flat)
    more = _next_runs(loaded, found, names(architecture), next_runs, asked) if next_runs else None
    if json:
        print_json(
            found.table(full=True) if more is None else _beside(found.table(full=True), more.table(full=True))
        )
    else:
        query = _query(loaded, budgets, lengths, architecture, asked)
        print_decision(found, None if next_runs else _settling(loaded, query, found, asked))
        for remark in _remarks(loaded, query):
            print_line(f"Note: {remark}")
        if more is not None:
            print_heading("Runs to make next")
            print_design(more)
    draw(found, figure)
    if not found.table(full=True).groupby(["context_length", "compute"])["feasible"].any().all():
        raise typer.Exit(CHECKS_FAILED)


def _next_runs(
    fit: Fit, found: Decision, names: list[str] | None, runs: int, asked: dict[str, Any]
) -> Design | None:
    """The runs that teach most about a decision; None where nothing is feasible."""
    from bayes_scaling.decisions.next_runs.next_runs import design_runs

    table = found.table(full=True)
    questions = table[["context_length", "compute"]].drop_duplicates()
    if len(questions) > 1:
        raise DecisionError(f"--next is for one budget and one context length, not {len(questions)}")
    if not table["feasible"].any():
        return None
    row = questions.iloc[0]
    return design_runs(fit, float(row["compute"]), int(row["context_length"]), names, runs=runs, **asked)


def _settling(fit: Fit, query: Query, found: Decision, asked: dict[str, Any]) -> Settling | None:
    """The run that would settle what is not clear."""
    from bayes_scaling.decisions.clarity import settling_run
    from bayes_scaling.decisions.limits import as_limits

    return settling_run(fit, query, found.table(full=True), as_limits(asked["limits"]), asked["latency"])


def _remarks(fit: Fit, query: Query) -> list[str]:
    """Where other estimators of the optimum differ from the default."""
    from bayes_scaling.printing.estimators import estimator_remarks
    from bayes_scaling.report.estimators import verified_disagreements

    return estimator_remarks(verified_disagreements(fit, query))


def _query(
    fit: Fit,
    budgets: list[float],
    lengths: list[float] | None,
    architecture: list[str] | None,
    asked: dict[str, Any],
) -> Query:
    """The question of a decision, which was checked."""
    from bayes_scaling.decisions.limits import as_limits
    from bayes_scaling.questions.query import Query

    unique = as_limits(asked["limits"]).unique_tokens
    return Query.of(fit, budgets, lengths, names(architecture), asked["cost"], unique, extrapolate=True)


def _beside(table: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """The first of the runs as further columns of a decision."""
    first = runs.iloc[0]
    kept = ("architecture", "context_length", "params", "tokens", "price", "nats", "refit")
    return table.assign(**{f"next_{name}": first[name] for name in kept})


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
    from bayes_scaling.cli.verdict import open_serving
    from bayes_scaling.decisions.scenarios import load_plan
    from bayes_scaling.decisions.scenarios import plan as ask
    from bayes_scaling.printing.planning import print_plan

    scenarios = [
        replace(scenario, extrapolate=extrapolate or scenario.extrapolate) for scenario in load_plan(file)
    ]
    found = ask(open_fit(fit, json), scenarios, open_serving(latency, json))
    table = found.table(full=True)
    print_json(table) if json else print_plan(table)
    if not table.groupby(["scenario", "context_length", "compute"])["feasible"].any().all():
        raise typer.Exit(CHECKS_FAILED)


def lifetime(
    fit: FitFile,
    loss: Annotated[float, typer.Option(metavar="NATS", help="Loss that the model must reach.")],
    served_tokens: Annotated[
        list[str],
        typer.Option(
            "--served-tokens", metavar="TOKENS", help="Over the model's life: 1e12,1e14. Repeatable."
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
    from bayes_scaling.decisions.lifetime.lifetime import lifetime as ask
    from bayes_scaling.printing.planning import print_break_even, print_lifetime

    tokens = required_numbers(served_tokens, "--served-tokens")
    lengths = numbers(context_length, "--context-length")
    found = ask(
        open_fit(fit, json),
        loss,
        tokens,
        lengths,
        names(architecture),
        prefill=prefill,
        generated=generated,
        serving_price=serving_price,
        serving=None if latency is None else open_latency(latency, json),
        batch_size=batch_size,
        flops_per_second=flops_per_second,
        price_per_hour=price_per_hour,
        cost=cost,
        extrapolate=extrapolate,
    )
    if json:
        print_json(found.table(full=True))
        return
    print_lifetime(found.table(full=True))
    print_break_even(found.pairs())
