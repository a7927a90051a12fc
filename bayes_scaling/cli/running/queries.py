"""The work of the commands that ask a fit one question and show its answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from bayes_scaling.cli.asked import Asked
from bayes_scaling.cli.reading import Reading
from bayes_scaling.cli.running.drawing import draw
from bayes_scaling.cli.running.opening import open_fit
from bayes_scaling.cli.running.output import print_json
from bayes_scaling.cli.running.tables import read_runs
from bayes_scaling.posterior.predictions import predictions
from bayes_scaling.printing.views import (
    print_comparison,
    print_context,
    print_epochs,
    print_order,
    print_predictions,
    print_target,
)
from bayes_scaling.questions.compare import compare
from bayes_scaling.questions.context_effect import context_effect
from bayes_scaling.questions.epochs import best_epochs
from bayes_scaling.questions.targets import Target, iso_loss, optimal_for_params


def show_predictions(
    fit: Path,
    runs: str,
    reading: Reading,
    kind: str,
    seed: int,
    unique_tokens: float | None,
    extrapolate: bool,
    figure: Path | None,
    json: bool,
) -> None:
    """Print the loss of each of the runs."""
    planned = read_runs(runs, reading, need_loss=False)
    found = predictions(open_fit(fit, json), planned, kind, seed, unique_tokens, extrapolate)
    draw(found, figure)
    print_json(found.rows) if json else print_predictions(found.rows, kind)


def show_iso_loss(asked: Asked) -> None:
    """Print the cheapest compute for each of the losses."""
    _show_target(iso_loss, asked)


def show_optimal_params(asked: Asked) -> None:
    """Print the compute at which each of the params is optimal."""
    _show_target(optimal_for_params, asked)


def show_epochs(
    fit: Path,
    params: list[float],
    unique_tokens: float,
    context_length: list[float] | None,
    architecture: list[str] | None,
    json: bool,
) -> None:
    """Print the epochs after which a model of each of the params gains nothing more."""
    table = best_epochs(open_fit(fit, json), params, unique_tokens, context_length, architecture)
    print_json(table) if json else print_epochs(table)


def show_context(asked: Asked) -> None:
    """Print how the optimum moves with the context length, and the order of the architectures."""
    found = context_effect(open_fit(asked.fit, asked.json), asked.values, **asked.keywords())
    draw(found, asked.figure)
    if asked.json:
        print_json(found.table(full=True))
        return
    print_context(found.table(full=True))
    print_order(found.order_table())


def show_comparison(asked: Asked) -> None:
    """Print which architecture wins at each of the budgets."""
    found = compare(open_fit(asked.fit, asked.json), asked.values, **asked.keywords())
    draw(found, asked.figure)
    show: Callable[[pd.DataFrame], None] = print_json if asked.json else print_comparison
    show(found.table(full=True))


def _show_target(ask: Callable[..., Target], asked: Asked) -> None:
    found = ask(open_fit(asked.fit, asked.json), asked.values, **asked.keywords())
    draw(found, asked.figure)
    show: Callable[[pd.DataFrame], None] = print_json if asked.json else print_target
    show(found.table(full=True))
