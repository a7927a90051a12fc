"""The runs to make next: those that teach most about a decision for what they cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.accounting import Cost
from bayes_scaling.decisions.limits import Limits, as_limits
from bayes_scaling.decisions.next_runs.belief import Belief, effective_noise, make_belief, surprises
from bayes_scaling.decisions.next_runs.candidates import grid_candidates, listed_candidates
from bayes_scaling.decisions.next_runs.ensemble import Ensemble, Purpose, draw_ensemble
from bayes_scaling.decisions.next_runs.reweighting import (
    GOOD_K,
    Reweighted,
    fantasise,
    log_densities,
    reweight,
)
from bayes_scaling.decisions.serving_limits import as_serving, check_served
from bayes_scaling.errors import BudgetError, DecisionError
from bayes_scaling.faces.faced import Faced
from bayes_scaling.faces.shown import shown
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.questions.query import Query
from bayes_scaling.runs.reach import group_columns
from bayes_scaling.streams import Stream

GOALS = ("regret", "loss", "params", "difference")
BY = ("value_per_price", "value")
FANTASIES = 16  # of the greedy choice
CHECKED = 64  # of its check by reweighting
WORTH = 0.01  # share of what is left that a run takes away at least
CHECKS = {"pareto_k": float, "reweighted": float, "refit": bool}  # of the choice, by reweighting
SHORT = (
    "architecture",
    "context_length",
    "params",
    "tokens",
    "price",
    "value",
    "left",
    "nats",
    "compute_saved",
    "refit",
)  # columns of a short table


@dataclass(frozen=True, eq=False, repr=False)
class Design(Faced, printer="planning.print_design"):
    """Runs to make next.

    Attributes
    ----------
    runs : DataFrame
        In order: architecture, context_length, params, tokens, price; value (of the goal, each on top of
        those before), value_per_price; left (variance of the target, or expected regret, after it); nats
        (by how much the runs so far lower the expected loss of the best action), compute_saved (extra
        budget that would gain as much); pareto_k (of 90% of the fantasies at most, of all runs so far),
        reweighted (left, by reweighting the draws; NaN where k is too large), refit (whether it is: fit
        again after these runs).
    candidates : DataFrame
        All of them with their value alone.
    goal : str
    now : float
        Variance of the target, or expected regret, before.
    perfect : float
        Expected regret now, nats per token: the value of perfect information.
    cost : str
    asked : DataFrame
        The question: architecture, context_length, compute, and how far it lies from the runs, as for
        `Frontier`.
    """

    runs: pd.DataFrame
    candidates: pd.DataFrame
    goal: str
    now: float
    perfect: float
    cost: str
    asked: pd.DataFrame

    def table(self, full: bool = False) -> pd.DataFrame:
        """The runs.

        Unless ``full``, only the columns that answer the question, displayed as people read them.
        """
        return shown(self._rows(), SHORT, full)

    def _rows(self) -> pd.DataFrame:
        return self.runs.copy()


def design_runs(
    fit: Fit,
    compute: float,
    context_length: int,
    architecture: Any = None,
    *,
    candidates: Any = None,
    runs: int = 4,
    total: float | None = None,
    largest: float | None = None,
    goal: str = "regret",
    by: str = "value_per_price",
    limits: Limits | Mapping[str, Any] | None = None,
    cost: str | Cost = "6ND",
    latency: Any = None,
    seed: int = 0,
    extrapolate: bool = False,
) -> Design:
    """Choose runs that teach most about what to train with a budget.

    All candidates are judged by the covariances of the draws (see
    `bayes_scaling.decisions.next_runs.belief`) and chosen greedily, each in view of fantasised outcomes of
    those before. The choice is then checked by reweighting the draws, and said to need a refit where that
    cannot tell.

    Parameters
    ----------
    fit : Fit
    compute : float
        The budget that the decision is about, in the cost's unit.
    context_length : int
        That it is about.
    architecture : str or sequence of str, optional
        That it is between. Default: all fitted.
    candidates : path, DataFrame or Runs, optional
        architecture, context_length, params, tokens and perhaps price. Default: a grid at the fitted context
        lengths and the asked one.
    runs : int
        How many to choose at most: none is chosen that takes away less than 1% of what is left.
    total : float, optional
        What they may cost together.
    largest : float, optional
        Dearest run of the grid. Default: three times the most compute of the fitted runs.
    goal : {"regret", "loss", "params", "difference"}
        What to lower: the expected loss of the best action; or the variance of the loss at that action, of
        its ln N*, or of the difference of two architectures' best losses.
    by : {"value_per_price", "value"}
        What is largest for the run chosen.
    limits : Limits or mapping, optional
        Of the decision, not of the runs; as for `decide`.
    cost : str or Cost
        As for `frontier`.
    latency : LatencyFit, optional
        As for `decide`.
    seed : int
        Of the fantasies.
    extrapolate : bool
        As for `frontier`.

    Returns
    -------
    Design

    Raises
    ------
    BudgetError
        As for `frontier`.
    DecisionError
        An unknown goal, candidates that are not valid or too dear, or a number of runs below 1; as for
        `decide`, and where nothing keeps to the limits.

    Examples
    --------
    >>> design = bs.design_runs(fit, 1e21, 8192, runs=1, largest=1e19)
    >>> bool((design.table()["price"] <= 1e19 * (1 + 1e-9)).all())
    True
    """
    _check(goal, by, runs, total)
    if np.ndim(compute) or np.ndim(context_length):
        raise BudgetError("a design is for one budget and one context length: give one of each")
    limits = as_limits(limits)
    query = Query.of(fit, compute, context_length, architecture, cost, limits.unique_tokens, extrapolate)
    if candidates is None:
        table = grid_candidates(fit, _grid_groups(fit, query), largest)
    else:
        table = listed_candidates(fit, candidates, query)
    serving = as_serving(latency)
    check_served(limits, serving)
    ensemble = draw_ensemble(fit, table, Purpose(query, limits, serving, goal))
    wanted = _Wanted(float(query.compute[0]), goal, by, runs, np.inf if total is None else total)
    return _chosen(ensemble, table, wanted, query.cost_name, seed, _asked(fit, query))


def _asked(fit: Fit, query: Query) -> pd.DataFrame:
    """What is asked of each architecture, and how far that is from its runs."""
    length = query.context_length[0]
    rows = []
    for name in query.architecture:
        far = group_columns(fit.runs, name, length, {"compute": query.flops})
        row = {"architecture": name, "context_length": length, "compute": query.compute[0]}
        rows.append(pd.DataFrame({**row, **far}))
    return pd.concat(rows, ignore_index=True)


def _grid_groups(fit: Fit, query: Query) -> Query:
    """The question at the fitted context lengths too; the unique tokens are a limit of the decision alone."""
    lengths = {*fit.context_lengths, *query.context_length}
    return replace(query, context_length=tuple(sorted(lengths)), unique_tokens=None)


def _chosen(
    ensemble: Ensemble,
    table: pd.DataFrame,
    wanted: _Wanted,
    cost: str,
    seed: int,
    asked: pd.DataFrame,
) -> Design:
    rng = np.random.default_rng([seed, Stream.NEXT_RUNS])
    noise = effective_noise(ensemble.sigma, ensemble.nu)
    start = make_belief(ensemble.losses, ensemble.target, ensemble.outcomes, noise, FANTASIES)
    perfect = float(start.means[0].min() - ensemble.optimum.mean())
    price = table["price"].to_numpy(dtype=float)
    if price.min() > wanted.total:
        raise DecisionError(
            f"no candidate costs {wanted.total:.4g} or less; the cheapest costs {price.min():.4g}"
        )
    steps = list(_greedy(start, wanted, price, perfect, rng))
    picked = [step.run for step in steps]
    nats = np.cumsum([step.nats for step in steps])
    regret = wanted.goal == "regret"
    chosen = table.iloc[picked].reset_index(drop=True)
    value = np.array([step.value for step in steps])
    chosen = chosen.assign(value=value, value_per_price=value / price[picked])
    chosen["left"] = perfect - nats if regret else [step.belief.variance for step in steps]
    chosen["nats"] = nats
    saved = wanted.compute * np.expm1(nats / -ensemble.slope) if ensemble.slope < 0 else np.nan
    chosen["compute_saved"] = saved
    checks = _reweighted(ensemble, picked, perfect if regret else None, seed)
    for name, kind in CHECKS.items():
        chosen[name] = np.array([check[name] for check in checks], dtype=kind)
    alone = _values(start, wanted.goal)
    everything = table.assign(value=alone, value_per_price=alone / price)
    now = perfect if regret else start.variance
    return Design(chosen, everything, wanted.goal, now, perfect, cost, asked)


@dataclass(frozen=True)
class _Wanted:
    """What is wanted of the runs."""

    compute: float
    goal: str
    by: str
    runs: int
    total: float


@dataclass(frozen=True, eq=False)
class _Step:
    """A run chosen: its value, by how much it lowers the expected loss, and the belief after it."""

    run: int
    value: float
    nats: float
    belief: Belief


def _greedy(
    belief: Belief, wanted: _Wanted, price: np.ndarray, perfect: float, rng: np.random.Generator
) -> Iterator[_Step]:
    """Runs one by one, each the best in view of those before; none that takes away next to nothing."""
    left = np.ones(len(price), dtype=bool)
    spent = 0.0
    gained = 0.0
    for _ in range(min(wanted.runs, len(price))):
        value = _values(belief, wanted.goal)
        remaining = perfect - gained if wanted.goal == "regret" else belief.variance
        affordable = left & (spent + price <= wanted.total) & (value > WORTH * max(remaining, 0.0))
        if not affordable.any():
            return
        score = value / price if wanted.by == "value_per_price" else value
        run = int(np.where(affordable, score, -np.inf).argmax())
        nats = float(belief.loss_gains()[run])
        belief = belief.after(run, surprises(len(belief.means), rng))
        left[run] = False
        spent += price[run]
        gained += nats
        yield _Step(run, float(value[run]), nats, belief)


def _values(belief: Belief, goal: str) -> np.ndarray:
    return belief.loss_gains() if goal == "regret" else belief.variance_gains()


def _reweighted(
    ensemble: Ensemble, picked: list[int], perfect: float | None, seed: int
) -> list[dict[str, Any]]:
    """What is left after each run, by reweighting the draws for fantasised outcomes of all up to it."""
    rng = np.random.default_rng([seed, Stream.NEXT_RUNS_CHECK])
    outcomes = ensemble.outcomes[:, picked]
    sigma = ensemble.sigma[:, picked]
    observed, own = fantasise(outcomes, sigma, ensemble.nu, CHECKED, rng)
    densities = log_densities(outcomes, observed, sigma, ensemble.nu).cumsum(-1)
    found = [reweight(densities[..., i], own) for i in range(len(picked))]
    return [_checked(ensemble, weighted, perfect) for weighted in found]


def _checked(ensemble: Ensemble, found: Reweighted, perfect: float | None) -> dict[str, Any]:
    k = float(np.quantile(found.pareto_k, 0.9, method="higher"))
    if k > GOOD_K:
        return {"pareto_k": k, "reweighted": np.nan, "refit": True}
    left = found.variance(ensemble.target) if perfect is None else perfect - found.loss_gain(ensemble.losses)
    return {"pareto_k": k, "reweighted": left, "refit": False}


def _check(goal: str, by: str, runs: int, total: float | None) -> None:
    for name, value, known in (("goal", goal, GOALS), ("by", by, BY)):
        if value not in known:
            raise DecisionError(f"unknown {name} {value!r}: choose one of {', '.join(known)}")
    if not (isinstance(runs, int | np.integer) and runs >= 1):
        raise DecisionError(f"runs {runs!r}: give a whole number, 1 or more")
    if total is not None and not 0 < total < np.inf:
        raise DecisionError(f"total {total!r}: give a positive price")
