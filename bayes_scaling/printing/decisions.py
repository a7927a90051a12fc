"""Decisions as people read them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.decisions.clarity import Settling, rivals
from bayes_scaling.decisions.decide import Decision
from bayes_scaling.printing.columns import column, groups, interval_column, text, wide
from bayes_scaling.printing.numbers import count, factor, interval, loss, power, probability
from bayes_scaling.printing.table import Column, print_line, print_table
from bayes_scaling.printing.views import note_reach, print_far

CHOICE = (
    "Cost of uncertainty: what the choice loses on average to one that knew everything. Shape: the nearest "
    "that can be built, and what its size loses."
)


def print_decision(decision: Decision, settling: Settling | None = None) -> None:
    """What to train, then what limits it, then what to know about it."""
    table = decision.table(full=True)
    feasible = table[table["feasible"]]
    if len(feasible):
        print_far(feasible)
        for line in headlines(decision):
            print_line(line)
        if settling is not None:
            print_line(settled_by(settling))
        print_line("")
        print_table(action_columns(feasible, decision))
        for line in action_notes(decision):
            print_line(line)
        print_line("")
        print_table(choice_columns(feasible[feasible["chosen"]]))
        print_line(CHOICE)
    if len(decision.limits):
        print_line("")
        print_limits(decision.limits)
    for remark in decision_remarks(decision):
        print_line(f"Note: {remark}")
    if len(feasible):
        note_reach(feasible, "decisions")


def action_columns(table: pd.DataFrame, decision: Decision) -> list[Column]:
    """Columns of the feasible rows of `bayes_scaling.decisions.decide.Decision.table`."""
    flat = zip(table["flat_low"], table["flat_high"], strict=True)
    little = f"< {decision.tolerance:g}"
    return [
        *groups(table),
        column(table, "compute", "compute", power),
        Column("train", tuple(map(_mark, table["chosen"], table["clear"])), right=False),
        column(table, "params", "params", count),
        column(table, "tokens", "tokens", count),
        column(table, "loss (nats)", "loss_median", loss),
        *wide(interval_column(table, "loss_", loss)),
        column(table, "mean regret", "regret_mean", loss),
        *wide(column(table, f"P(regret {little})", "regret_probability", probability)),
        Column("flat region (params)", tuple(_flat(*ends) for ends in flat)),
        *wide(column(table, "its ratio", "flat_factor", factor)),
        column(table, "P(best)", "best_probability", probability),
    ]


def _mark(chosen: bool, clear: bool) -> str:
    """Of the row to train: an order where the choice is clear, else a guess."""
    if not chosen:
        return ""
    return "this" if clear else "guess"


def headlines(decision: Decision) -> list[str]:
    """The answer to each question in a sentence: what to train, or that there is no clear winner."""
    table = decision.table(full=True)
    chosen = table[table["chosen"]].sort_values(["context_length", "compute"], kind="stable")
    return [
        f"{power(row['compute'])} FLOPs, context {row['context_length']}: {headline(table, row)}"
        for row in chosen.to_dict("records")
    ]


def headline(table: pd.DataFrame, row: dict[Any, Any]) -> str:
    """The same for one chosen row of a decision's table."""
    if row["clear"]:
        return f"Train {_run(row)}."
    others = rivals(table, row)
    loses = f"loses {loss(row['overall_regret_mean'])} nats on average"
    if len(others) < 2:
        ends = interval(count(row["optimum_params_q05"]), count(row["optimum_params_q95"]))
        return f"No clear size. The best guess, {_run(row)}, {loses}; optima lie from {ends} params."
    candidates = [
        f"{_run(other)} (P(best) {probability(other['best_probability'])})"
        for other in others.to_dict("records")
    ]
    guess = f"The best guess, {row['architecture']}, {loses}."
    return f"No clear winner: {' or '.join(candidates)}. {guess}"


def _run(row: dict[Any, Any]) -> str:
    return f"{row['architecture']} with {count(row['params'])} params on {count(row['tokens'])} tokens"


def settled_by(settling: Settling) -> str:
    """Which run would settle a choice that is not clear."""
    run = settling.run
    what = "variance of their difference" if settling.goal == "difference" else "expected regret"
    return (
        f"To settle {power(settling.compute)} FLOPs, context {settling.context_length}: train "
        f"{_run(dict(run))} at context {run['context_length']} ({power(run['price'])} FLOPs). That run would "
        f"take away {settling.share:.0%} of the {what}."
    )


def action_notes(decision: Decision) -> tuple[str, str]:
    """What the columns of the actions mean."""
    return (
        f"Params minimise the {decision.utility} of the loss over the draws; cost {decision.cost}. Regret: "
        "nats per token relative to the best params under each posterior draw.",
        f"Flat region: params at which regret is < {decision.tolerance:g} with probability "
        f"{decision.confidence:g} or more.",
    )


def print_limits(table: pd.DataFrame) -> None:
    """Limits and what they cost."""
    print_table(limits_columns(table))


def limits_columns(table: pd.DataFrame) -> list[Column]:
    """Columns of `bayes_scaling.decisions.decide.Decision.limits`."""
    ends = zip(table["params_low"], table["params_high"], strict=True)
    return [
        *groups(table),
        column(table, "compute", "compute", power),
        text(table, "limit", "limit"),
        Column("params it allows", tuple(_allowed(*pair) for pair in ends)),
        column(table, "price (nats/token)", "price", loss),
        Column("binds", tuple("binds" if binds else "" for binds in table["binds"]), right=False),
    ]


def decision_remarks(decision: Decision) -> list[str]:
    """What nothing keeps to, one sentence a line."""
    table = decision.table(full=True)
    return [
        f"{_where(row)}: nothing keeps to all limits; {_remedy(row)}."
        for row in table[~table["feasible"]].to_dict("records")
    ]


def choice_columns(chosen: pd.DataFrame) -> list[Column]:
    """What to know of each choice: prices of not knowing and of a real shape, worth of more compute."""
    more = tuple(f"{np.log(1.1) * slope:+.4f}" for slope in chosen["loss_slope_median"])
    return [
        *groups(chosen),
        column(chosen, "compute", "compute", power),
        column(chosen, "cost of uncertainty (nats)", "overall_regret_mean", loss),
        Column("nearest shape", tuple(shape or "none known" for shape in chosen["shape"]), right=False),
        column(chosen, "its price (nats)", "shape_price", _price),
        Column("10% more compute (nats)", more),
    ]


def _price(value: float) -> str:
    return "< 0.0001" if abs(value) < 5e-5 else loss(value)


def _where(row: dict[Any, Any]) -> str:
    return f"{row['architecture']}, context {row['context_length']}, {power(row['compute'])}"


def _remedy(row: dict[Any, Any]) -> str:
    return f"without {row['binding']} there would be an answer" if row["binding"] else "loosen more than one"


def _flat(low: float, high: float) -> str:
    return "nowhere" if low != low else interval(count(low), count(high))


def _allowed(low: float, high: float) -> str:
    if low != low:
        return "none"
    least = low > 1e3 * (1 + 1e-9)
    most = high < 1e18 * (1 - 1e-9)
    if least and most:
        return interval(count(low), count(high))
    return f"from {count(low)}" if least else f"up to {count(high)}" if most else "any"
