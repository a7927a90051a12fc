"""The tables people read: medians and 90% intervals, units in the headers, notes below."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bayes_scaling.report.numbers import (
    count,
    factor,
    interval,
    loss,
    plain,
    power,
    probability,
    signed_loss,
)
from bayes_scaling.report.table import Column, print_line, print_table

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.checks import Checks
    from bayes_scaling.runs import Runs

Format = Callable[[float], str]
FAR = 0.005  # decades; nearer is the same budget
INTERVAL = "90% interval"


def print_runs(runs: Runs) -> None:
    """The groups of a table of runs."""
    table = runs.describe()
    columns = [
        *_groups(table),
        _column(table, "runs", "n", str),
        _range(table, "params", "params", count),
        _range(table, "tokens", "tokens", count),
        _range(table, "flops", "compute (FLOPs)", power),
        _range(table, "tokens_per_param", "tokens/param", count),
    ]
    if "loss_min" in table:
        columns.append(_range(table, "loss", "loss (nats/token)", loss))
    print_line(f"{len(runs)} runs from {runs.source}\n")
    print_table(columns)


def print_checks(checks: Checks) -> None:
    """The checks and the worst status."""
    table = checks.table()
    rules = tuple(f"{r} {plain(t)}" for r, t in zip(table["rule"], table["threshold"], strict=True))
    print_table(
        [
            _text(table, "check", "name"),
            _text(table, "status", "status"),
            _column(table, "value", "value", plain),
            Column("required", rules),
            _text(table, "advice", "advice"),
        ]
    )
    print_line(f"overall: {checks.status}")


def print_summary(table: pd.DataFrame) -> None:
    """Coefficients with their diagnostics."""
    where = [
        _text(table, name.replace("_", " "), name) for name in ("variable", "architecture", "coefficient")
    ]
    lengths = tuple(table["context_length"].astype("string").fillna(""))
    print_table(
        [
            *where[:2],
            Column("context (tokens)", lengths),
            where[2],
            _column(table, "median", "median", plain),
            _interval(table, "", plain),
            _column(table, "sd", "sd", plain),
            _column(table, "ESS bulk", "ess_bulk", "{:.0f}".format),
            _column(table, "ESS tail", "ess_tail", "{:.0f}".format),
            _column(table, "R-hat", "r_hat", "{:.3f}".format),
        ]
    )
    print_line("E in nats per token; A and B in nats^(1/gamma); sigma relative to the loss.")


def print_loo(table: pd.DataFrame) -> None:
    """Leave-one-out scores."""
    formats: dict[str, Format] = {"effective_coefficients": "{:.1f}".format, "weight": "{:.2f}".format}
    numbers = [name for name in table if name not in ("model", "note")]
    columns = [
        _column(table, str(name).replace("_", " "), str(name), formats.get(str(name), _tenth))
        for name in numbers
    ]
    print_table([_text(table, "model", "model"), *columns])
    for name, text in zip(table["model"], table.get("note", [""] * len(table)), strict=True):
        if text:
            print_line(f"Note: {name}: {text}")
    print_line("elpd: expected log density of a left-out run, summed over runs; higher is better.")


def print_predictions(table: pd.DataFrame, kind: str) -> None:
    """Predicted losses."""
    print_table(
        [
            _column(table, "row", "row", str),
            *_groups(table),
            _column(table, "params", "params", count),
            _column(table, "tokens", "tokens", count),
            _column(table, "loss (nats/token)", "median", loss),
            _interval(table, "", loss),
        ]
    )
    meaning = {"mean": "the loss the law gives", "response": "the loss one run will show, scatter included"}
    print_line(f"Intervals are of {meaning[kind]} (kind {kind}).")
    _reach(table, "rows")


def print_frontier(table: pd.DataFrame) -> None:
    """Compute-optimal choices."""
    pairs: tuple[tuple[str, str, Format], ...] = (
        ("params", "params", count),
        ("tokens", "tokens", count),
        ("loss", "loss (nats/token)", loss),
    )
    columns = [*_groups(table), _column(table, "compute (FLOPs)", "compute", power)]
    for name, title, text in pairs:
        columns += [_column(table, title, f"{name}_median", text), _interval(table, f"{name}_", text)]
    columns.append(_column(table, "tokens/param", "tokens_per_param_median", count))
    print_table(columns)
    print_line(f"Medians and 90% intervals of the optimum; cost {table['cost'].iloc[0]}.")
    _reach(table, "budgets")


def print_comparison(table: pd.DataFrame) -> None:
    """Which architecture wins."""
    print_table(
        [
            _text(table, "architecture", "architecture"),
            _text(table, "other", "other"),
            _column(table, "context (tokens)", "context_length", str),
            _column(table, "compute (FLOPs)", "compute", power),
            _column(table, "P(lower loss)", "probability", probability),
            _column(table, "loss difference (nats/token)", "difference_median", signed_loss),
            _interval(table, "difference_", signed_loss),
            _column(table, "compute multiplier", "multiplier_median", factor),
            _interval(table, "multiplier_", factor),
        ]
    )
    print_line("Compute multiplier: what the other needs to reach the architecture's loss, over the budget.")
    _reach(table, "budgets")


def print_coverage(table: pd.DataFrame) -> None:
    """How many known truths lie inside their 90% intervals."""
    print_table(
        [
            _text(table, "quantity", "quantity"),
            _column(table, "inside 90%", "inside", str),
            _column(table, "of", "of", str),
            _column(table, "share", "share", "{:.0%}".format),
        ]
    )


def _tenth(value: float) -> str:
    return str(value) if float(value).is_integer() else f"{value:.1f}"


def _reach(table: pd.DataFrame, what: str) -> None:
    """How far the farthest rows lie outside the runs."""
    far = table["extrapolation_decades"]
    if (far > FAR).any():
        print_line(
            f"Note: {int((far > FAR).sum())} of {len(far)} {what} lie outside the fitted runs, "
            f"up to {far.max():.1f} decades; intervals there rest on the law holding."
        )


def _groups(table: pd.DataFrame) -> list[Column]:
    lengths = _column(table, "context (tokens)", "context_length", str)
    return [_text(table, "architecture", "architecture"), lengths]


def _text(table: pd.DataFrame, title: str, name: str) -> Column:
    return Column(title, tuple(str(value) for value in table[name]), right=False)


def _column(table: pd.DataFrame, title: str, name: str, text: Format) -> Column:
    return Column(title, tuple(text(value) for value in table[name]))


def _interval(table: pd.DataFrame, prefix: str, text: Format) -> Column:
    ends = zip(table[f"{prefix}q05"], table[f"{prefix}q95"], strict=True)
    return Column(INTERVAL, tuple(interval(text(low), text(high)) for low, high in ends))


def _range(table: pd.DataFrame, name: str, title: str, text: Format) -> Column:
    ends = zip(table[f"{name}_min"], table[f"{name}_max"], strict=True)
    return Column(title, tuple(interval(text(low), text(high)) for low, high in ends))
