"""Commands that ask a fit: predictions, frontiers and their inverses, comparisons, context length."""

from __future__ import annotations

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
    UniqueTokens,
    choices,
    names,
    numbers,
    required_numbers,
)
from bayes_scaling.cli.asked import Asked
from bayes_scaling.cli.decision_arguments import FigureFile, check_figure
from bayes_scaling.cli.reading import PLAIN, Reading, reads_runs


@reads_runs
def predict(
    fit: FitFile,
    runs: Annotated[
        str,
        typer.Argument(metavar="RUNS", help="Runs with architecture, context_length, params and tokens."),
    ],
    kind: Annotated[
        str,
        typer.Option(
            help="mean: the law's loss; response: what one run will show.", **choices("mean", "response")
        ),
    ] = "mean",
    seed: Annotated[int, typer.Option(help="Seed of the scatter of single runs and of unseen contexts.")] = 0,
    unique_tokens: UniqueTokens = None,
    extrapolate: Extrapolate = False,
    figure: FigureFile = None,
    reading: Reading = PLAIN,
    json: Json = False,
) -> None:
    """Predict the loss of runs, in the order of the file."""
    from bayes_scaling.cli.running.queries import show_predictions

    check_figure(figure)
    show_predictions(fit, runs, reading, kind, seed, unique_tokens, extrapolate, figure, json)


def frontier(
    fit: FitFile,
    compute: Compute,
    context_length: ContextLengths = None,
    architecture: Architectures = None,
    cost: Cost = "6ND",
    unique_tokens: UniqueTokens = None,
    beside: Annotated[
        bool,
        typer.Option("--beside", help="The law alone and the classical fit as columns beside the default."),
    ] = False,
    extrapolate: Extrapolate = False,
    figure: FigureFile = None,
    json: Json = False,
) -> None:
    """Compute-optimal params, tokens and loss; where estimators differ, it says so."""
    from bayes_scaling.cli.running.frontier import show_frontier

    check_figure(figure)
    budgets = required_numbers(compute, "--compute")
    lengths = numbers(context_length, "--context-length")
    chosen = names(architecture)
    show_frontier(
        Asked(fit, budgets, lengths, chosen, cost, unique_tokens, extrapolate, figure, json), beside
    )


def iso_loss(
    fit: FitFile,
    loss: Annotated[
        list[str], typer.Option("--loss", metavar="NATS", help="Losses to reach: 2.5,2.3. Repeatable.")
    ],
    context_length: ContextLengths = None,
    architecture: Architectures = None,
    cost: Cost = "6ND",
    unique_tokens: UniqueTokens = None,
    extrapolate: Extrapolate = False,
    figure: FigureFile = None,
    json: Json = False,
) -> None:
    """Cheapest compute that reaches a loss."""
    from bayes_scaling.cli.running.queries import show_iso_loss

    wanted = required_numbers(loss, "--loss")
    check_figure(figure)
    lengths = numbers(context_length, "--context-length")
    chosen = names(architecture)
    show_iso_loss(Asked(fit, wanted, lengths, chosen, cost, unique_tokens, extrapolate, figure, json))


def optimal_params(
    fit: FitFile,
    params: Annotated[
        list[str], typer.Option("--params", metavar="N", help="Model sizes: 1e9,7e9. Repeatable.")
    ],
    context_length: ContextLengths = None,
    architecture: Architectures = None,
    cost: Cost = "6ND",
    unique_tokens: UniqueTokens = None,
    extrapolate: Extrapolate = False,
    figure: FigureFile = None,
    json: Json = False,
) -> None:
    """Compute and tokens at which given params are compute-optimal."""
    from bayes_scaling.cli.running.queries import show_optimal_params

    wanted = required_numbers(params, "--params")
    check_figure(figure)
    lengths = numbers(context_length, "--context-length")
    chosen = names(architecture)
    show_optimal_params(Asked(fit, wanted, lengths, chosen, cost, unique_tokens, extrapolate, figure, json))


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
    from bayes_scaling.cli.running.queries import show_epochs

    sizes = required_numbers(params, "--params")
    lengths = numbers(context_length, "--context-length")
    show_epochs(fit, sizes, unique_tokens, lengths, names(architecture), json)


def context(
    fit: FitFile,
    compute: Compute,
    context_length: ContextLengths = None,
    architecture: Architectures = None,
    cost: Cost = "accounted",
    unique_tokens: UniqueTokens = None,
    extrapolate: Extrapolate = False,
    figure: FigureFile = None,
    json: Json = False,
) -> None:
    """How the optimum moves with the context length."""
    from bayes_scaling.cli.running.queries import show_context

    check_figure(figure)
    budgets = required_numbers(compute, "--compute")
    lengths = numbers(context_length, "--context-length")
    chosen = names(architecture)
    show_context(Asked(fit, budgets, lengths, chosen, cost, unique_tokens, extrapolate, figure, json))


def compare(
    fit: FitFile,
    compute: Compute,
    context_length: ContextLengths = None,
    architecture: Architectures = None,
    cost: Cost = "6ND",
    unique_tokens: UniqueTokens = None,
    extrapolate: Extrapolate = False,
    figure: FigureFile = None,
    json: Json = False,
) -> None:
    """Which architecture wins at a budget, by how much."""
    from bayes_scaling.cli.running.queries import show_comparison

    check_figure(figure)
    budgets = required_numbers(compute, "--compute")
    lengths = numbers(context_length, "--context-length")
    chosen = names(architecture)
    show_comparison(Asked(fit, budgets, lengths, chosen, cost, unique_tokens, extrapolate, figure, json))
