"""The baseline of an isoFLOP study: power laws through the minima, walls as steep as the last curve's."""

from __future__ import annotations

import warnings

import numpy as np

from bayes_scaling.classical import isoflop_fit
from bayes_scaling.classical.isoflop import IsoflopFit
from bayes_scaling.classical.power_law import PowerLaw, fit_power_law
from bayes_scaling.errors import RunsError
from bayes_scaling.runs.table import Runs
from bayes_scaling.streams import Stream

RESAMPLES = 500
DECADE = np.log(10.0)


def isoflop_line(past: Runs, future: Runs, seed: int) -> np.ndarray:
    """Draws (resample, run) of the loss of runs; NaN for groups with fewer than two isoFLOP curves.

    ln L at params N and compute C is that of the power law of the minima's losses, and bend * (log10 N /
    N*(C))^2 above it, with the bend of the group's last curve; residuals are drawn from the fit's own.
    """
    draws = np.full((RESAMPLES, len(future.frame)), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = isoflop_fit(past, resamples=RESAMPLES, seed=seed)
        except RunsError:
            return draws
    rng = np.random.default_rng([seed, Stream.ISOFLOP_FORECAST])
    for key in found.optima:
        known = _rows(past, key)
        wanted = _rows(future, key)
        if wanted.any():
            draws[:, wanted] = _group(found, key, past, known, future, wanted, rng)
    return draws


def _group(
    found: IsoflopFit,
    key: tuple[str, int],
    past: Runs,
    known: np.ndarray,
    future: Runs,
    wanted: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draws (resample, wanted run)."""
    cell = found.optima[key]
    good = np.isfinite(cell["params"][0])
    if good.sum() < 2:
        return np.full((RESAMPLES, int(wanted.sum())), np.nan)
    compute = cell["compute"][good]
    level = _columns(fit_power_law(compute, cell["params_loss"][:, good]))
    place = _columns(fit_power_law(compute, cell["params"][:, good]))

    def centred(runs: Runs, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """ln of the least loss and squared decades from N*, (1 + resample, run)."""
        frame = runs.frame[rows]
        log_compute = np.log(frame["flops"].to_numpy(dtype=float))
        log_params = np.log(frame["params"].to_numpy(dtype=float))
        off = (log_params - place[0] - place[1] * log_compute) / DECADE
        return level[0] + level[1] * log_compute, off**2

    base, off = centred(past, known)
    over = np.log(past.frame["loss"].to_numpy()[known]) - base[0]
    last = past.frame["flops"].to_numpy()[known] > 0.7 * compute.max()
    bend = (over[last] * off[0][last]).sum() / (off[0][last] ** 2).sum()
    residuals = over - bend * off[0]
    base, off = centred(future, wanted)
    scatter = rng.choice(residuals, size=(RESAMPLES, base.shape[1]))
    draws = np.exp(base + bend * off)[1:]
    usable = np.flatnonzero(np.isfinite(draws).all(1))  # resamples whose curves have minima
    chosen = draws[rng.choice(usable, RESAMPLES)] if usable.size else np.full(scatter.shape, np.nan)
    return np.asarray(chosen * np.exp(scatter))


def _columns(law: PowerLaw) -> tuple[np.ndarray, np.ndarray]:
    """ln A and the exponent, (1 + resample, 1) each."""
    return law.log_scale[:, None], law.exponent[:, None]


def _rows(runs: Runs, key: tuple[str, int]) -> np.ndarray:
    frame = runs.frame
    same = (frame["architecture"].astype(str) == key[0]) & (frame["context_length"] == key[1])
    return np.asarray(same.to_numpy())
