"""The tables people read: medians and 90% intervals, units in the headers, notes below."""

from __future__ import annotations

import pandas as pd

from bayes_scaling.posterior.checks import Checks
from bayes_scaling.printing.columns import Format, column, groups, interval_column, text
from bayes_scaling.printing.numbers import count, factor, loss, plain, power, probability, signed_loss
from bayes_scaling.printing.table import Column, print_line, print_table

FAR = 0.005  # decades; nearer is the same budget
MULTIPLIER = "Compute multiplier: what the other needs to reach the architecture's loss, over the budget."


def print_checks(checks: Checks) -> None:
    """The checks and the worst status."""
    print_table(checks_columns(checks.table()))
    print_line(f"overall: {checks.status}")


def checks_columns(table: pd.DataFrame) -> list[Column]:
    """Columns of `bayes_scaling.posterior.checks.Checks.table`."""
    rules = tuple(f"{r} {plain(t)}" for r, t in zip(table["rule"], table["threshold"], strict=True))
    return [
        text(table, "check", "name"),
        text(table, "status", "status"),
        column(table, "value", "value", plain),
        Column("required", rules),
        text(table, "advice", "advice"),
    ]


def print_summary(table: pd.DataFrame) -> None:
    """Coefficients with their diagnostics."""
    where = [
        text(table, name.replace("_", " "), name) for name in ("variable", "architecture", "coefficient")
    ]
    lengths = tuple(table["context_length"].astype("string").fillna(""))
    print_table(
        [
            *where[:2],
            Column("context (tokens)", lengths),
            where[2],
            column(table, "median", "median", plain),
            interval_column(table, "", plain),
            column(table, "sd", "sd", plain),
            column(table, "ESS bulk", "ess_bulk", "{:.0f}".format),
            column(table, "ESS tail", "ess_tail", "{:.0f}".format),
            column(table, "R-hat", "r_hat", "{:.3f}".format),
        ]
    )
    print_line("E in nats per token; A and B in nats^(1/gamma); sigma relative to the loss.")


def print_loo(table: pd.DataFrame) -> None:
    """Leave-one-out scores."""
    formats: dict[str, Format] = {"effective_coefficients": "{:.1f}".format, "weight": "{:.2f}".format}
    numbers = [name for name in table if name not in ("model", "note")]
    columns = [
        column(table, str(name).replace("_", " "), str(name), formats.get(str(name), _tenth))
        for name in numbers
    ]
    print_table([text(table, "model", "model"), *columns])
    for name, remark in zip(table["model"], table.get("note", [""] * len(table)), strict=True):
        if remark:
            print_line(f"Note: {name}: {remark}")
    print_line("elpd: expected log density of a left-out run, summed over runs; higher is better.")


def print_predictions(table: pd.DataFrame, kind: str) -> None:
    """Predicted losses."""
    print_table(
        [
            column(table, "row", "row", str),
            *groups(table),
            column(table, "params", "params", count),
            column(table, "tokens", "tokens", count),
            column(table, "loss (nats/token)", "median", loss),
            interval_column(table, "", loss),
        ]
    )
    meaning = {"mean": "the loss the law gives", "response": "the loss one run will show, scatter included"}
    print_line(f"Intervals are of {meaning[kind]} (kind {kind}).")
    note_reach(table, "rows")


def print_frontier(table: pd.DataFrame) -> None:
    """Compute-optimal choices."""
    print_table(frontier_columns(table))
    print_line(f"Medians and 90% intervals of the optimum; cost {table['cost'].iloc[0]}.")
    note_reach(table, "budgets")


def frontier_columns(table: pd.DataFrame) -> list[Column]:
    """Columns of `bayes_scaling.questions.frontier.Frontier.table`."""
    pairs: tuple[tuple[str, str, Format], ...] = (
        ("params", "params", count),
        ("tokens", "tokens", count),
        ("loss", "loss (nats/token)", loss),
    )
    columns = [*groups(table), column(table, "compute (FLOPs)", "compute", power)]
    for name, title, form in pairs:
        columns += [column(table, title, f"{name}_median", form), interval_column(table, f"{name}_", form)]
    columns.append(column(table, "tokens/param", "tokens_per_param_median", count))
    if "epochs_median" in table:
        columns.append(column(table, "epochs", "epochs_median", plain))
        columns.append(interval_column(table, "epochs_", plain))
    return columns


def print_epochs(table: pd.DataFrame) -> None:
    """How often to repeat a corpus."""
    print_table(
        [
            *groups(table),
            column(table, "params", "params", count),
            column(table, "epochs", "epochs_median", plain),
            interval_column(table, "epochs_", plain),
            column(table, "loss (nats/token)", "loss_median", loss),
            interval_column(table, "loss_", loss),
            column(table, "P(more harm)", "harm_probability", probability),
        ]
    )
    print_line("Epochs: the fewest that come within 0.001 nats of the least loss. More: four times as many.")


def print_target(table: pd.DataFrame) -> None:
    """Optimal runs for a wanted loss or size."""
    target = "loss" if list(table)[2] == "loss" else "params"
    first: tuple[str, Format] = ("loss (nats/token)", loss) if target == "loss" else ("params", count)
    columns = [*groups(table), column(table, first[0], target, first[1])]
    if target == "loss":
        columns.append(column(table, "P(can be reached)", "probability", probability))
    rest: dict[str, tuple[str, Format]] = {
        "compute": ("compute (FLOPs)", power),
        "params": ("params", count),
        "tokens": ("tokens", count),
        "loss": ("loss (nats/token)", loss),
    }
    for name, (title, form) in rest.items():
        if name != target:
            columns += [
                column(table, title, f"{name}_median", form),
                interval_column(table, f"{name}_", form),
            ]
    print_table(columns)
    print_line(f"Medians and 90% intervals; cost {table['cost'].iloc[0]}.")
    note_reach(table, "rows")


def print_context(table: pd.DataFrame) -> None:
    """How the optimum moves with the context length."""
    columns = [
        text(table, "architecture", "architecture"),
        column(table, "compute (FLOPs)", "compute", power),
    ]
    for name in ("params", "tokens", "loss"):
        columns += [
            column(table, f"d ln {name} / d ln context", f"{name}_slope_median", plain),
            interval_column(table, f"{name}_slope_", plain),
        ]
    print_table(columns)
    print_line(f"Of the compute-optimal params, tokens and loss; cost {table['cost'].iloc[0]}.")


def print_order(table: pd.DataFrame) -> None:
    """Where the order of architectures changes with the context length."""
    if table.empty:
        return
    print_line("")
    print_table(
        [
            text(table, "architecture", "architecture"),
            text(table, "other", "other"),
            column(table, "compute (FLOPs)", "compute", power),
            column(table, "P(order changes)", "probability", probability),
            column(table, "at context (tokens)", "crossing_median", count),
            interval_column(table, "crossing_", count),
        ]
    )
    print_line("Within the context lengths asked for.")


def print_comparison(table: pd.DataFrame) -> None:
    """Which architecture wins."""
    print_table(comparison_columns(table))
    print_line(MULTIPLIER)
    note_reach(table, "budgets")


def comparison_columns(table: pd.DataFrame) -> list[Column]:
    """Columns of `bayes_scaling.questions.compare.Comparison.table`."""
    return [
        text(table, "architecture", "architecture"),
        text(table, "other", "other"),
        column(table, "context (tokens)", "context_length", str),
        column(table, "compute (FLOPs)", "compute", power),
        column(table, "P(lower loss)", "probability", probability),
        column(table, "loss difference (nats/token)", "difference_median", signed_loss),
        interval_column(table, "difference_", signed_loss),
        column(table, "compute multiplier", "multiplier_median", factor),
        interval_column(table, "multiplier_", factor),
        *_unreached(table),
    ]


def _unreached(table: pd.DataFrame) -> list[Column]:
    """How often no compute is enough, where that happens."""
    if not (table["unreached_probability"] > 0).any():
        return []
    return [column(table, "P(other never reaches it)", "unreached_probability", _chance)]


def _chance(value: float) -> str:
    """A probability; nothing where it is none."""
    return probability(value) if value > 0 else ""


def _tenth(value: float) -> str:
    return str(value) if float(value).is_integer() else f"{value:.1f}"


def note_reach(table: pd.DataFrame, what: str) -> None:
    """How far the farthest rows lie outside the runs."""
    remark = reach_remark(table, what)
    if remark:
        print_line(f"Note: {remark}")


def reach_remark(table: pd.DataFrame, what: str) -> str:
    """The same as a sentence; empty where no row lies outside."""
    far = table.loc[table["extrapolation_decades"] < float("inf"), "extrapolation_decades"]
    if not (far > FAR).any():
        return ""
    return (
        f"{int((far > FAR).sum())} of {len(far)} {what} lie outside the fitted runs, "
        f"up to {far.max():.1f} decades; intervals there rest on the model holding."
    )
