"""Commands that ask a fit: predictions, frontiers and their inverses, comparisons, context length."""

from __future__ import annotations

from collections.abc import Callable
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
    UniqueTokens,
    choices,
    names,
    numbers,
    required_numbers,
)
from bayes_scaling.cli.decision_arguments import FigureFile, check_figure, draw
from bayes_scaling.cli.output import print_json
from bayes_scaling.cli.reading import PLAIN, Reading, reads_runs
from bayes_scaling.cli.verdict import open_fit

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.questions.compare import Comparison
    from bayes_scaling.questions.targets import Target


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
    from bayes_scaling.posterior.predictions import predictions
    from bayes_scaling.printing.views import print_predictions

    check_figure(figure)
    planned = reading.load(runs, need_loss=False)
    found = predictions(open_fit(fit, json), planned, kind, seed, unique_tokens, extrapolate)
    draw(found, figure)
    print_json(found.rows) if json else print_predictions(found.rows, kind)


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
    from bayes_scaling.posterior.law_sampled import sample_law_alone
    from bayes_scaling.printing.estimators import estimator_remarks, print_estimators
    from bayes_scaling.printing.table import print_line
    from bayes_scaling.printing.views import print_frontier
    from bayes_scaling.questions.estimators import apart, estimators_of
    from bayes_scaling.questions.frontier import frontier_of
    from bayes_scaling.questions.query import Query
    from bayes_scaling.report.estimators import verified_disagreements

    check_figure(figure)
    budgets, lengths = _question(compute, context_length)
    loaded = open_fit(fit, json)
    asked = (budgets, lengths, names(architecture), cost, unique_tokens, extrapolate)
    query = Query.of(loaded, *asked)
    found = frontier_of(loaded, query)
    table = found.table(full=True)
    three = None
    if beside:
        sample_law_alone(loaded)
        three = estimators_of(loaded, query, table)
    draw(found, figure)
    if json:
        print_json(table if three is None else _joined(table, three))
        return
    print_frontier(table)
    differ = verified_disagreements(loaded, query, table) if three is None else three[apart(three)]
    for remark in estimator_remarks(differ):
        print_line(f"Note: {remark}")
    if three is not None:
        print_estimators(three)


def _joined(table: pd.DataFrame, three: pd.DataFrame) -> pd.DataFrame:
    """A frontier's rows with the columns of the other estimators."""
    keys = ["architecture", "context_length", "compute"]
    more = [name for name in three if name not in table]
    return table.merge(three[[*keys, *more]], on=keys)


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
    from bayes_scaling.questions.targets import iso_loss as ask

    options = {"cost": cost, "unique_tokens": unique_tokens, "extrapolate": extrapolate}
    wanted = required_numbers(loss, "--loss")
    _target(ask, fit, wanted, context_length, architecture, options, figure, json)


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
    from bayes_scaling.questions.targets import optimal_for_params as ask

    options = {"cost": cost, "unique_tokens": unique_tokens, "extrapolate": extrapolate}
    wanted = required_numbers(params, "--params")
    _target(ask, fit, wanted, context_length, architecture, options, figure, json)


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
    extrapolate: Extrapolate = False,
    figure: FigureFile = None,
    json: Json = False,
) -> None:
    """How the optimum moves with the context length."""
    from bayes_scaling.printing.views import print_context, print_order
    from bayes_scaling.questions.context_effect import context_effect

    check_figure(figure)
    budgets, lengths = _question(compute, context_length)
    asked = (budgets, lengths, names(architecture), cost, unique_tokens, extrapolate)
    found = context_effect(open_fit(fit, json), *asked)
    draw(found, figure)
    if json:
        print_json(found.table(full=True))
        return
    print_context(found.table(full=True))
    print_order(found.order_table())


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
    from bayes_scaling.printing.views import print_comparison
    from bayes_scaling.questions.compare import compare as ask

    options = {"cost": cost, "unique_tokens": unique_tokens, "extrapolate": extrapolate}
    _answer(ask, print_comparison, fit, compute, context_length, architecture, options, figure, json)


def _answer(
    ask: Callable[..., Comparison],
    show: Callable[[pd.DataFrame], None],
    fit: Path,
    compute: list[str],
    context_length: list[str] | None,
    architecture: list[str] | None,
    options: dict[str, Any],
    figure: Path | None,
    json: bool,
) -> None:
    check_figure(figure)
    budgets, lengths = _question(compute, context_length)
    found = ask(open_fit(fit, json), budgets, lengths, names(architecture), **options)
    draw(found, figure)
    (print_json if json else show)(found.table(full=True))


def _target(
    ask: Callable[..., Target],
    fit: Path,
    values: list[float],
    context_length: list[str] | None,
    architecture: list[str] | None,
    options: dict[str, Any],
    figure: Path | None,
    json: bool,
) -> None:
    from bayes_scaling.printing.views import print_target

    check_figure(figure)
    lengths = numbers(context_length, "--context-length")
    found = ask(open_fit(fit, json), values, lengths, names(architecture), **options)
    draw(found, figure)
    (print_json if json else print_target)(found.table(full=True))


def _question(compute: list[str], context_length: list[str] | None) -> tuple[list[float], list[float] | None]:
    return required_numbers(compute, "--compute"), numbers(context_length, "--context-length")
