"""How often a corpus is worth repeating for models of given sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.draws import summarise_draws
from bayes_scaling.errors import BudgetError
from bayes_scaling.laws.surface import Surface
from bayes_scaling.numbers.positive import are_positive
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.groups import surface_of
from bayes_scaling.questions.groups import coefficients_of, each_group, on_groups
from bayes_scaling.questions.query import Query

MOST = 1e4  # epochs that are looked at
STEP = 0.02  # of ln epochs
GAINED = 1e-3  # nats per token, below which nothing is gained
QUANTITIES = ("epochs", "loss")


def best_epochs(
    fit: Fit, params: Any, unique_tokens: float, context_length: Any = None, architecture: Any = None
) -> pd.DataFrame:
    """The epochs of a corpus after which a model of a given size gains nothing more.

    In each draw they are the fewest whose loss is within 0.001 nats of the least that up to 10,000 epochs
    give, to 2%. Under the law ``data-limited`` more never harm, under ``overfitting`` they may.

    Parameters
    ----------
    fit : Fit
        Of a law of repetition.
    params : float or sequence of float
    unique_tokens : float
        Different tokens of the corpus.
    context_length, architecture
        As for `bayes_scaling.frontier`.

    Returns
    -------
    DataFrame
        One row for each architecture, context length and size: ``epochs_*`` and ``loss_*`` (nats per token,
        at those epochs) with median, mean, sd and quantiles; harm_probability, that four times as many epochs
        give a loss higher by more than 0.001 nats.

    Raises
    ------
    BudgetError
        Params or unique_tokens that are not positive; a law that knows no repetition.

    Examples
    --------
    >>> bs.best_epochs(fit, [1e8, 1e9], unique_tokens=1e9)  # doctest: +SKIP
    """
    query = Query.without_budget(fit, context_length, architecture, "6ND", unique_tokens)
    sizes = _sizes(params)
    corpus = query.unique_tokens
    if corpus is None:
        raise BudgetError("unique_tokens: give the number of different tokens, such as 1e9")
    theta = coefficients_of(fit, query)

    def one(name: str, length: int) -> dict[str, np.ndarray]:
        surface = surface_of(fit, theta, name, length, corpus)
        found = [_best(surface, size, corpus) for size in sizes]
        return {key: np.stack([each[key] for each in found], axis=-1) for key in found[0]}

    return _table(on_groups(each_group(query, one), theta, "params", sizes))


def _best(surface: Surface, size: float, corpus: float) -> dict[str, np.ndarray]:
    """Of each draw (chain, draw): the epochs, the loss there, and whether four times as many harm."""
    epochs = np.exp(np.arange(0.0, np.log(4 * MOST) + STEP, STEP))
    loss = surface.loss_at(np.full(len(epochs), size), epochs * corpus)
    looked = epochs <= MOST
    least = loss[..., looked].min(axis=-1, keepdims=True)
    place = (loss <= least + GAINED).argmax(axis=-1)
    later = np.minimum(place + round(np.log(4) / STEP), len(epochs) - 1)
    reached = np.take_along_axis(loss, place[..., None], -1)[..., 0]
    after = np.take_along_axis(loss, later[..., None], -1)[..., 0]
    return {"epochs": epochs[place], "loss": reached, "harm": (after > reached + GAINED).astype(float)}


def _table(draws: xr.Dataset) -> pd.DataFrame:
    table = pd.concat([summarise_draws(draws[name], name) for name in QUANTITIES], axis=1)
    table["harm_probability"] = draws["harm"].mean(("chain", "draw")).to_numpy().ravel()
    return table.reset_index()


def _sizes(params: Any) -> np.ndarray:
    """Ascending, each once."""
    sizes = np.unique(np.atleast_1d(np.asarray(params, dtype=float)))
    if not sizes.size or not are_positive(sizes).all():
        raise BudgetError(f"params {params!r}: give positive numbers, such as 1e9")
    return sizes
