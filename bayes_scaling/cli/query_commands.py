"""Commands that ask a fit: predictions, frontiers, comparisons."""

from __future__ import annotations

from typing import Annotated

import typer

from bayes_scaling.cli.arguments import (
    Architectures,
    Columns,
    Compute,
    ContextLengths,
    Cost,
    FitFile,
    Json,
    column_map,
    names,
    numbers,
    required_numbers,
)


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
    column: Columns = None,
    json: Json = False,
) -> None:
    """Predict the loss of runs, in the order of the file."""
    from bayes_scaling.cli.output import print_json
    from bayes_scaling.prediction import predict_table
    from bayes_scaling.report.views import print_predictions
    from bayes_scaling.runs import load_runs
    from bayes_scaling.storage import load_fit

    planned = load_runs(runs, columns=column_map(column), need_loss=False)
    table = predict_table(load_fit(fit), planned, kind, seed)
    print_json(table) if json else print_predictions(table, kind)


def frontier(
    fit: FitFile,
    compute: Compute,
    context_length: ContextLengths = None,
    architecture: Architectures = None,
    cost: Cost = "6ND",
    json: Json = False,
) -> None:
    """Compute-optimal params, tokens and loss."""
    from bayes_scaling.cli.output import print_json
    from bayes_scaling.frontier import frontier as ask
    from bayes_scaling.report.views import print_frontier
    from bayes_scaling.storage import load_fit

    budgets, lengths = _question(compute, context_length)
    table = ask(load_fit(fit), budgets, lengths, names(architecture), cost).table()
    (print_json if json else print_frontier)(table)


def compare(
    fit: FitFile,
    compute: Compute,
    context_length: ContextLengths = None,
    architecture: Architectures = None,
    cost: Cost = "6ND",
    json: Json = False,
) -> None:
    """Which architecture wins at a budget, by how much."""
    from bayes_scaling.cli.output import print_json
    from bayes_scaling.compare import compare as ask
    from bayes_scaling.report.views import print_comparison
    from bayes_scaling.storage import load_fit

    budgets, lengths = _question(compute, context_length)
    table = ask(load_fit(fit), budgets, lengths, names(architecture), cost).table()
    (print_json if json else print_comparison)(table)


def _question(compute: list[str], context_length: list[str] | None) -> tuple[list[float], list[float] | None]:
    return required_numbers(compute, "--compute"), numbers(context_length, "--context-length")
