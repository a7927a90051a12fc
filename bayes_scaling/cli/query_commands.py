"""Commands that ask a fit: predictions, frontiers and their inverses, comparisons, context length."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayes_scaling.cli.arguments import (
    Architectures,
    Columns,
    Compute,
    ContextLengths,
    Cost,
    FitFile,
    Json,
    UniqueTokens,
    column_map,
    names,
    numbers,
    required_numbers,
)
from bayes_scaling.cli.output import print_json
from bayes_scaling.cli.verdict import open_fit

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.questions.compare import Comparison
    from bayes_scaling.questions.frontier import Frontier
    from bayes_scaling.questions.targets import Target


def predict(
    fit: FitFile,
    runs: Annotated[
        str,
        typer.Argument(metavar="RUNS", help="Runs with architecture, context_length, params and tokens."),
    ],
    kind: Annotated[
        str, typer.Option(help="mean: the law's loss; response: what one run will show.")
    ] = "mean",
    seed: Annotated[int, typer.Option(help="For the scatter of single runs and for unseen contexts.")] = 0,
    unique_tokens: UniqueTokens = None,
    column: Columns = None,
    json: Json = False,
) -> None:
    """Predict the loss of runs, in the order of the file."""
    from bayes_scaling.data.run_tables import load_runs
    from bayes_scaling.posterior.prediction import predict_table
    from bayes_scaling.printing.views import print_predictions

    planned = load_runs(runs, columns=column_map(column), need_loss=False)
    table = predict_table(open_fit(fit, json), planned, kind, seed, unique_tokens)
    print_json(table) if json else print_predictions(table, kind)


def frontier(
    fit: FitFile,
    compute: Compute,
    context_length: ContextLengths = None,
    architecture: Architectures = None,
    cost: Cost = "6ND",
    unique_tokens: UniqueTokens = None,
    json: Json = False,
) -> None:
    """Compute-optimal params, tokens and loss."""
    from bayes_scaling.printing.views import print_frontier
    from bayes_scaling.questions.frontier import frontier as ask

    _answer(ask, print_frontier, fit, compute, context_length, architecture, cost, unique_tokens, json)


def iso_loss(
    fit: FitFile,
    loss: Annotated[
        list[str], typer.Option("--loss", metavar="NATS", help="Losses to reach: 2.5,2.3. Repeatable.")
    ],
    context_length: ContextLengths = None,
    architecture: Architectures = None,
    cost: Cost = "6ND",
    unique_tokens: UniqueTokens = None,
    json: Json = False,
) -> None:
    """Cheapest compute that reaches a loss."""
    from bayes_scaling.questions.targets import iso_loss as ask

    _target(
        ask, fit, required_numbers(loss, "--loss"), context_length, architecture, cost, unique_tokens, json
    )


def optimal_params(
    fit: FitFile,
    params: Annotated[
        list[str], typer.Option("--params", metavar="N", help="Model sizes: 1e9,7e9. Repeatable.")
    ],
    context_length: ContextLengths = None,
    architecture: Architectures = None,
    cost: Cost = "6ND",
    unique_tokens: UniqueTokens = None,
    json: Json = False,
) -> None:
    """Compute and tokens at which given params are compute-optimal."""
    from bayes_scaling.questions.targets import optimal_for_params as ask

    _target(
        ask,
        fit,
        required_numbers(params, "--params"),
        context_length,
        architecture,
        cost,
        unique_tokens,
        json,
    )


def epochs(
    fit: FitFile,
    params: Annotated[
        list[str], typer.Option("--params", metavar="N", help="Model sizes: 1e9,7e9. Repeatable.")
    ],
    unique_tokens: Annotated[float, typer.Option(metavar="TOKENS", help="Different tokens of the corpus.")],
    context_length: ContextLengths = None,
    architecture: Architectures = None,
    json: Json = False,
) -> None:
    """Epochs of a corpus after which a model of a given size gains nothing more."""
    from bayes_scaling.printing.views import print_epochs
    from bayes_scaling.questions.epochs import best_epochs

    sizes = required_numbers(params, "--params")
    lengths = numbers(context_length, "--context-length")
    table = best_epochs(open_fit(fit, json), sizes, unique_tokens, lengths, names(architecture))
    print_json(table) if json else print_epochs(table)


def context(
    fit: FitFile,
    compute: Compute,
    context_length: ContextLengths = None,
    architecture: Architectures = None,
    cost: Cost = "accounted",
    unique_tokens: UniqueTokens = None,
    json: Json = False,
) -> None:
    """How the optimum moves with the context length."""
    from bayes_scaling.printing.views import print_context, print_order
    from bayes_scaling.questions.context_effect import context_effect

    budgets, lengths = _question(compute, context_length)
    found = context_effect(open_fit(fit, json), budgets, lengths, names(architecture), cost, unique_tokens)
    if json:
        print_json(found.table())
        return
    print_context(found.table())
    print_order(found.order_table())


def compare(
    fit: FitFile,
    compute: Compute,
    context_length: ContextLengths = None,
    architecture: Architectures = None,
    cost: Cost = "6ND",
    unique_tokens: UniqueTokens = None,
    json: Json = False,
) -> None:
    """Which architecture wins at a budget, by how much."""
    from bayes_scaling.printing.views import print_comparison
    from bayes_scaling.questions.compare import compare as ask

    _answer(ask, print_comparison, fit, compute, context_length, architecture, cost, unique_tokens, json)


def _answer(
    ask: Callable[..., Frontier | Comparison],
    show: Callable[[pd.DataFrame], None],
    fit: Path,
    compute: list[str],
    context_length: list[str] | None,
    architecture: list[str] | None,
    cost: str,
    unique_tokens: float | None,
    json: bool,
) -> None:
    budgets, lengths = _question(compute, context_length)
    table = ask(open_fit(fit, json), budgets, lengths, names(architecture), cost, unique_tokens).table()
    (print_json if json else show)(table)


def _target(
    ask: Callable[..., Target],
    fit: Path,
    values: list[float],
    context_length: list[str] | None,
    architecture: list[str] | None,
    cost: str,
    unique_tokens: float | None,
    json: bool,
) -> None:
    from bayes_scaling.printing.views import print_target

    lengths = numbers(context_length, "--context-length")
    table = ask(open_fit(fit, json), values, lengths, names(architecture), cost, unique_tokens).table()
    (print_json if json else print_target)(table)


def _question(compute: list[str], context_length: list[str] | None) -> tuple[list[float], list[float] | None]:
    return required_numbers(compute, "--compute"), numbers(context_length, "--context-length")
