"""What a model costs over its life: the params that make training and serving together cheapest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import permutations, product
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.accounting import Cost
from bayes_scaling.decisions.lifetime.device_cost import DeviceTime, device_time
from bayes_scaling.decisions.lifetime.loss_contour import contour
from bayes_scaling.decisions.lifetime.served_cost import QUANTITIES, Priced, cheapest, serving_cost
from bayes_scaling.decisions.limits import SECONDS_PER_HOUR
from bayes_scaling.decisions.serving_limits import fitted_latency
from bayes_scaling.draws import summarise_draws
from bayes_scaling.errors import BudgetError, DecisionError
from bayes_scaling.faces.faced import Faced
from bayes_scaling.faces.shown import shown
from bayes_scaling.latency.fit import LatencyFit
from bayes_scaling.laws.ladder import crossings, make_ladder
from bayes_scaling.numbers.positive import positive_values
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.groups import surface_of
from bayes_scaling.questions.groups import coefficients_of, columns_of, each_group, on_groups, reach_of
from bayes_scaling.questions.query import Query
from bayes_scaling.runs.reach import refuse_too_far

LEAST, MOST = 1e6, 1e20  # served tokens between which a break-even is looked for
ANSWERS = (*QUANTITIES, "lost")
SHORT = (
    "architecture",
    "context_length",
    "served_tokens",
    "probability",
    "params_",
    "tokens_",
    "total_",
    "overtraining_median",
    "saving_median",
    "money_",
)  # columns of a short table


@dataclass(frozen=True, eq=False, repr=False)
class Lifetime(Faced, printer="results.print_lifetime"):
    """Draws of the cheapest model over its life.

    Attributes
    ----------
    draws : Dataset
        params, tokens, total (FLOPs of training and serving), overtraining (tokens per param over that of
        the cheapest training for the loss), saving (total of the cheapest training over the total) and lost
        (whether the tokens are the most searched); dims chain, draw, architecture, context_length,
        served_tokens. NaN where no run reaches the loss.
    break_even : Dataset
        cheaper (whether the architecture costs less than the other) and served_tokens at which that
        changes, nearest those asked for; dims chain, draw, pair, context_length, served (the tokens asked
        for), with the coords architecture and other along pair.
    loss : float
    cost : str
    reach : Dataset
        As for `Frontier`, of the median training.
    money_per_flop : float or None
        Price of a training FLOP, where it is known.
    """

    draws: xr.Dataset
    break_even: xr.Dataset
    loss: float
    cost: str
    reach: xr.Dataset
    money_per_flop: float | None = None

    def table(self, full: bool = False) -> pd.DataFrame:
        """One row for each architecture, context length and number of served tokens.

        Columns: architecture, context_length, served_tokens, loss, cost, probability (that the loss can be
        reached); ``params_*``, ``tokens_*``, ``total_*``, ``overtraining_*`` and ``saving_*`` with quantiles
        over the draws that reach it; ``money_*``, the total in money, where prices are known; lost_share, of
        the draws whose cheapest has the most tokens searched, 500 million times the cheapest training's;
        extrapolation_decades of the median training, the same of compute, params, tokens and context, and
        group_runs, as for `Frontier`.

        Unless ``full``, only the columns that answer the question, displayed as people read them.
        """
        return shown(self._rows(), SHORT, full)

    def _rows(self) -> pd.DataFrame:
        parts = [summarise_draws(self.draws[name], name) for name in QUANTITIES]
        if self.money_per_flop is not None:
            parts.append(summarise_draws(self.draws["total"] * self.money_per_flop, "money"))
        table = pd.concat(parts, axis=1)
        reached = self.draws["params"].notnull().mean(("chain", "draw"))
        table.insert(0, "loss", self.loss)
        table.insert(1, "cost", self.cost)
        table.insert(2, "probability", reached.to_numpy().ravel())
        lost = self.draws["lost"].mean(("chain", "draw")).to_numpy().ravel()
        return table.assign(lost_share=lost, **columns_of(self.reach)).reset_index()

    def pairs(self) -> pd.DataFrame:
        """One row for each ordered pair of architectures, context length and number of served tokens.

        Columns: architecture, other, context_length, served_tokens, probability (that the architecture costs
        less; over draws in which both reach the loss), ``break_even_*`` with quantiles, and
        break_even_probability (that there is one between 1e6 and 1e20 tokens).
        """
        even = self.break_even["served_tokens"]
        if not even.sizes["pair"]:
            return pd.DataFrame(columns=["architecture", "other", "context_length", "served_tokens"])
        table = summarise_draws(even, "break_even")
        table["break_even_probability"] = even.notnull().mean(("chain", "draw")).to_numpy().ravel()
        table.insert(0, "probability", self.break_even["cheaper"].mean(("chain", "draw")).to_numpy().ravel())
        table = table.reset_index().rename(columns={"served": "served_tokens"})
        for i, name in enumerate(("architecture", "other")):
            table.insert(i, name, self.break_even[name].to_numpy()[table["pair"]])
        return table.drop(columns="pair")


def lifetime(
    fit: Fit,
    loss: float,
    served_tokens: Any,
    context_length: Any = None,
    architecture: Any = None,
    *,
    prefill: float | None = None,
    generated: float | None = None,
    serving_price: float = 1.0,
    serving: Callable[[str, np.ndarray], np.ndarray] | LatencyFit | None = None,
    batch_size: float = 1.0,
    flops_per_second: float | None = None,
    price_per_hour: float | None = None,
    cost: str | Cost = "6ND",
    extrapolate: bool = False,
) -> Lifetime:
    """The params for which training to a loss and then serving cost least together.

    Parameters
    ----------
    fit : Fit
    loss : float
        Wanted, nats per token.
    served_tokens : float or sequence of float
        Over the model's life, prompts and answers.
    context_length, architecture
        As for `frontier`.
    prefill, generated : float, optional
        Tokens of each prompt and answer; then a served token costs what the architecture's accounting counts
        for these. Default: a third of a trained token, the forward pass at the context length.
    serving_price : float
        Price of a FLOP in serving over one in training, such as the ratio of the utilisations; with a
        latency fit, of an hour of a serving device over one of a training device.
    serving : LatencyFit or callable(architecture, params) -> ndarray, optional
        A latency fit: a served token costs the time of its device that prompts of ``prefill`` and answers
        of ``generated`` tokens take, ``batch_size`` at once; its draws are paired with those of the loss.
        Whether the batch fits the memory is asked by `decide`. A callable: the cost of a served token in
        training FLOPs, smooth and rising with params.
    batch_size : float
        Requests that are served together. For a latency fit.
    flops_per_second : float, optional
        That one device reaches in training, not its peak: it makes device time and training FLOPs one
        currency. Needed for a latency fit.
    price_per_hour : float, optional
        Of a training device; with flops_per_second it gives the total in money too.
    cost : str or Cost
    extrapolate : bool
        As for `frontier`; of the median training compute.

    Returns
    -------
    Lifetime

    Raises
    ------
    BudgetError
        As for `frontier`; a loss or tokens that are not positive.
    DecisionError
        A price that is not positive, prefill or generated that cannot be, or a latency fit without what it
        needs.
    LatencyError
        An architecture that was not timed.

    References
    ----------
    Sardana, Portes, Doubov, Frankle 2024, arXiv:2401.00448, equation 3.

    Examples
    --------
    >>> table = bs.lifetime(fit, 2.5, [1e11, 1e14], 8192).table()
    >>> few, many = table.loc[table["architecture"] == "xlstm", "params_median"]
    >>> bool(many < few)  # a model that is served much is smaller, and trained longer
    True
    """
    query = Query.without_budget(fit, context_length, architecture, cost)
    wanted = positive_values("loss", loss, BudgetError)
    served = positive_values("served_tokens", served_tokens, BudgetError)
    if len(wanted) != 1:
        raise BudgetError(f"one loss at a time, not {len(wanted)}: call again for the others")
    if not serving_price > 0:
        raise DecisionError(f"serving_price {serving_price!r}: give a positive ratio, such as 3")
    lengths = _lengths(prefill, generated)
    way = _way_of_serving(serving, lengths, batch_size, flops_per_second)
    money = _money_per_flop(price_per_hour, flops_per_second)
    theta = coefficients_of(fit, query)
    ladder = make_ladder(LEAST, MOST)

    def one(architecture: str, context_length: int) -> dict[str, np.ndarray]:
        surface = surface_of(fit, theta, architecture, context_length)
        curve = query.curve(architecture, context_length)
        per_token = serving_cost(fit, architecture, curve, lengths, way)
        price = partial(Priced.of, curve=curve, per_token=lambda x: serving_price * per_token(x))
        priced = price(contour(surface, float(wanted[0]), curve))
        found = cheapest(priced, price, served)
        rungs = [priced.vertex(tokens)[1] for tokens in ladder]
        found["ladder"] = np.stack(rungs, axis=-1)
        shape = (theta.sizes["chain"], theta.sizes["draw"], -1)
        return {name: value.reshape(shape) for name, value in found.items()}

    found = each_group(query, one)
    answers = {group: {name: values[name] for name in ANSWERS} for group, values in found.items()}
    totals = {group: {"total": values["ladder"]} for group, values in found.items()}
    draws = on_groups(answers, theta, "served_tokens", served)
    rungs = on_groups(totals, theta, "rung", ladder)["total"]
    even = _break_even(draws["total"], rungs, served)
    reach = _reach(fit, query, draws, extrapolate)
    return Lifetime(draws, even, float(wanted[0]), query.cost_name, reach, money)


def _reach(fit: Fit, query: Query, draws: xr.Dataset, extrapolate: bool) -> xr.Dataset:
    """How far the median training lies from the runs; too far is refused."""
    middle = draws[["params", "tokens"]].median(("chain", "draw"))
    flops = xr.zeros_like(middle["params"])
    for architecture, length in product(query.architecture, query.context_length):
        group = {"architecture": architecture, "context_length": length}
        curve = query.curve(architecture, length)
        per_token = np.exp(curve.value(np, np.log(middle["params"].loc[group].to_numpy())))
        flops.loc[group] = per_token * middle["tokens"].loc[group].to_numpy()
    refuse_too_far(fit.runs, flops.to_numpy(), extrapolate)
    return reach_of(fit, query, {"compute": flops, "params": middle["params"], "tokens": middle["tokens"]})


def _break_even(total: xr.DataArray, rungs: xr.DataArray, served: np.ndarray) -> xr.Dataset:
    """Served tokens at which the cheaper of each ordered pair changes."""
    names = [str(name) for name in total["architecture"].to_numpy()]
    pairs = list(permutations(names, 2))
    parts = []
    rungs = rungs.where(np.isfinite(rungs))
    rungs = rungs.copy(data=np.log(rungs.to_numpy()))
    for pair in pairs:
        ours = total.sel(architecture=pair[0], drop=True)
        theirs = total.sel(architecture=pair[1], drop=True)
        gap = rungs.sel(architecture=pair[0]).to_numpy() - rungs.sel(architecture=pair[1]).to_numpy()
        known = ours.notnull() & theirs.notnull()
        even = crossings(np.nan_to_num(gap), rungs["rung"].to_numpy(), served)
        even = np.where(np.isfinite(gap).all(-1)[..., None], even, np.nan)
        cheaper = (ours < theirs).where(known)
        parts.append(cheaper.to_dataset(name="cheaper").assign(served_tokens_at=cheaper.copy(data=even)))
    joined = xr.concat(parts, dim="pair") if parts else _no_pairs(total)
    joined = joined.rename(served_tokens="served").rename(served_tokens_at="served_tokens")
    joined = joined.transpose("chain", "draw", "pair", "context_length", "served")
    return joined.assign_coords(
        pair=np.arange(len(pairs)),
        architecture=("pair", [pair[0] for pair in pairs]),
        other=("pair", [pair[1] for pair in pairs]),
    )


def _no_pairs(total: xr.DataArray) -> xr.Dataset:
    none = total.isel(architecture=slice(0, 0)).rename(architecture="pair").drop_vars("pair")
    return none.to_dataset(name="cheaper").assign(served_tokens_at=none)


def _way_of_serving(
    serving: Any, lengths: tuple[float, float] | None, batch_size: float, flops_per_second: float | None
) -> Callable[[str, np.ndarray], np.ndarray] | DeviceTime | None:
    """How a served token is priced."""
    timed = fitted_latency(serving)
    if timed is not None:
        return device_time(timed, lengths, batch_size, flops_per_second)
    if not (serving is None or callable(serving)):
        raise DecisionError(f"serving is a {type(serving).__name__}: give a LatencyFit or a function")
    found: Callable[[str, np.ndarray], np.ndarray] | None = serving
    return found


def _money_per_flop(price: float | None, flops_per_second: float | None) -> float | None:
    """Price of a training FLOP; None where no price is given."""
    if price is None:
        return None
    if flops_per_second is None:
        raise DecisionError("price_per_hour needs flops_per_second: what one device reaches in training")
    if not (0 < price < np.inf and 0 < flops_per_second < np.inf):
        raise DecisionError(
            f"price_per_hour {price!r} and flops_per_second {flops_per_second!r}: give positive numbers"
        )
    return float(price / (SECONDS_PER_HOUR * flops_per_second))


def _lengths(prefill: float | None, generated: float | None) -> tuple[float, float] | None:
    if prefill is None and generated is None:
        return None
    lengths = (float(prefill or 0.0), float(generated or 0.0))
    if min(lengths) < 0 or not 0 < sum(lengths) < np.inf:
        raise DecisionError(
            f"prefill {prefill!r} and generated {generated!r}: give tokens, at least one of them"
        )
    return lengths
