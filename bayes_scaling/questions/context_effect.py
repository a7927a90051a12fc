"""What the context length does to the optimum and to the order of architectures."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.accounting import Cost
from bayes_scaling.draws import summarise_draws
from bayes_scaling.errors import BudgetError
from bayes_scaling.faces.faced import Faced
from bayes_scaling.faces.shown import shown
from bayes_scaling.laws.ladder import crossings
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.questions.frontier import Frontier, frontier_of
from bayes_scaling.questions.groups import columns_of, farther
from bayes_scaling.questions.query import Query

QUANTITIES = ("params", "tokens", "loss")
SHORT = (
    "architecture",
    "compute",
    "params_slope_",
    "tokens_slope_",
    "loss_slope_",
)  # columns of a short table


@dataclass(frozen=True, eq=False, repr=False)
class ContextEffect(Faced, printer="results.print_context", figures={"context": "optima.plot_context"}):
    """Draws of the optimum's dependence on the context length T at fixed budgets.

    Attributes
    ----------
    frontier : Frontier
        The optimum at each context length.
    slopes : Dataset
        d ln N*/d ln T (params), d ln D*/d ln T (tokens) and d ln L*/d ln T (loss): least squares
        over the context lengths; dims chain, draw, architecture, compute.
    crossing : DataArray
        Context length at which the order of two architectures' losses changes, between those given;
        NaN where it does not; dims chain, draw, pair, compute, coords architecture and other.
    """

    frontier: Frontier
    slopes: xr.Dataset
    crossing: xr.DataArray

    def table(self, full: bool = False) -> pd.DataFrame:
        """Slopes by architecture and compute: ``params_slope_*``, ``tokens_slope_*``, ``loss_slope_*``.

        extrapolation_decades, the same of compute, params, tokens and context, and group_runs are those of
        `Frontier`, the farthest of the context lengths.

        Unless ``full``, only the columns that answer the question, displayed as people read them.
        """
        return shown(self._rows(), SHORT, full)

    def _rows(self) -> pd.DataFrame:
        parts = [summarise_draws(self.slopes[name], f"{name}_slope") for name in QUANTITIES]
        table = pd.concat(parts, axis=1).reset_index()
        table.insert(2, "cost", self.frontier.cost)
        return table.assign(**columns_of(farther(self.frontier.reach, "context_length")))

    def order_table(self) -> pd.DataFrame:
        """Order changes: architecture, other, compute, probability (of one), ``crossing_*`` in tokens."""
        table = summarise_draws(self.crossing, "crossing")
        table.insert(0, "probability", self.crossing.notnull().mean(("chain", "draw")).to_numpy().ravel())
        table = table.reset_index()
        for i, name in enumerate(("architecture", "other")):
            table.insert(i, name, self.crossing[name].to_numpy()[table["pair"]])
        return table.drop(columns="pair")


def context_effect(
    fit: Fit,
    compute: Any,
    context_length: Any = None,
    architecture: Any = None,
    cost: str | Cost = "accounted",
    unique_tokens: float | None = None,
    extrapolate: bool = False,
) -> ContextEffect:
    """How N*, D* and L* move with the context length at fixed budgets.

    Parameters
    ----------
    fit : Fit
    compute : float or sequence of float
        Training budgets.
    context_length : sequence of int, optional
        Two or more. Default: all fitted.
    architecture : str or sequence of str, optional
        Default: all fitted.
    cost : str or Cost
        Default "accounted": the context length enters the FLOPs too.
    unique_tokens : float, optional
    extrapolate : bool
        As for `frontier`.

    Returns
    -------
    ContextEffect

    Raises
    ------
    BudgetError
        Fewer than two context lengths, and as for `frontier`.

    Examples
    --------
    >>> effect = bs.context_effect(fit, 1e21)
    >>> "params_slope_median" in effect.table()
    True
    """
    query = Query.of(fit, compute, context_length, architecture, cost, unique_tokens, extrapolate)
    return context_effect_of(fit, query)


def context_effect_of(fit: Fit, query: Query) -> ContextEffect:
    """The answer of `context_effect`."""
    lengths = query.context_length
    if len(lengths) < 2:
        raise BudgetError(f"a context effect needs two context lengths; there is only {lengths[0]}")
    found = frontier_of(fit, query)
    found = found.by_context_length()
    return ContextEffect(found, _slopes(found.draws), _order(found.draws["loss"]))


def _slopes(draws: xr.Dataset) -> xr.Dataset:
    log_length = np.log(draws["context_length"])
    x = log_length - log_length.mean()
    square = float((x**2).sum().item())
    logs = draws[list(QUANTITIES)].map(np.log)
    return (logs * x).sum("context_length") / square


def _order(loss: xr.DataArray) -> xr.DataArray:
    """Order changes of each pair of architectures along the context length."""
    pairs = list(combinations([str(a) for a in loss["architecture"].to_numpy()], 2))
    lengths = loss["context_length"].to_numpy().astype(float)
    middle = np.array([np.exp(np.log(lengths).mean())])
    by_length = loss.transpose("chain", "draw", "architecture", "compute", "context_length")
    found = [
        crossings((by_length.sel(architecture=a) - by_length.sel(architecture=b)).to_numpy(), lengths, middle)
        for a, b in pairs
    ]
    shape = (loss.sizes["chain"], loss.sizes["draw"], loss.sizes["compute"], 0)
    data = np.concatenate(found, axis=-1) if pairs else np.empty(shape)
    dims = ("chain", "draw", "compute", "pair")
    coords = {name: loss[name].to_numpy() for name in dims[:3]} | {"pair": np.arange(len(pairs))}
    order = xr.DataArray(data, dims=dims, coords=coords).transpose("chain", "draw", "pair", "compute")
    first = np.array([pair[0] for pair in pairs], dtype=str)
    second = np.array([pair[1] for pair in pairs], dtype=str)
    return order.assign_coords(architecture=("pair", first), other=("pair", second))
