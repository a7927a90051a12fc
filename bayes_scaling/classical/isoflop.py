"""Approach 2 of Hoffmann et al. 2022: a parabola over each isoFLOP curve, a power law over their minima."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.classical.budgets import isoflop_budgets
from bayes_scaling.classical.power_law import fit_power_law
from bayes_scaling.classical.resampling import (
    frontier_table,
    groups_of,
    resample_counts,
    run_weights,
    spread_columns,
)
from bayes_scaling.errors import RunsError
from bayes_scaling.runs import load_runs

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 4  # runs a curve needs
LEVELS = {"params": ("params", "params_loss"), "tokens": ("tokens", "tokens_loss")}


@dataclass(frozen=True, eq=False)
class IsoflopFit:
    """Optima of the isoFLOP curves.

    Attributes
    ----------
    optima : mapping of (architecture, context_length) to mapping
        ``budget``, ``compute`` and ``runs`` (budget,): the name, mean FLOPs and size of each curve;
        ``params``, ``params_loss``, ``tokens``, ``tokens_loss`` (1 + resample, budget): row 0 is the fit of
        all runs, NaN where a curve has no minimum.
    degree : int
    """

    optima: dict[tuple[str, int], dict[str, np.ndarray]]
    degree: int

    def table(self) -> pd.DataFrame:
        """One row a curve: optimal params and tokens, the loss there, standard errors, 95% intervals.

        ``reason`` says why a curve has none.
        """
        import pandas as pd

        rows = []
        for (architecture, context_length), cell in self.optima.items():
            for i, budget in enumerate(cell["budget"]):
                row: dict[str, Any] = {"architecture": architecture, "context_length": context_length}
                row |= {"budget": budget, "compute": cell["compute"][i], "runs": int(cell["runs"][i])}
                for name in ("params", "params_loss", "tokens", "tokens_loss"):
                    row |= spread_columns(name, cell[name][:, i])
                rows.append(row | {"reason": _reason(row)})
        return pd.DataFrame(rows)

    def power_laws(self) -> pd.DataFrame:
        """One row for each group and quantity: A, exponent, their standard errors, bootstrap interval."""
        import pandas as pd

        rows = []
        for (architecture, context_length), cell in self.optima.items():
            for quantity in ("params", "tokens"):
                law = fit_power_law(cell["compute"], cell[quantity])
                row: dict[str, Any] = {"architecture": architecture, "context_length": context_length}
                row |= {"quantity": quantity, "A": np.exp(law.log_scale[0])}
                row |= {"A_se": np.exp(law.log_scale[0]) * law.log_scale_se[0], "points": int(law.points[0])}
                row |= spread_columns("exponent", law.exponent)
                rows.append(row | {"exponent_se": law.exponent_se[0]})
        return pd.DataFrame(rows)

    def frontier(self, compute: Any) -> pd.DataFrame:
        """Table of optimal params, tokens and loss at any budgets, by the power laws.

        The loss is a power law too, without a floor: far from the curves it is too low.
        """
        budgets = np.atleast_1d(np.asarray(compute, dtype=float))
        cells = {}
        for key, cell in self.optima.items():
            sources = {"params": "params", "tokens": "tokens", "loss": "params_loss"}
            cells[key] = {
                name: fit_power_law(cell["compute"], cell[source]).at(budgets)
                for name, source in sources.items()
            }
        return frontier_table(cells, budgets, "isoflop", "as run")


def isoflop_fit(
    runs: Any,
    *,
    degree: int = 2,
    budget: str | None = None,
    budgets: Any = None,
    resamples: int = 200,
    seed: int = 0,
) -> IsoflopFit:
    """Fit a polynomial in log10 params, and one in log10 tokens, to each isoFLOP curve.

    Parameters
    ----------
    runs : Runs, path, DataFrame or catalogue name
        A column ``weight`` counts a run more than once.
    degree : {2, 3}
    budget : str, optional
        Column that names each run's budget; see `classical.budgets.isoflop_budgets`.
    budgets : sequence of float, optional
        Keep only these.
    resamples, seed : int
        Bootstrap within each curve; 0 for none.

    Raises
    ------
    RunsError
        No curve of four runs or more; a degree that is not 2 or 3.

    References
    ----------
    Hoffmann et al. 2022, section 3.2.
    """
    if degree not in (2, 3):
        raise RunsError(f"degree {degree}: an isoFLOP polynomial has degree 2 or 3")
    frame = load_runs(runs).frame
    label = isoflop_budgets(frame, budget)
    if budgets is not None:
        label = np.where(np.isin(label, np.asarray(budgets, dtype=float)), label, np.nan)
    optima = {}
    for key, rows in groups_of(frame):
        cell = _group(frame.iloc[rows], label[rows], degree, resamples, seed)
        if cell["budget"].size:
            optima[key] = cell
    if not optima:
        raise RunsError(
            f"no budget has {FEWEST} runs of one architecture and context length: this table has no isoFLOP "
            "curves; fit a law with huber_fit, or name the column of the budgets"
        )
    return IsoflopFit(optima, degree)


def _group(
    frame: pd.DataFrame, label: np.ndarray, degree: int, resamples: int, seed: int
) -> dict[str, np.ndarray]:
    values, counts = np.unique(label[np.isfinite(label)], return_counts=True)
    kept = values[counts >= max(FEWEST, degree + 2)]
    curves = [_curve(frame[label == value], degree, resamples, seed) for value in kept]
    names = curves[0] if curves else {}
    return {name: np.stack([curve[name] for curve in curves], axis=-1) for name in names} | {"budget": kept}


def _curve(curve: pd.DataFrame, degree: int, resamples: int, seed: int) -> dict[str, np.ndarray]:
    strata = np.zeros(len(curve), dtype=int)
    weight = run_weights(curve)
    weights = weight * np.vstack([np.ones((1, len(curve))), resample_counts(strata, resamples, seed)])
    flops, loss = (curve[name].to_numpy(dtype=float) for name in ("flops", "loss"))
    cell = {"compute": np.average(flops, weights=weight), "runs": np.array(len(curve))}
    for name, (place, level) in LEVELS.items():
        best, cell[level] = _minimum(np.log10(curve[name].to_numpy(dtype=float)), loss, weights, degree)
        cell[place] = 10**best
    return cell


def _minimum(
    x: np.ndarray, loss: np.ndarray, weights: np.ndarray, degree: int
) -> tuple[np.ndarray, np.ndarray]:
    """Where the weighted least-squares polynomials are least, and how low: (resample,), NaN for none."""
    center, spread = x.mean(), max(float(np.ptp(x)), 1e-12)
    z = (x - center) / spread
    basis = np.vander(z, degree + 1, increasing=True)
    gram = np.einsum("ri,ip,iq->rpq", weights, basis, basis)
    moment = np.einsum("ri,ip,i->rp", weights, basis, loss)
    distinct = np.array([len(np.unique(x[w > 0])) for w in weights]) > degree
    gram = np.where(distinct[:, None, None], gram, np.eye(degree + 1))
    c = np.linalg.solve(gram, moment[..., None])[..., 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        if degree == 2:
            place, curved = -c[:, 1] / (2 * c[:, 2]), c[:, 2] > 0
        else:
            root = np.sqrt(c[:, 2] ** 2 - 3 * c[:, 3] * c[:, 1])
            place = c[:, 1] / -(c[:, 2] + np.where(c[:, 2] < 0, -1, 1) * root)
            place = np.where(c[:, 2] + 3 * c[:, 3] * place > 0, place, -(c[:, 2] - root) / (3 * c[:, 3]))
            curved = c[:, 2] + 3 * c[:, 3] * place > 0
        place = np.where(distinct & curved, place, np.nan)
        level = (c * place[:, None] ** np.arange(degree + 1)).sum(-1)
    return center + spread * place, level


def _reason(row: dict[str, Any]) -> str:
    missing = [name for name in LEVELS if not np.isfinite(row[name])]
    return f"the curve over {' and '.join(missing)} has no minimum" if missing else ""
