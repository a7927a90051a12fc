"""How long a run trains on this machine, learnt from the runs already made.

ln(seconds) is linear in ln(steps), ln(FLOPs a step) and ln(1 + context / width) with normal errors, apart
for each architecture. The posterior under the reference prior is a Student t (Gelman et al. 2013,
Bayesian Data Analysis, section 14.2), so no sampler is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.errors import SweepError

if TYPE_CHECKING:
    import pandas as pd

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, eq=False)
class WallClock:
    """The regression of one architecture.

    Attributes
    ----------
    mean : array, shape (4,)
        Coefficients.
    root : array, shape (4, 4)
        Upper triangular R of X = QR: the coefficients' covariance is ``scale^2 (R'R)^-1``.
    scale : float
        Residual standard deviation of ln(seconds).
    freedom : int
        Degrees of freedom.
    """

    mean: np.ndarray
    root: np.ndarray
    scale: float
    freedom: int

    def quantiles(self, frame: pd.DataFrame, levels: tuple[float, ...] = QUANTILES) -> np.ndarray:
        """Predicted seconds of each run, shape (run, level)."""
        from scipy.linalg import solve_triangular
        from scipy.stats import t

        x = _predictors(frame)
        spread = np.sum(solve_triangular(self.root, x.T, trans="T") ** 2, axis=0)
        sd = self.scale * np.sqrt(1 + spread)
        return np.exp((x @ self.mean)[:, None] + sd[:, None] * t.ppf(levels, self.freedom))


def fit_wall_clock(frame: pd.DataFrame) -> dict[str, WallClock]:
    """The regression of each architecture.

    Parameters
    ----------
    frame : DataFrame
        Rows of a sweep: architecture, context_length, steps, flops, num_blocks, embedding_dim, training_s.

    Raises
    ------
    SweepError
        Fewer than ten runs of an architecture.
    """
    return {str(name): _fit(str(name), group) for name, group in frame.groupby("architecture")}


def predict_wall_clock(models: dict[str, WallClock], frame: pd.DataFrame) -> pd.DataFrame:
    """Quantiles of the training time in seconds: one row a run, in the order given."""
    import pandas as pd

    names = [f"training_s_q{100 * level:02.0f}" for level in QUANTILES]
    table = pd.DataFrame(index=range(len(frame)), columns=names, dtype=float)
    for name in frame["architecture"].unique():
        rows = np.flatnonzero((frame["architecture"] == name).to_numpy())
        table.iloc[rows] = models[str(name)].quantiles(frame.iloc[rows])
    return table


def _fit(name: str, frame: pd.DataFrame) -> WallClock:
    if len(frame) < 10:
        raise SweepError(f"{name} has {len(frame)} runs, too few to learn its speed. Remedy: train more.")
    x, y = _predictors(frame), np.log(frame["training_s"].to_numpy(dtype=float))
    q, root = np.linalg.qr(x)
    mean = np.linalg.solve(root, q.T @ y)
    freedom = len(y) - x.shape[1]
    return WallClock(mean, root, float(np.sqrt(np.sum((y - x @ mean) ** 2) / freedom)), freedom)


def _predictors(frame: pd.DataFrame) -> np.ndarray:
    columns: dict[str, Any] = {name: frame[name].to_numpy(dtype=float) for name in _NEEDED}
    steps = columns["steps"]
    per_step = columns["flops"] / steps
    crowding = columns["context_length"] / columns["embedding_dim"]  # scores beside projections
    return np.column_stack([np.ones(len(steps)), np.log(steps), np.log(per_step), np.log1p(crowding)])


_NEEDED = ("steps", "flops", "context_length", "embedding_dim")
