"""Is there a trend left in the residuals of a group, along compute, params or context length."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import scipy
import xarray as xr

from bayes_scaling.posterior.posterior import Posterior
from bayes_scaling.posterior.prediction import predict

DRAWS = 100
LIMIT = 3.0  # of a residual's normal score: an outlier counts no more
FEWEST = 8  # runs that a trend takes
LEVEL = 0.01


@dataclass(frozen=True)
class Trend:
    """A smooth curve through the residuals of some runs.

    Attributes
    ----------
    group : str
        Architecture and context length, or an architecture alone.
    covariate : str
    p : float
        Posterior predictive p-value, adjusted for all trends that were looked for.
    low, middle, high : float
        Mean residual in each third of the covariate, in scales of noise.
    """

    group: str
    covariate: str
    p: float
    low: float
    middle: float
    high: float


def residual_trends(fit: Posterior) -> list[Trend]:
    """All trends, the most marked first.

    For each of `DRAWS` posterior draws a run's residual from that draw's law, over that draw's noise, becomes
    a normal score; given the draw the scores are independent standard normal ones. Their regression on a line
    and a parabola of the covariate's log then has a sum of squares that is chi-squared with two degrees of
    freedom. The p-value is its tail area, averaged over the draws; Holm's rule adjusts for the number of
    trends. A fit bends towards its runs, so false alarms are rarer than the level says.

    References
    ----------
    Gelman, Meng, Stern 1996 (posterior predictive discrepancies); Holm 1979.
    """
    with np.errstate(invalid="ignore", divide="ignore"):  # of draws that are not finite
        scores = _scores(fit)
    frame = fit.runs.frame.reset_index(drop=True)
    found = []
    for group, covariate, rows, x in _questions(frame):
        basis = _basis(x)
        if basis is None:
            continue
        squares = ((scores[:, rows] @ basis) ** 2).sum(-1)
        p = float(scipy.stats.chi2.sf(squares, basis.shape[1]).mean())  # NaN of draws that are not finite
        found.append(Trend(group, covariate, p, *_thirds(x, scores[:, rows].mean(0))))
    ordered = sorted(found, key=lambda trend: trend.p)
    adjusted = np.maximum.accumulate([t.p * (len(ordered) - i) for i, t in enumerate(ordered)] or [1.0])
    return [replace(t, p=min(float(p), 1.0)) for t, p in zip(ordered, adjusted, strict=False)]


def _questions(frame: pd.DataFrame) -> list[tuple[str, str, np.ndarray, np.ndarray]]:
    """Group, covariate, rows and ln covariate of each trend looked for."""
    found = []
    keys = ["architecture", "context_length"]
    for (architecture, context), part in frame.groupby(keys, observed=True):
        rows = part.index.to_numpy()
        if len(rows) >= FEWEST:
            name = f"{architecture}, {context}"
            found += [
                (name, covariate, rows, np.log(part[column].to_numpy(dtype=float)))
                for covariate, column in (("compute", "flops"), ("params", "params"))
            ]
    for architecture, part in frame.groupby("architecture", observed=True):
        if len(part) >= FEWEST:
            x = np.log(part["context_length"].to_numpy(dtype=float))
            found.append((str(architecture), "context length", part.index.to_numpy(), x))
    return found


def _basis(x: np.ndarray) -> np.ndarray | None:
    """Orthonormal line and parabola (run, 2), or a line where x has two values; None where it has one."""
    distinct = len(np.unique(np.round(x, 6)))
    if distinct < 2:
        return None
    columns = np.vander((x - x.mean()) / x.std(), min(distinct, 3), increasing=True)
    return np.linalg.qr(columns)[0][:, 1:]


def _thirds(x: np.ndarray, score: np.ndarray) -> tuple[float, float, float]:
    low, high = np.quantile(x, [1 / 3, 2 / 3])
    return (
        _mean(score[x <= low]),
        _mean(score[(x > low) & (x < high)]),
        _mean(score[x >= high]),
    )


def _mean(score: np.ndarray) -> float:
    return float(score.mean()) if score.size else 0.0


def _scores(fit: Posterior) -> np.ndarray:
    """Normal scores of the residuals, (draw, run)."""
    few = _thinned(fit)
    mean = predict(few, few.runs, kind="mean").transpose("chain", "draw", "run").to_numpy()
    log_mean = np.log(mean.reshape(-1, mean.shape[-1]))
    residual = np.log(few.runs.frame["loss"].to_numpy(dtype=float)) - log_mean
    scale = np.where(residual > 0, _scale(few, "skew"), _scale(few))
    freedom = few.posterior["nu"].transpose("chain", "draw").to_numpy().reshape(-1)
    level = scipy.stats.t.cdf(residual / scale, freedom[:, None])
    return np.clip(scipy.stats.norm.ppf(level), -LIMIT, LIMIT)


def _thinned(fit: Posterior) -> Posterior:
    """The fit with some `DRAWS` of its draws."""
    posterior = fit.posterior
    step = max(posterior.sizes["chain"] * posterior.sizes["draw"] // DRAWS, 1)
    tree = fit.idata.copy()
    tree["posterior"] = xr.DataTree(posterior.isel(draw=slice(None, None, step)))
    return replace(fit, idata=tree)


def _scale(fit: Posterior, times: str | None = None) -> np.ndarray:
    """Scale of ln L of each run, (draw, run): below the law, or above it where the errors are skewed."""
    frame = fit.runs.frame
    names = frame["architecture"].astype(str).to_numpy()
    lengths = frame["context_length"].to_numpy()
    posterior = fit.posterior
    value = posterior["sigma"]
    if times is not None and times in posterior:
        value = value * posterior[times]
    value = value.transpose("chain", "draw", "architecture", "context_length")
    rows = [list(value["architecture"].to_numpy()).index(name) for name in names]
    columns = [list(value["context_length"].to_numpy()).index(length) for length in lengths]
    own = value.to_numpy().reshape(-1, value.sizes["architecture"], value.sizes["context_length"])
    sigma = own[:, rows, columns]
    if "loss_sd" not in frame:
        return np.asarray(sigma)
    known = np.nan_to_num(frame["loss_sd"].to_numpy(dtype=float)) / frame["loss"].to_numpy(dtype=float)
    return np.asarray(np.sqrt(sigma**2 + known**2))
