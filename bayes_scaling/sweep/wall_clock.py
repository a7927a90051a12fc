"""How long a run trains on this machine, learnt from the runs already made.

ln(seconds a step) is linear in ln(FLOPs a step) and ln(1 + context / width) with normal errors, apart for
each architecture. The posterior under the reference prior is a Student t (Gelman et al. 2013, Bayesian Data
Analysis, section 14.2), so no sampler is needed. As a cost the same regression asks what an hour of this
machine buys.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.linalg import solve_triangular
from scipy.stats import t

from bayes_scaling.accounting import Cost, fit_families, get_architecture
from bayes_scaling.accounting.curves import LogCurve, spline_curve
from bayes_scaling.errors import SweepError

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, eq=False)
class WallClock:
    """The regression of one architecture.

    Attributes
    ----------
    mean : array, shape (3,)
        Coefficients.
    root : array, shape (3, 3)
        Upper triangular R of X = QR: the coefficients' covariance is ``scale^2 (R'R)^-1``.
    scale : float
        Residual standard deviation of ln(seconds a step).
    freedom : int
        Degrees of freedom.
    """

    mean: np.ndarray
    root: np.ndarray
    scale: float
    freedom: int

    def quantiles(self, frame: pd.DataFrame, levels: tuple[float, ...] = QUANTILES) -> np.ndarray:
        """Predicted seconds of each run, shape (run, level)."""
        x = _predictors(frame)
        steps = frame["steps"].to_numpy(dtype=float)
        spread = np.sum(solve_triangular(self.root, x.T, trans="T") ** 2, axis=0)
        sd = self.scale * np.sqrt(1 + spread)
        return steps[:, None] * np.exp((x @ self.mean)[:, None] + sd[:, None] * t.ppf(levels, self.freedom))


def fit_wall_clock(frame: pd.DataFrame) -> dict[str, WallClock]:
    """The regression of each architecture.

    Parameters
    ----------
    frame : DataFrame
        Rows of a sweep: architecture, context_length, steps, flops, embedding_dim, training_s.

    Raises
    ------
    SweepError
        Fewer than ten runs of an architecture.
    """
    return {str(name): _fit(str(name), group) for name, group in frame.groupby("architecture")}


def predict_wall_clock(models: dict[str, WallClock], frame: pd.DataFrame) -> pd.DataFrame:
    """Quantiles of the training time in seconds: one row a run, in the order given."""
    names = [f"training_s_q{100 * level:02.0f}" for level in QUANTILES]
    table = pd.DataFrame(index=range(len(frame)), columns=names, dtype=float)
    for name in frame["architecture"].unique():
        rows = np.flatnonzero((frame["architecture"] == name).to_numpy())
        table.iloc[rows] = models[str(name)].quantiles(frame.iloc[rows])
    return table


def wall_clock_cost(frame: pd.DataFrame) -> Cost:
    """Budgets in seconds of one training process on the machine that trained the runs.

    The seconds of a token at the regression's median, along the runs' own shape families. A budget then
    favours what this machine does fast, not what has few FLOPs.

    Parameters
    ----------
    frame : DataFrame
        Rows of a sweep, as for `fit_wall_clock`.

    Returns
    -------
    Cost
        For ``cost=`` of `bayes_scaling.frontier`, `bayes_scaling.compare`, `bayes_scaling.decide` and others.

    Raises
    ------
    SweepError, AccountingError
        Too few runs, or no shape columns.
    """
    models = fit_wall_clock(frame)
    families = fit_families(dict(frame))
    rate = float(np.median(frame["flops"] / frame["training_s"]))
    batch_tokens = float((frame["tokens"] / frame["steps"]).iloc[0])

    @lru_cache(maxsize=256)
    def build(architecture: str, context_length: float) -> LogCurve:
        known = get_architecture(architecture)
        family = families[architecture]

        def log_seconds(log_params: np.ndarray) -> np.ndarray:
            shape = family.shape(known.params, np.exp(log_params))
            flops = known.training_flops_per_token(shape, context_length) * batch_tokens
            x = _design(flops, context_length / shape.embedding_dim)
            return np.asarray(x @ models[architecture].mean + np.log(rate / batch_tokens))

        return spline_curve("cost 'wall-clock'", log_seconds)

    return Cost("wall-clock", build, unit="s", flops_per_unit=rate)


def _fit(name: str, frame: pd.DataFrame) -> WallClock:
    if len(frame) < 10:
        raise SweepError(f"{name} has {len(frame)} runs, too few to learn its speed. Remedy: train more.")
    x = _predictors(frame)
    y = np.log((frame["training_s"] / frame["steps"]).to_numpy(dtype=float))
    q, root = np.linalg.qr(x)
    mean = np.linalg.solve(root, q.T @ y)
    freedom = len(y) - x.shape[1]
    return WallClock(mean, root, float(np.sqrt(np.sum((y - x @ mean) ** 2) / freedom)), freedom)


def _predictors(frame: pd.DataFrame) -> np.ndarray:
    flops_per_step = (frame["flops"] / frame["steps"]).to_numpy(dtype=float)
    return _design(flops_per_step, (frame["context_length"] / frame["embedding_dim"]).to_numpy(dtype=float))


def _design(flops_per_step: np.ndarray, crowding: np.ndarray) -> np.ndarray:
    """Columns of the regression; crowding is context over width, scores beside projections."""
    return np.stack([np.ones_like(flops_per_step), np.log(flops_per_step), np.log1p(crowding)], axis=-1)
