"""What is tested: ways to predict the losses of runs from those of other runs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayes_scaling.calibration.isoflop_line import isoflop_line
from bayes_scaling.classical import huber_fit
from bayes_scaling.classical.huber import LAWS, HuberFit
from bayes_scaling.errors import RunsError
from bayes_scaling.laws.law import log_form, log_loss
from bayes_scaling.models.spec import Backend, ModelSpec
from bayes_scaling.posterior.checks import FAIL, convergence_checks
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.fitting import fit
from bayes_scaling.posterior.prediction import predict
from bayes_scaling.runs.table import Runs
from bayes_scaling.streams import Stream

RESAMPLES = 1000
STARTS = 300
Forecast = tuple[np.ndarray, bool]


@dataclass(frozen=True)
class Settings:
    """Of all forecasts of one back-test.

    Attributes
    ----------
    spec : ModelSpec
    backend : str
    draws, tune, chains, seed : int
    """

    spec: ModelSpec
    backend: Backend = "numpyro"
    draws: int = 500
    tune: int = 300
    chains: int = 4
    seed: int = 0


def posterior(past: Runs, future: Runs, settings: Settings) -> Forecast:
    """Response draws (draw, run) of the model, and whether its chains converged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # convergence goes into the table
        found = fit(
            past,
            settings.spec,
            backend=settings.backend,
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            seed=settings.seed,
            progress=False,
        )
        draws = predict(found, future, kind="response", seed=settings.seed, allow_new=True, extrapolate=True)
    return draws.to_numpy().reshape(-1, len(future.frame)), _converged(found)


def law_alone(past: Runs, future: Runs, settings: Settings) -> Forecast:
    """The same without a discrepancy."""
    return posterior(past, future, replace(settings, spec=replace(settings.spec, discrepancy="none")))


def huber(past: Runs, future: Runs, settings: Settings) -> Forecast:
    """The usual point fit of each group: bootstrapped coefficients, residuals drawn from the fit's own.

    Of the model's law, of Chinchilla's if there is no point fit of that. NaN for a group that has no fit.
    """
    found = _point_fit(past, settings, RESAMPLES)
    rng = np.random.default_rng([settings.seed, Stream.BOOTSTRAP_FORECAST])
    draws = np.full((RESAMPLES, len(future.frame)), np.nan)
    for values, known, wanted in _fitted_groups(found, past, future):
        residuals = _residuals(past, known, values)
        scatter = rng.choice(residuals, size=(RESAMPLES, int(wanted.sum())))
        draws[:, wanted] = np.exp(_log_loss(future, wanted, values)[1:] + scatter)
    return draws, True


def conformal(past: Runs, future: Runs, settings: Settings) -> Forecast:
    """Split conformal intervals round that point fit: half of each group's runs fit, the others calibrate.

    The interval of level q reaches as far on either side as a share q of the calibrating residuals of ln L.

    References
    ----------
    Lei et al. 2018, Distribution-free predictive inference for regression, algorithm 2.
    """
    rng = np.random.default_rng([settings.seed, Stream.CONFORMAL_SPLIT])
    fits = _one_half(past, rng)
    found = _point_fit(past.subset(fits), settings, 0)
    draws = np.full((RESAMPLES, len(future.frame)), np.nan)
    for values, known, wanted in _fitted_groups(found, past, future):
        far = np.abs(_residuals(past, known & ~fits, values))
        reach = np.quantile(far, (np.arange(RESAMPLES // 2) + 0.5) / (RESAMPLES // 2), method="higher")
        reaches = np.concatenate([-reach, reach])
        draws[:, wanted] = np.exp(_log_loss(future, wanted, values)[0] + reaches[:, None])
    return draws, True


def _one_half(runs: Runs, rng: np.random.Generator) -> np.ndarray:
    """Which runs fit: a random half of each group, the larger one."""
    keys = _keys(runs)
    chosen = np.zeros(len(keys), dtype=bool)
    for key in dict.fromkeys(keys):
        rows = np.flatnonzero([other == key for other in keys])
        chosen[rng.permutation(rows)[: -(-len(rows) // 2)]] = True
    return chosen


def _point_fit(past: Runs, settings: Settings, resamples: int) -> HuberFit | None:
    """None where no group has the runs for one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return huber_fit(
                past,
                law=settings.spec.law if settings.spec.law in LAWS else "chinchilla",
                starts=STARTS,
                resamples=resamples,
                seed=settings.seed,
                progress=False,
            )
        except RunsError:
            return None


def _fitted_groups(
    found: HuberFit | None, past: Runs, future: Runs
) -> Iterator[tuple[Mapping[str, Any], np.ndarray, np.ndarray]]:
    """Coefficients of each group that has a fit and runs to predict, and its rows in either table."""
    if found is None:
        return
    past_keys = _keys(past)
    future_keys = _keys(future)
    for key, values in found.coefficients.items():
        known = np.array([other == key for other in past_keys])
        wanted = np.array([other == key for other in future_keys])
        if not found.reason.get(key) and wanted.any():
            yield values, known, wanted


def _residuals(runs: Runs, rows: np.ndarray, values: Mapping[str, Any]) -> np.ndarray:
    """Of ln L from the fit of all runs (run,)."""
    return np.asarray(
        np.log(runs.frame["loss"].to_numpy(dtype=float)[rows]) - _log_loss(runs, rows, values)[0]
    )


def last_isoflop_line(past: Runs, future: Runs, settings: Settings) -> Forecast:
    """What an isoFLOP study would say; see `isoflop_line`."""
    return isoflop_line(past, future, settings.seed), True


FORECASTERS: Mapping[str, Callable[[Runs, Runs, Settings], Forecast]] = {
    "model": posterior,
    "law alone": law_alone,
    "huber": huber,
    "conformal": conformal,
    "isoflop line": last_isoflop_line,
}


def names_for(spec: ModelSpec) -> tuple[str, ...]:
    """The forecasters worth comparing: without a discrepancy the model is the law alone."""
    return tuple(name for name in FORECASTERS if name != "law alone" or spec.discrepancy != "none")


def _converged(found: Fit) -> bool:
    return convergence_checks(found).status != FAIL


def _keys(runs: Runs) -> list[tuple[str, int]]:
    frame = runs.frame
    return [(str(a), int(t)) for a, t in zip(frame["architecture"], frame["context_length"], strict=True)]


def _log_loss(runs: Runs, rows: np.ndarray, values: Mapping[str, Any]) -> np.ndarray:
    """ln loss (1 + resample, run) of the law at some rows."""
    theta = log_form(np, {name: np.asarray(draws)[:, None] for name, draws in values.items()})
    params = np.log(runs.frame["params"].to_numpy(dtype=float)[rows])
    tokens = np.log(runs.frame["tokens"].to_numpy(dtype=float)[rows])
    return np.asarray(log_loss(np, params, tokens, theta))
