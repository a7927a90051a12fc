"""Draws of the loss of given runs, from the posterior or the prior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.draws import QUANTILES, summarise_draws
from bayes_scaling.errors import SpecError
from bayes_scaling.laws.drift import Shifts, drifted_log_loss
from bayes_scaling.laws.law import Law, log_form
from bayes_scaling.models.coefficients import draw_prior, to_user
from bayes_scaling.models.density import two_sided
from bayes_scaling.models.design import build_design
from bayes_scaling.models.misfit import OFFSET
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.models.unit_priors import in_unit
from bayes_scaling.posterior.coefficients import coefficients, drift_of, offset_of
from bayes_scaling.posterior.groups import unique_of
from bayes_scaling.posterior.posterior import Posterior
from bayes_scaling.posterior.response import no_narrower
from bayes_scaling.runs.reach import COLUMNS, group_columns, refuse_too_far
from bayes_scaling.runs.table import Runs
from bayes_scaling.streams import Stream

KINDS = ("mean", "response")
MEMORY = 2**29  # bytes that a block's draws may take
WORK = 120  # bytes for each draw and row while they are worked on


def predict(
    fit: Posterior,
    runs: Any,
    kind: str = "mean",
    seed: int = 0,
    allow_new: bool = False,
    unique_tokens: float | None = None,
    extrapolate: bool = False,
) -> xr.DataArray:
    """Posterior draws of the loss of given runs.

    Parameters
    ----------
    fit : Fit
    runs : Runs, path, DataFrame or catalogue name
        With architecture, context_length, params and tokens; a loss is not needed.
    kind : {"mean", "response"}
        The law's loss, or what one run will show: the law and its scatter. With offsets, runs that have
        their columns are shifted by what is known of their values; an unknown value shifts a response
        only. Both are of the same draws, and every interval of half of them or more is at least as wide
        for the response.
    seed : int
        For the scatter and for groups without runs.
    allow_new : bool
        Accept architectures that the fit has not seen.
    unique_tokens : float, optional
        Different tokens that every run can draw from, for a law of repetition. Default: the runs' own column
        ``unique_tokens``, unlimited where they have none.

        The covariates of the law are read from the runs' own columns; where they lack one, they are of the
        value that `Fit.at` was given.
    extrapolate : bool
        Predict runs more than four decades of compute outside the fitted ones too.

    Returns
    -------
    DataArray
        Loss in nats per token, dims chain, draw, run.

    Raises
    ------
    SpecError, RunsError, BudgetError
        Unknown kind; runs that cannot be read or lie too far from the fitted ones; an unknown architecture;
        unique_tokens that are not positive or that the law does not know; runs without the column of a
        covariate, and a fit that was given no value of it.

    Examples
    --------
    >>> import pandas as pd
    >>> new = pd.DataFrame({"architecture": ["xlstm"], "context_length": 8192, "params": 1e9, "tokens": 2e10})
    >>> mean, response = (float(bs.predict(fit, new, kind=kind).std()) for kind in ("mean", "response"))
    >>> mean < response
    True
    """
    if kind not in KINDS:
        raise SpecError(f"unknown kind {kind!r}; choose one of {', '.join(KINDS)}")
    runs = runs if isinstance(runs, Runs) else load_runs(runs, need_loss=False)
    draws = coefficients(fit, runs.architectures, runs.context_lengths, allow_new=allow_new, seed=seed)
    refuse_too_far(fit.runs, runs.frame[COLUMNS["compute"]].to_numpy(dtype=float), extrapolate)
    return _as_draws(_loss(fit, draws, runs, kind, [seed], unique_tokens))


def _loss(
    fit: Posterior,
    draws: xr.Dataset,
    runs: Runs,
    kind: str,
    seeds: list[int],
    unique_tokens: float | None,
) -> np.ndarray:
    """Draws (chain, draw, run) of the loss; ``seeds`` are the user's and, after it, a block's number."""
    cells = _each_run(draws, runs)
    known = _known(fit, runs, unique_tokens)
    law = _log_mean(fit.law, cells | known, runs, _drift(fit, runs, seeds[0]))
    shown = law + _offsets(fit, runs, "mean", seeds[0])
    if kind == "response":
        shown = _response(fit, cells, law, shown, _offsets(fit, runs, kind, seeds[0]), seeds)
    return np.asarray(np.exp(shown))


def predict_table(
    fit: Posterior,
    runs: Any,
    kind: str = "mean",
    seed: int = 0,
    unique_tokens: float | None = None,
    extrapolate: bool = False,
) -> pd.DataFrame:
    """One row a run: its design, then mean, sd and quantiles of its loss in nats per token.

    ``extrapolation_decades`` is how far a row lies outside the runs of its group: the farthest of compute,
    params, tokens and context, each of which has its own column; ``group_runs`` is how many these runs are.
    Many rows are worked on in blocks, so that their draws take some `MEMORY`.

    See Also
    --------
    predict : the arguments and errors.

    Examples
    --------
    >>> import pandas as pd
    >>> new = pd.DataFrame({"architecture": ["xlstm"], "context_length": 8192, "params": 1e9, "tokens": 2e10})
    >>> table = bs.predict_table(fit, new, kind="response")
    >>> bool((table["q05"] < table["median"]).all())
    True
    """
    if kind not in KINDS:
        raise SpecError(f"unknown kind {kind!r}; choose one of {', '.join(KINDS)}")
    runs = runs if isinstance(runs, Runs) else load_runs(runs, need_loss=False)
    draws = coefficients(fit, runs.architectures, runs.context_lengths, seed=seed)
    refuse_too_far(fit.runs, runs.frame[COLUMNS["compute"]].to_numpy(dtype=float), extrapolate)
    at_once = rows_at_once(fit)
    parts = []
    for block, start in enumerate(range(0, len(runs.frame), at_once)):
        part = replace(runs, frame=runs.frame.iloc[start : start + at_once])
        seeds = [seed, block] if block else [seed]
        parts.append(summarise_draws(_as_draws(_loss(fit, draws, part, kind, seeds, unique_tokens))))
    table = pd.concat(parts).reset_index(drop=True)
    design = runs.frame[["architecture", "context_length", "params", "tokens"]].reset_index(drop=True)
    design.insert(0, "row", range(len(design)))
    table = design.join(table[["mean", "sd", *QUANTILES]])
    return table.assign(**_reach(fit, runs.frame.reset_index(drop=True)))


def rows_at_once(fit: Posterior) -> int:
    """How many rows' draws take some `MEMORY` while they are worked on."""
    sizes = fit.posterior.sizes
    return int(max(MEMORY // (WORK * sizes["chain"] * sizes["draw"]), 1))


def prior_predictive(
    runs: Any, spec: ModelSpec | None = None, draws: int = 1000, seed: int = 0
) -> xr.DataArray:
    """Draws of the law's loss of given runs from the prior, to see whether it gives sensible curves.

    Without the drift, if the spec has one.

    Parameters
    ----------
    runs : Runs, path, DataFrame or catalogue name
    spec : ModelSpec, optional
    draws, seed : int

    Returns
    -------
    DataArray
        Loss in nats per token, dims chain (1), draw, run.

    Examples
    --------
    >>> drawn = bs.prior_predictive("simulated", draws=50)
    >>> drawn.sizes["run"]
    300
    """
    runs = runs if isinstance(runs, Runs) else load_runs(runs)
    design = build_design(runs, in_unit(spec, runs.loss_unit))
    natural, _ = draw_prior(design, draws, np.random.default_rng(seed))
    cells = {name: value[None][..., design.slots.column] for name, value in to_user(natural, design).items()}
    law = design.spec.law_value
    return _as_draws(np.exp(_log_mean(law, cells | law.of_runs(runs.frame), runs)))


def _each_run(draws: xr.Dataset, runs: Runs) -> dict[str, np.ndarray]:
    """Coefficients (chain, draw, run)."""
    row = {str(name): i for i, name in enumerate(draws["architecture"].to_numpy())}
    column = {int(length): i for i, length in enumerate(draws["context_length"].to_numpy())}
    rows = [row[str(name)] for name in runs.frame["architecture"]]
    columns = [column[int(length)] for length in runs.frame["context_length"]]
    dims = ("chain", "draw", "architecture", "context_length")
    return {
        str(name): draws[name].transpose(*dims).to_numpy()[..., rows, columns] for name in draws.data_vars
    }


def _known(fit: Posterior, runs: Runs, unique_tokens: float | None) -> dict[str, Any]:
    """What the law reads of runs beside params and tokens, for runs that may lack it."""
    unique = unique_of(fit.law, unique_tokens)
    known = dict(fit.given) | fit.law.of_runs(runs.frame, optional=True)
    for one in fit.covariates:
        if one.name not in known:
            raise SpecError(
                f"law {fit.law.name!r} needs the column {one.column!r} of the runs: {one.meaning}. "
                f"Add it, or give one value for all with fit.at({one.name}=1)"
            )
    return known if unique is None else known | {"unique_tokens": unique}


def _log_mean(law: Law, values: Mapping[str, Any], runs: Runs, drift: Shifts | None = None) -> np.ndarray:
    """ln L (chain, draw, run) from coefficients and what the law reads of runs."""
    log_params = np.log(runs.frame["params"].to_numpy(dtype=float))
    log_tokens = np.log(runs.frame["tokens"].to_numpy(dtype=float))
    theta = log_form(np, law.complete(values))
    return np.asarray(drifted_log_loss(np, log_params, log_tokens, theta, drift))


def _drift(fit: Posterior, runs: Runs, seed: int) -> Shifts | None:
    """What the walks add at each run: (chain, draw, run) each."""
    if fit.spec.discrepancy == "none":
        return None
    size = fit.posterior.sizes
    found = np.empty((3, size["chain"], size["draw"], len(runs.frame)))
    logs = [np.log(runs.frame[name].to_numpy(dtype=float)) for name in ("params", "tokens")]
    names = runs.frame["architecture"].astype(str).to_numpy()
    lengths = runs.frame["context_length"].to_numpy()
    for name, length in dict.fromkeys(zip(names, lengths, strict=True)):
        rows = np.flatnonzero((names == name) & (lengths == length))
        drift = drift_of(fit, name, int(length), seed)
        assert drift is not None
        found[..., rows] = drift(logs[0][rows], logs[1][rows])
    return Shifts(*found)


def _offsets(fit: Posterior, runs: Runs, kind: str, seed: int) -> np.ndarray | float:
    """Shift of ln L of each run by the values in the offsets' columns: (chain, draw, run)."""
    if not fit.spec.offsets:
        return 0.0
    size = fit.posterior.sizes
    rng = np.random.default_rng([seed, Stream.NEW_OFFSETS])
    found = np.zeros((size["chain"], size["draw"], len(runs.frame)))
    for name in fit.spec.offsets:
        values = runs.frame[name].astype(str) if name in runs.frame else ["?"] * len(runs.frame)
        keys = list(zip(runs.frame["architecture"].astype(str), values, strict=True))
        for key in dict.fromkeys(keys):
            shift = offset_of(fit, key[0], name, key[1])
            if shift is None and kind == "mean":
                continue
            drawn = OFFSET * rng.standard_normal(found.shape[:2]) if shift is None else shift
            found[..., [other == key for other in keys]] += drawn[..., None]
    return found


def _response(
    fit: Posterior,
    cells: dict[str, np.ndarray],
    law: np.ndarray,
    mean: np.ndarray,
    offsets: np.ndarray | float,
    seeds: list[int],
) -> np.ndarray:
    """ln L that single runs will show, no narrower than the mean's."""
    scatter = _scatter(fit, cells, law.shape, seeds)
    middle = np.median(scatter, axis=(0, 1)) if "skew" in cells else 0.0
    return no_narrower(mean + middle, law + offsets + scatter)


def _scatter(
    fit: Posterior, cells: dict[str, np.ndarray], shape: tuple[int, ...], seeds: list[int]
) -> np.ndarray:
    nu = fit.posterior["nu"].transpose("chain", "draw").to_numpy()[..., None]
    rng = np.random.default_rng([seeds[0], Stream.SCATTER, *seeds[1:]])
    noise = rng.standard_t(nu, size=shape)
    sigma = cells["sigma"]
    return two_sided(noise, sigma, sigma * cells["skew"] if "skew" in cells else None, rng)


def _as_draws(loss: np.ndarray) -> xr.DataArray:
    coords = {dim: np.arange(n) for dim, n in zip(("chain", "draw", "run"), loss.shape, strict=True)}
    return xr.DataArray(loss, dims=("chain", "draw", "run"), coords=coords, name="loss")


def _reach(fit: Posterior, frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """How far each row lies outside the fitted runs of its group, as columns."""
    parts = []
    for (architecture, length), rows in frame.groupby(["architecture", "context_length"], observed=True):
        where = (str(architecture), int(str(length)))
        asked = {name: rows[COLUMNS[name]].to_numpy(dtype=float) for name in ("compute", "params", "tokens")}
        parts.append(pd.DataFrame(group_columns(fit.runs, *where, asked), index=rows.index))
    table = pd.concat(parts).loc[frame.index]
    return {str(name): table[name].to_numpy() for name in table}
