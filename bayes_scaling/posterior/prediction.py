"""Draws of the loss of given runs, from the posterior or the prior."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.draws import summarise_draws
from bayes_scaling.errors import SpecError
from bayes_scaling.laws.drift import Shifts, drifted_log_loss
from bayes_scaling.laws.law import Law, log_form
from bayes_scaling.models.coefficients import draw_prior, to_user
from bayes_scaling.models.density import two_sided
from bayes_scaling.models.design import build_design
from bayes_scaling.models.misfit import OFFSET
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.posterior.coefficients import coefficients, drift_of, offset_of
from bayes_scaling.posterior.groups import unique_of
from bayes_scaling.posterior.posterior import Posterior
from bayes_scaling.runs.reach import decades_outside, nearest_runs
from bayes_scaling.runs.table import Runs

KINDS = ("mean", "response")


def predict(
    fit: Posterior,
    runs: Any,
    kind: str = "mean",
    seed: int = 0,
    allow_new: bool = False,
    unique_tokens: float | None = None,
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
        only.
    seed : int
        For the scatter and for groups without runs.
    allow_new : bool
        Accept architectures that the fit has not seen.
    unique_tokens : float, optional
        Different tokens that every run can draw from, for a law of repetition. Default: the runs' own column
        ``unique_tokens``, unlimited where they have none.

    Returns
    -------
    DataArray
        Loss in nats per token, dims chain, draw, run.

    Raises
    ------
    SpecError, RunsError, BudgetError
        Unknown kind; runs that cannot be read; an unknown architecture; unique_tokens that are not
        positive or that the law does not know.

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
    cells = _each_run(draws, runs)
    drift = _drift(fit, runs, seed)
    log_mean = _log_mean(fit.law, cells, runs, unique_tokens, drift) + _offsets(fit, runs, kind, seed)
    if kind == "response":
        log_mean = log_mean + _scatter(fit, cells, log_mean.shape, seed)
    return _as_draws(np.exp(log_mean))


def predict_table(
    fit: Posterior, runs: Any, kind: str = "mean", seed: int = 0, unique_tokens: float | None = None
) -> pd.DataFrame:
    """One row a run: its design, then mean, sd and quantiles of its loss in nats per token.

    ``extrapolation_decades`` is the farthest of params, tokens and 6ND outside the group's runs.

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
    runs = runs if isinstance(runs, Runs) else load_runs(runs, need_loss=False)
    table = summarise_draws(predict(fit, runs, kind, seed, unique_tokens=unique_tokens)).reset_index(
        drop=True
    )
    design = runs.frame[["architecture", "context_length", "params", "tokens"]].reset_index(drop=True)
    design.insert(0, "row", range(len(design)))
    table = design.join(table[["mean", "sd", "q025", "q05", "q25", "median", "q75", "q95", "q975"]])
    return table.assign(extrapolation_decades=_reach(fit, design))


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
    design = build_design(runs, spec or ModelSpec())
    natural, _ = draw_prior(design, draws, np.random.default_rng(seed))
    cells = {name: value[None][..., design.slots.column] for name, value in to_user(natural, design).items()}
    return _as_draws(np.exp(_log_mean(design.spec.law_value, cells, runs)))


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


def _log_mean(
    law: Law,
    cells: dict[str, np.ndarray],
    runs: Runs,
    unique_tokens: float | None = None,
    drift: Shifts | None = None,
) -> np.ndarray:
    log_params = np.log(runs.frame["params"].to_numpy(dtype=float))
    log_tokens = np.log(runs.frame["tokens"].to_numpy(dtype=float))
    unique = unique_of(law, unique_tokens)
    known: dict[str, Any] = {}
    if unique is not None:
        known["unique_tokens"] = unique
    elif law.repeats and "unique_tokens" in runs.frame:
        known["unique_tokens"] = runs.frame["unique_tokens"].to_numpy(dtype=float)
    theta = log_form(np, law.complete(cells | known))
    return np.asarray(drifted_log_loss(np, log_params, log_tokens, theta, drift))


def _drift(fit: Posterior, runs: Runs, seed: int) -> Shifts | None:
    """What the walks add at each run: (chain, draw, run) each."""
    if fit.spec.discrepancy == "none":
        return None
    size = fit.posterior.sizes
    found = np.empty((3, size["chain"], size["draw"], len(runs.frame)))
    logs = [np.log(runs.frame[name].to_numpy(dtype=float)) for name in ("params", "tokens")]
    names = runs.frame["architecture"].astype(str).to_numpy()
    for name in runs.architectures:
        rows = np.flatnonzero(names == name)
        drift = drift_of(fit, name, seed)
        assert drift is not None
        found[..., rows] = drift(logs[0][rows], logs[1][rows])
    return Shifts(*found)


def _offsets(fit: Posterior, runs: Runs, kind: str, seed: int) -> np.ndarray | float:
    """Shift of ln L of each run by the values in the offsets' columns: (chain, draw, run)."""
    if not fit.spec.offsets:
        return 0.0
    size = fit.posterior.sizes
    rng = np.random.default_rng([seed, 4])
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


def _scatter(fit: Posterior, cells: dict[str, np.ndarray], shape: tuple[int, ...], seed: int) -> np.ndarray:
    nu = fit.posterior["nu"].transpose("chain", "draw").to_numpy()[..., None]
    rng = np.random.default_rng([seed, 2])
    noise = rng.standard_t(nu, size=shape)
    sigma = cells["sigma"]
    return two_sided(noise, sigma, sigma * cells["skew"] if "skew" in cells else None, rng)


def _as_draws(loss: np.ndarray) -> xr.DataArray:
    coords = {dim: np.arange(n) for dim, n in zip(("chain", "draw", "run"), loss.shape, strict=True)}
    return xr.DataArray(loss, dims=("chain", "draw", "run"), coords=coords, name="loss")


def _reach(fit: Posterior, design: pd.DataFrame) -> np.ndarray:
    """Decades outside the fitted runs, by group."""
    far = np.zeros(len(design))
    keys = design["architecture"].astype(str) + "\n" + design["context_length"].astype(str)
    for key in keys.unique():
        rows = np.flatnonzero(keys == key)
        architecture, context_length = key.split("\n")
        wanted = _sizes(*(design[c].to_numpy(dtype=float)[rows] for c in ("params", "tokens")))
        known = _sizes(
            *(nearest_runs(fit.runs, c, architecture, int(context_length)) for c in ("params", "tokens"))
        )
        parts = [decades_outside(w, k) for w, k in zip(wanted, known, strict=True)]
        far[rows] = np.max(parts, axis=0)
    return far


def _sizes(params: np.ndarray, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Params, tokens and their product: the three ways to lie outside."""
    return params, tokens, params * tokens
