"""The tables people read: medians and 90% intervals, units in the headers, notes below."""

from __future__ import annotations

import pandas as pd

from bayes_scaling.posterior.checks import Checks
from bayes_scaling.printing.columns import Format, column, groups, interval_column, interval_title, text, wide
from bayes_scaling.printing.numbers import count, factor, loss, plain, power, probability, signed_loss
from bayes_scaling.printing.table import Column, print_line, print_table
from bayes_scaling.questions.compare import pairs_once
from bayes_scaling.runs.reach import COLUMNS, FAR, FARTHEST, NEAR, column_of

LOST = 0.01  # share of the draws
COMPUTE = column_of("compute")
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
            column(table, "median", "median", _short),
            interval_column(table, "", _short),
            *wide(column(table, "sd", "sd", plain)),
            column(table, "ESS bulk", "ess_bulk", "{:.0f}".format),
            *wide(column(table, "ESS tail", "ess_tail", "{:.0f}".format)),
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
    print_far(table)
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
    print_far(table)
    print_table(frontier_columns(table))
    print_line(f"Medians and {interval_title()}s of the optimum; cost {table['cost'].iloc[0]}.")
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
        ends = interval_column(table, f"{name}_", form)
        columns.append(column(table, title, f"{name}_median", form))
        columns += wide(ends) if name == "tokens" else [ends]
    columns += wide(column(table, "tokens/param", "tokens_per_param_median", count))
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
    print_far(table)
    target = "loss" if list(table)[2] == "loss" else "params"
    first: tuple[str, Format] = ("loss (nats)", loss) if target == "loss" else ("params", count)
    columns = [*groups(table), column(table, first[0], target, first[1])]
    if target == "loss":
        reached = column(table, "P(can reach)", "probability", probability)
        columns += [reached] if (table["probability"] < 1).any() else wide(reached)
    rest: dict[str, tuple[str, Format]] = {
        "compute": ("compute (FLOPs)", power),
        "params": ("params", count),
        "tokens": ("tokens", count),
        "loss": ("loss (nats/token)", loss),
    }
    for name, (title, form) in rest.items():
        if name != target:
            ends = interval_column(table, f"{name}_", form)
            columns.append(column(table, title, f"{name}_median", form))
            columns += wide(ends) if name == "tokens" else [ends]
    print_table(columns)
    print_line(f"Medians and {interval_title()}s; cost {table['cost'].iloc[0]}.")
    note_reach(table, "rows")


def print_context(table: pd.DataFrame) -> None:
    """How the optimum moves with the context length."""
    print_far(table)
    columns = [
        text(table, "architecture", "architecture"),
        column(table, "compute (FLOPs)", "compute", power),
    ]
    for name in ("params", "tokens", "loss"):
        ends = interval_column(table, f"{name}_slope_", plain)
        columns.append(column(table, f"d ln {name} / d ln context", f"{name}_slope_median", plain))
        columns += wide(ends) if name == "tokens" else [ends]
    print_table(columns)
    print_line(f"Of the compute-optimal params, tokens and loss; cost {table['cost'].iloc[0]}.")
    note_reach(table, "budgets")


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
    """Which architecture wins, each pair once."""
    print_far(table)
    table = pairs_once(table)
    print_table(comparison_columns(table))
    print_line(MULTIPLIER)
    never = float(table["unreached_probability"].max())
    if never > 0:
        print_line(f"P(the other never reaches that loss) is up to {probability(never)}; --wide shows each.")
    if " at " in table["cost"].iloc[0]:
        print_line(f"Cost {table['cost'].iloc[0]}.")
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
        *wide(interval_column(table, "difference_", signed_loss)),
        column(table, "compute multiplier", "multiplier_median", factor),
        interval_column(table, "multiplier_", factor),
        *_unreached(table),
    ]


def _unreached(table: pd.DataFrame) -> list[Column]:
    """How often no compute is enough, where that happens."""
    if not (table["unreached_probability"] > 0).any():
        return []
    return wide(column(table, "P(other never reaches it)", "unreached_probability", _chance))


def lost_remark(table: pd.DataFrame) -> str:
    """Rows whose optimum lies at the edge of its search, as a sentence; empty where none does."""
    if "lost_share" not in table:
        return ""
    worst = float(table["lost_share"].max())
    if not worst > LOST:
        return ""
    rows = int((table["lost_share"] > LOST).sum())
    return (
        f"in {rows} of {len(table)} rows up to {worst:.0%} of the draws have no optimum within the search "
        "range. Their numbers are ends of that range, not optima."
    )


def _chance(value: float) -> str:
    """A probability; nothing where it is none."""
    return probability(value) if value > 0 else ""


def _short(value: float) -> str:
    return f"{value:.3g}"


def _tenth(value: float) -> str:
    return str(value) if float(value).is_integer() else f"{value:.1f}"


def note_reach(table: pd.DataFrame, what: str) -> None:
    """How far the farthest rows lie outside the runs."""
    for remark in (reach_remark(table, what), unseen_remark(table), lost_remark(table)):
        if remark:
            print_line(f"Note: {remark}")


def print_far(table: pd.DataFrame) -> None:
    """Above a table: that rows lie too far from the runs for anything to have been tested there."""
    remark = far_remark(table)
    if remark:
        print_line(f"Far: {remark}")


def far_remark(table: pd.DataFrame) -> str:
    """The same as a sentence; empty where no row is that far."""
    known = table.loc[table[COMPUTE] < float("inf"), COMPUTE]
    far = known[known > FAR]
    if far.empty:
        return ""
    verb = "lies" if len(far) == 1 else "lie"
    return (
        f"{len(far)} of {len(known)} rows {verb} up to {far.max():.1f} decades of compute outside the fitted "
        f"runs. No back-test reached past {FAR:g} decades: take these numbers as a guess, and their "
        "intervals as a lower bound of what is not known."
    )


def reach_remark(table: pd.DataFrame, what: str) -> str:
    """The same as a sentence; empty where no row lies outside."""
    known = table[table[FARTHEST] < float("inf")]
    outside = known[known[FARTHEST] > NEAR]
    if outside.empty:
        return ""
    verb = "lies" if len(outside) == 1 else "lie"
    return (
        f"{len(outside)} of {len(known)} {what} {verb} outside the fitted runs: {_decades(outside)}. "
        "Intervals there rest on the model holding."
    )


def _decades(table: pd.DataFrame) -> str:
    """How far in each of compute, params, tokens and context, the farthest row of each."""
    far = {name: table[column_of(name)].max() for name in COLUMNS if column_of(name) in table}
    tenths = {name: f"{value:.1f}" for name, value in far.items() if value > NEAR}
    shown = [f"{name} by up to {tenth} decades" for name, tenth in tenths.items() if tenth != "0.0"]
    return ", ".join(shown) or "by less than a tenth of a decade"


def unseen_remark(table: pd.DataFrame) -> str:
    """Groups without a run, as a sentence; empty where each has some."""
    if "group_runs" not in table or "context_length" not in table:
        return ""
    unseen = table.loc[table["group_runs"] == 0, ["architecture", "context_length"]].drop_duplicates()
    if unseen.empty:
        return ""
    groups = ", ".join(f"{row.architecture} at context {row.context_length}" for row in unseen.itertuples())
    return f"no run of {groups}: the numbers come from the other context lengths, by the hierarchy."
