"""Plans, lifetimes, designs and maps as people read them."""

from __future__ import annotations

import pandas as pd

from bayes_scaling.decisions.next_runs.next_runs import WORTH, Design
from bayes_scaling.printing.blocks import is_wide
from bayes_scaling.printing.columns import Format, column, groups, interval_column, interval_title, text, wide
from bayes_scaling.printing.numbers import count, factor, loss, plain, power, probability
from bayes_scaling.printing.table import Column, print_line, print_table
from bayes_scaling.printing.views import note_reach, print_far
from bayes_scaling.questions.compare import pairs_once

REFIT = (
    "after the runs marked refit the draws at hand cannot be reweighted (k > 0.7): fit again with their "
    "outcomes before choosing more."
)
UNITS = {"regret": "nats/token", "loss": "nats^2", "params": "of ln params", "difference": "nats^2"}


def print_plan(table: pd.DataFrame) -> None:
    """What to train in each scenario."""
    keys = ["scenario", "context_length", "compute"]
    order = {name: i for i, name in enumerate(table["scenario"].unique())}
    kept = table[table["chosen"]].sort_values(
        keys, key=lambda part: part.map(order) if part.name == "scenario" else part
    )
    if len(kept):
        print_far(kept)
        print_table(plan_columns(kept))
        print_line("Regret: nats per token over the best of all architectures for each draw.")
        note_reach(kept, "choices")
    answered = table.groupby(keys)["feasible"].transform("any")
    for row in table[~answered].to_dict("records"):
        where = f"{row['scenario']}, {row['architecture']}, context {row['context_length']}"
        where = f"{where}, {power(row['compute'])}"
        print_line(f"Note: {where}: nothing keeps to all limits ({row['binding'] or 'several'} in the way).")


def plan_columns(kept: pd.DataFrame) -> list[Column]:
    """Columns of the chosen rows of `bayes_scaling.decisions.scenarios.Plan.table`."""
    return [
        text(kept, "scenario", "scenario"),
        column(kept, "context (tokens)", "context_length", str),
        column(kept, "compute", "compute", power),
        Column("train", tuple(map(_train, kept["architecture"], kept["clear"])), right=False),
        column(kept, "params", "params", count),
        column(kept, "tokens", "tokens", count),
        column(kept, "loss (nats/token)", "loss_median", loss),
        *wide(interval_column(kept, "loss_", loss)),
        column(kept, "mean regret", "overall_regret_mean", loss),
        column(kept, "P(best)", "best_probability", probability),
        text(kept, "limits that bind", "binding"),
    ]


def _train(architecture: str, clear: bool) -> str:
    return architecture if clear else f"{architecture} (no clear winner)"


def print_lifetime(table: pd.DataFrame) -> None:
    """The cheapest model over its life."""
    print_far(table)
    columns = [
        *groups(table),
        column(table, "served tokens", "served_tokens", count),
    ]
    reached = column(table, "P(can reach)", "probability", probability)
    columns += [reached] if (table["probability"] < 1).any() else wide(reached)
    quantities: tuple[tuple[str, str, Format], ...] = (
        ("params", "params", count),
        ("tokens", "training tokens", count),
        ("total", "total (FLOPs)", power),
        ("overtraining", "over-training", factor),
    )
    for name, title, form in quantities:
        ends = interval_column(table, f"{name}_", form)
        middle = column(table, title, f"{name}_median", form)
        columns += wide(middle) if name == "overtraining" else [middle]
        columns += [ends] if name == "params" else wide(ends)
    columns.append(column(table, "saving", "saving_median", factor))
    if "money_median" in table:
        columns.append(column(table, "money", "money_median", count))
        columns += wide(interval_column(table, "money_", count))
    print_table(columns)
    print_line(
        f"Medians and {interval_title()}s of what reaches {table['loss'].iloc[0]:g} nats at the least total; "
        f"cost {table['cost'].iloc[0]}. Total: FLOPs of training and serving. Saving: total of the cheapest "
        "training over the least."
    )
    if is_wide():
        print_line("Over-training: tokens per param over those of the cheapest training.")
    lost = table["lost_share"].max()
    if lost > 0.01:
        print_line(
            f"Note: in up to {lost:.0%} of the draws fewer params, and more tokens, would be cheaper still."
        )
    note_reach(table.drop(columns="lost_share"), "rows")


def print_break_even(table: pd.DataFrame) -> None:
    """Where the cheaper architecture changes."""
    if table.empty:
        return
    print_line("")
    table = pairs_once(table)
    print_table(
        [
            text(table, "architecture", "architecture"),
            text(table, "other", "other"),
            column(table, "context (tokens)", "context_length", str),
            column(table, "served tokens", "served_tokens", count),
            column(table, "P(costs less)", "probability", probability),
            column(table, "P(order changes)", "break_even_probability", probability),
            column(table, "at served tokens", "break_even_median", count),
            interval_column(table, "break_even_", count),
        ]
    )


def print_design(design: Design) -> None:
    """The runs to make next."""
    print_far(design.asked)
    if len(design.runs):
        print_table(design_columns(design))
    print_line(design_note(design))
    if design.table(full=True)["refit"].any():
        print_line(f"Note: {REFIT}")
    note_reach(design.asked, "decisions")


def design_columns(design: Design) -> list[Column]:
    """Columns of `bayes_scaling.decisions.next_runs.next_runs.Design.table`."""
    table = design.table(full=True)
    unit = UNITS[design.goal]
    return [
        *groups(table),
        column(table, "params", "params", count),
        column(table, "tokens", "tokens", count),
        column(table, "price", "price", power),
        column(table, f"takes away ({unit})", "value", plain),
        column(table, f"leaves ({unit})", "left", plain),
        column(table, "gain so far (nats)", "nats", loss),
        *wide(
            column(table, "compute saved", "compute_saved", power),
            column(table, "Pareto k", "pareto_k", "{:.2f}".format),
        ),
        Column("after it", tuple("refit" if refit else "" for refit in table["refit"]), right=False),
    ]


def design_note(design: Design) -> str:
    """What the columns of a design are about."""
    what = "expected regret" if design.goal == "regret" else f"variance of the {design.goal}"
    now = f"{what} now {plain(design.now)} ({UNITS[design.goal]})"
    none = f"None of {len(design.candidates)} candidates takes away {WORTH:.0%} of the {now}."
    some = (
        f"Chosen one by one from {len(design.candidates)} candidates; {now}. Gain: nats per token by which "
        "the runs so far lower the expected loss of the decision."
    )
    return (
        f"{some if len(design.runs) else none} Knowing everything would be worth {loss(design.perfect)} nats "
        f"per token. Cost {design.cost}."
    )
