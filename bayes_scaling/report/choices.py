"""Decision with regret, plan, frontier and architectures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from bayes_scaling import plots
from bayes_scaling.decisions.decide import Decision
from bayes_scaling.decisions.next_runs.next_runs import design_runs
from bayes_scaling.decisions.winner_map import Map as WinMap
from bayes_scaling.decisions.winner_map import map_of
from bayes_scaling.printing.decisions import (
    CHOICE,
    action_columns,
    action_notes,
    choice_columns,
    decision_remarks,
    limits_columns,
)
from bayes_scaling.printing.estimators import MEANING, estimator_columns, estimator_remarks
from bayes_scaling.printing.numbers import power, probability
from bayes_scaling.printing.planning import REFIT, design_columns, design_note, plan_columns
from bayes_scaling.printing.views import (
    MULTIPLIER,
    comparison_columns,
    frontier_columns,
    lost_remark,
    reach_remark,
    unseen_remark,
)
from bayes_scaling.questions.compare import pairs_once
from bayes_scaling.report.blocks import Block, Cell, Map, Section, Text, picture, table
from bayes_scaling.report.question import Question
from bayes_scaling.runs.reach import NEAR, column_of

MOST_DRAWN = 4  # columns of the decision's figure
MOST_DECADES = 6
FINER = 3  # budgets of the map's figure to a decade


def decision(question: Question) -> Section:
    """What to train, what it may cost to be wrong, and what limits it."""
    found = question.decision
    blocks = _actions(found)
    blocks.insert(1, Text(" ".join(action_notes(found))))
    alt = "Loss against params along each budget, with the chosen params and the region that loses little."
    caption = (
        "Loss along each budget (mean interval of the law) and how likely each size loses next to nothing."
    )
    blocks += picture("decision", alt, caption, lambda: plots.plot_decision(_chosen(found)))
    return Section("Decision and regret", tuple(blocks))


def plan(question: Question) -> Section | None:
    """The scenarios of a plan, side by side."""
    if question.plan is None:
        return None
    decided = question.plan.decisions
    chosen = question.plan.table(full=True).query("chosen")
    summary = (table("What to train in each scenario", plan_columns(chosen)),) if len(chosen) else ()
    parts = [Section(f"Scenario {name}", tuple(_actions(found))) for name, found in decided.items()]
    return Section("Plan", summary, tuple(parts))


def compute_frontier(question: Question) -> Section:
    """Optimal params, tokens and loss."""
    found = question.optima
    names = " and ".join(question.fit.architectures)
    blocks: list[Block] = [
        table(
            f"Compute-optimal params, tokens and loss{_free(question)}", frontier_columns(found), data=found
        ),
        Text(
            "Medians and 90% intervals over the posterior's optima; the loss interval is a mean interval, "
            f"of the law and not of one run. Cost {found['cost'].iloc[0]}."
        ),
        *_remark(found, "budgets"),
        *(Text(remark, "warning") for remark in estimator_remarks(question.disagreements)),
        table("Three estimators of each optimum", estimator_columns(question.estimators), folded=True),
        Text(f"{MEANING} They stand in the table that is folded above.", "note"),
        *picture(
            "frontier",
            f"Optimal params, optimal tokens and the loss there against compute for {names}, with intervals.",
            "Medians with 50% and 90% intervals. Where the background is grey the runs end.",
            lambda: plots.plot_frontier(question.frontier_curve),
        ),
    ]
    return Section("Compute-optimal frontier", tuple(blocks))


def architectures(question: Question) -> Section | None:
    """Which architecture, over compute and context; None where there is one."""
    if len(question.fit.architectures) < 2:
        return None
    found = pairs_once(question.comparison)
    decades = _decades(question)
    mapped = _mapped(question, decades)
    within = ", within limits" if question.limited else ""
    blocks: list[Block] = [
        *picture(
            "map",
            "Probability that one architecture beats the other over training compute and context length, the "
            "same as the table below.",
            f"Who wins where{within}. Heavy line: even odds. Between the light lines lies the 90% interval "
            "of the compute at which the order changes.",
            lambda: plots.plot_map(mapped),
        ),
        comparison_map(question, mapped.table(full=True), decades),
        table(
            f"Pairs of architectures at each budget{_free(question)}", comparison_columns(found), data=found
        ),
        Text(
            "P(lower loss) and intervals are of the law (mean), each architecture at its own optimum. "
            f"{MULTIPLIER}"
        ),
        *_remark(found, "budgets"),
        *picture(
            "comparison",
            "Probability of the lower loss, and the compute that the other architecture needs, against "
            "compute.",
            "Above 1x the architecture named first is the cheaper one. Where the band leaves the axis there "
            "are draws in which no compute searched gives the other that loss; their share is dotted.",
            lambda: plots.plot_comparison(question.comparison_curve),
        ),
    ]
    return Section("Architectures compared", tuple(blocks))


def next_runs(question: Question) -> Section | None:
    """The runs that teach most about the largest budget, where they were asked for."""
    if not question.next_runs:
        return None
    budget = question.compute[-1]
    length = question.context_length[-1]
    found = design_runs(
        question.fit,
        budget,
        length,
        runs=question.next_runs,
        limits=question.limits,
        cost=question.query.cost,
        latency=question.latency,
        extrapolate=True,  # the question was checked
    )
    refit = [Text(REFIT.capitalize(), "note")] if found.table(full=True)["refit"].any() else []
    caption = f"Runs that teach most about {power(budget)} FLOPs at context {length:,} for what they cost"
    return Section(
        "What to run next", (table(caption, design_columns(found)), Text(design_note(found)), *refit)
    )


def comparison_map(question: Question, found: pd.DataFrame, budgets: list[float]) -> Map:
    """The likeliest best architecture over decades of compute and all context lengths."""
    lengths = sorted(found["context_length"].unique())
    names = list(dict.fromkeys(found["architecture"]))
    near = {c: found["compute"].iloc[int(np.abs(np.log(found["compute"] / c)).argmin())] for c in budgets}
    cells = tuple(
        tuple(
            _cell(names, found[(found["context_length"] == t) & (found["compute"] == near[c])])
            for c in budgets
        )
        for t in lengths
    )
    within = " within limits" if question.limited else ""
    caption = (
        f"Likeliest best architecture{within} and its probability; a dagger marks what lies beyond the runs"
    )
    down = tuple(f"{length:,}" for length in lengths)
    return Map(caption, "context \\ FLOPs", tuple(map(power, budgets)), down, cells)


def _mapped(question: Question, decades: list[float]) -> WinMap:
    """Who wins, on a grid between the decades that meets them all."""
    lengths = sorted({*question.fit.context_lengths, *question.context_length})
    steps = FINER * (len(decades) - 1) + 1
    budgets = np.geomspace(decades[0], decades[-1], steps) if steps > 1 else decades
    query = replace(question.query, context_length=tuple(lengths)).at(budgets)
    return map_of(question.fit, query, question.limits, question.latency)


def _free(question: Question) -> str:
    """Said of what leaves the limits out."""
    return ", without limits" if question.limited else ""


def _cell(names: list[str], group: pd.DataFrame) -> Cell:
    outside = bool((group[column_of("compute")] > NEAR).all())
    if not group["feasible"].any():
        return Cell("none", "within limits", 0, 0, outside)
    best = group.nlargest(1, "best_probability")
    share = float(best["best_probability"].iloc[0])
    even = 1 / len(names)
    strength = round(100 * (share - even) / (1 - even))
    winner = str(best["architecture"].iloc[0])
    return Cell(winner, probability(share), names.index(winner), strength, outside)


def _decades(question: Question) -> list[float]:
    """Powers of ten about the runs and the budgets asked for, and those budgets."""
    flops = question.fit.runs.frame["flops"].to_numpy(dtype=float)
    low = np.log10(min(flops.min(), question.compute[0]))
    high = np.log10(max(flops.max(), question.compute[-1]))
    steps = 10.0 ** np.arange(np.floor(low), np.ceil(high) + 1)
    return [float(step) for step in steps[-MOST_DECADES:]]


def _chosen(found: Decision) -> Decision:
    """All that could be trained, at the largest budget where there are too many questions to draw."""
    actions = found.actions[found.actions["feasible"]]
    questions = actions[["context_length", "compute"]].drop_duplicates()
    if len(questions) > MOST_DRAWN:
        actions = actions[actions["compute"] == actions["compute"].max()]
        lengths = sorted(actions["context_length"].unique())[:MOST_DRAWN]
        actions = actions[actions["context_length"].isin(lengths)]
    return replace(found, actions=actions)


def _actions(found: Decision) -> list[Block]:
    actions = found.table(full=True)
    feasible = actions[actions["feasible"]]
    blocks: list[Block] = []
    if len(feasible):
        ranked = feasible.sort_values(["context_length", "compute", "objective"])
        blocks.append(table("Actions at each budget", action_columns(ranked, found), data=ranked))
        chosen = feasible[feasible["chosen"]]
        blocks += [table("What to know of each choice", choice_columns(chosen)), Text(CHOICE)]
        blocks += _remark(feasible, "decisions")
    if len(found.limits):
        blocks.append(table("What limits it, and its price", limits_columns(found.limits)))
    blocks += [Text(remark, "note") for remark in decision_remarks(found)]
    return blocks


def _remark(found: pd.DataFrame, what: str) -> list[Block]:
    remarks = (reach_remark(found, what), unseen_remark(found), lost_remark(found))
    return [Text(remark[0].upper() + remark[1:], "warning") for remark in remarks if remark]
