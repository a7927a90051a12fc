"""The answer: what to train at each budget, how sure that is, and what the numbers mean."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import pandas as pd

from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.decisions.limits import SECONDS_PER_HOUR
from bayes_scaling.errors import RunsWarning
from bayes_scaling.posterior.prediction import predict_table
from bayes_scaling.printing.blocks import Column
from bayes_scaling.printing.columns import column, text
from bayes_scaling.printing.decisions import headline, settled_by
from bayes_scaling.printing.numbers import count, factor, interval, loss, power, probability
from bayes_scaling.printing.views import LOST, far_remark
from bayes_scaling.report.blocks import Block, Card, Items, Section, Table, Text
from bayes_scaling.report.question import Question
from bayes_scaling.runs.reach import COLUMNS, NEAR, column_of

MOST_CARDS = 6
KEYS = ["architecture", "context_length", "compute"]
MEANINGS = (
    "Optimal params, tokens and loss: each posterior draw has its own optimum. The number is the median "
    "over the draws, the interval holds 90% of them.",
    "Mean interval of a loss: where the law lies. Response interval: what one run will show, its scatter "
    "included; it is the wider one, and the one to compare a finished run with.",
    "Probabilities are shares of the posterior's draws: given the law, the priors and these runs.",
    "Extrapolation is counted in decades (factors of 10) beyond the fitted runs. Intervals there hold "
    "only if the law does.",
)


def answer(question: Question) -> Section:
    """What to train: the section that stands first."""
    chosen = question.decision.table(full=True).query("chosen")
    budgets = sorted(chosen["compute"].unique())[-MOST_CARDS:]
    shown = chosen[chosen["compute"].isin(budgets)]
    blocks: list[Block] = []
    if len(shown) < len(chosen):
        blocks.append(Text("The largest budgets; the others stand in the tables below.", "note"))
    cards = _cards(question, shown) if len(shown) else ()
    blocked = [Text(remark, "warning") for remark in _blocked(question)]
    far = far_remark(chosen) if len(chosen) else ""
    if far:
        blocks.append(Text(far, "warning"))
    settling = question.settling
    settled = [Text(settled_by(settling))] if settling is not None else []
    return Section("What to train", (*blocks, *cards, *settled, *blocked))


def meanings(question: Question) -> Section:
    """How to read the numbers."""
    found = question.decision
    regret = (
        "Regret: how much loss the choice gives away, in nats per token, against what one would choose if "
        f"the law were known. In the flat region it is below {found.tolerance:g} with probability "
        f"{found.confidence:g}."
    )
    return Section("What the numbers mean", (Items((*MEANINGS, regret)),))


def _cards(question: Question, chosen: pd.DataFrame) -> tuple[Card, ...]:
    """One for each budget: of one context length with its facts, of several as a table."""
    rows = _rows(question)
    several = chosen["context_length"].nunique() > 1
    cards = []
    for compute, part in chosen.groupby("compute"):
        here = rows[rows["compute"] == compute]
        (row, *_) = part.to_dict("records")
        card = _whole_card(part) if several else _card(question, row, _record(here, row))
        card = replace(card, facts=(*card.facts, *_bill(question, float(part["spent"].max()))))
        alone = len(question.fit.architectures) == 1 and not several
        cards.append(card if alone else replace(card, rivals=_rivals(here, question.limited)))
    return tuple(cards)


def _rows(question: Question) -> pd.DataFrame:
    """All that could be trained: the decision's rows, their optima (``*_optimum``) and response intervals."""
    table = question.decision.table(full=True)
    rows = table[table["feasible"]].merge(question.optima, on=KEYS, suffixes=("", "_optimum"))
    rows = rows.sort_values(["context_length", "compute", "objective"], kind="stable")
    return rows.assign(response=_responses(question, rows))


def _bill(question: Question, spent: float) -> tuple[tuple[str, str], ...]:
    """What the training takes in hours of a device, and in money, where the limits tell of them."""
    limits = question.limits
    if limits.flops_per_second is None:
        return ()
    hours = float(question.query.cost.to_flops(spent)) / limits.flops_per_second / SECONDS_PER_HOUR
    days = hours / limits.devices / 24
    told = (("training", f"{count(hours)} device hours: {count(days)} days on {limits.devices} devices"),)
    if limits.price_per_hour is None:
        return told
    return (
        *told,
        (
            "price of the training",
            f"{count(hours * limits.price_per_hour)} at {limits.price_per_hour:g} an hour",
        ),
    )


def _record(rows: pd.DataFrame, row: dict[Any, Any]) -> dict[Any, Any]:
    """The row of one choice."""
    here = (rows[KEYS] == [row[key] for key in KEYS]).all(axis=1)
    found: dict[Any, Any] = rows[here].iloc[0].to_dict()
    return found


def _whole_card(chosen: pd.DataFrame) -> Card:
    """The choices of one budget at all context lengths."""
    compute = float(chosen["compute"].iloc[0])
    names = chosen["architecture"].unique()
    clear = bool(chosen["clear"].all())
    if clear and len(names) == 1:
        sizes = interval(count(chosen["params"].min()), count(chosen["params"].max()))
        sentence = f"Train {names[0]} at every context length, with {sizes} params."
    elif clear:
        sentence = "What to train depends on the context length."
    else:
        unclear = int((~chosen["clear"]).sum())
        sentence = f"No clear winner at {unclear} of {len(chosen)} context lengths. Best guesses:"
    facts = tuple((f"context {row['context_length']:,}", _guess(row)) for row in chosen.to_dict("records"))
    far = chosen.sort_values("extrapolation_decades").iloc[-1].to_dict()
    return Card(f"{power(compute)} FLOPs", sentence, facts, _flags(far))


def _guess(row: dict[Any, Any]) -> str:
    run = f"{row['architecture']}, {count(row['params'])} params on {count(row['tokens'])} tokens"
    return f"{run}; P(best) {_together(probability(row['best_probability']))}"


def _rivals(rows: pd.DataFrame, limited: bool) -> Table:
    """What could be trained with a budget, side by side."""
    free = " without limits" if limited else ""
    records = rows.to_dict("records")
    columns = (
        column(rows, "context (tokens)", "context_length", "{:,}".format),
        text(rows, "architecture", "architecture"),
        column(rows, "P(best)", "best_probability", probability),
        column(rows, "params", "params", count),
        Column(f"optimal params{free}, 90%", tuple(_interval(row, "params", count) for row in records)),
        column(rows, "tokens", "tokens", count),
        column(rows, "loss (nats/token)", "loss_median", loss),
        Column("90% mean interval", tuple(_interval(row, "loss", loss) for row in records)),
        Column("90% response interval", tuple(rows["response"])),
        column(rows, "mean regret", "regret_mean", loss),
    )
    return Table(f"What {power(rows['compute'].iloc[0])} FLOPs could train", columns)


def _card(question: Question, row: dict[Any, Any], optimum: dict[Any, Any]) -> Card:
    little = question.decision.tolerance
    free = " without limits" if question.limited else ""
    within = " within limits" if question.limited else ""
    law = f"{loss(row['loss_median'])} ({_interval(row, 'loss', loss)})"
    facts = [
        (f"optimal params{free}, 90%", _interval(optimum, "params", count)),
        (f"optimal tokens{free}, 90%", _interval(optimum, "tokens", count)),
        ("loss of the law, 90% mean interval", law),
        ("loss one run will show, 90% response interval", optimum["response"]),
        (f"mean regret{within}", f"{loss(row['regret_mean'])}, below {little:g} with {_sure(row)}"),
        (f"flat region of params{within}", _flat(row)),
    ]
    if len(question.fit.architectures) > 1:
        facts.insert(0, ("which architecture", f"{row['architecture']} is best with {_best(row)}"))
    facts += [("what limits it", limit) for limit in _binding(question, row)]
    title = f"{power(row['compute'])} FLOPs, context {row['context_length']:,}"
    sentence = headline(question.decision.table(full=True), row)
    return Card(title, sentence, tuple(facts), _flags(row))


def _flags(row: dict[Any, Any]) -> tuple[str, ...]:
    """What to beware of."""
    far = {name: row[column_of(name)] for name in COLUMNS}
    lost = row["lost_share"]
    outside = [f"{name} {decades:.1f}" for name, decades in far.items() if decades > NEAR]
    beyond = [f"decades beyond the fitted runs: {', '.join(outside)}"] if outside else []
    edge = [f"{lost:.0%} of the draws have no optimum within the search range"] if lost > LOST else []
    return (*beyond, *edge)


def _binding(question: Question, row: dict[Any, Any]) -> list[str]:
    """The limits that bind, with their prices."""
    limits = question.decision.limits
    here = limits[limits["binds"] & (limits[KEYS] == [row[key] for key in KEYS]).all(axis=1)]
    return [f"{limit['limit']}, price {loss(limit['price'])}" for limit in here.to_dict("records")]


def _interval(row: Any, name: str, form: Any) -> str:
    return interval(form(row[f"{name}_q05"]), form(row[f"{name}_q95"]))


def _sure(row: dict[Any, Any]) -> str:
    return f"probability {_together(probability(row['regret_probability']))}"


def _best(row: dict[Any, Any]) -> str:
    return f"probability {_together(probability(row['best_probability']))}"


def _together(text: str) -> str:
    """Not broken between lines."""
    return text.replace(" ", "\u00a0")


def _flat(row: dict[Any, Any]) -> str:
    low = row["flat_low"]
    high = row["flat_high"]
    return (
        "nowhere"
        if low != low
        else f"{interval(count(low), count(high))}, a factor of {factor(high / low)[:-1]}"
    )


def _responses(question: Question, rows: pd.DataFrame) -> list[str]:
    """What one run of each row will show."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)  # these are no runs
        planned = load_runs(rows[["architecture", "context_length", "params", "tokens"]], need_loss=False)
    table = predict_table(
        question.fit.at(),
        planned,
        kind="response",
        unique_tokens=question.query.unique_tokens,
        extrapolate=True,
    )
    return [interval(loss(low), loss(high)) for low, high in zip(table["q05"], table["q95"], strict=True)]


def _blocked(question: Question) -> list[str]:
    """Budgets at which nothing keeps to the limits."""
    table = question.decision.table(full=True)
    open_ = table.groupby(["context_length", "compute"])["feasible"].any()
    return [
        f"At {power(compute)} FLOPs and context {length:,} no run keeps to all limits; see what limits it."
        for length, compute in open_[~open_].index
    ]
