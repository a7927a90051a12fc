"""Leave-one-out cross-validation by Pareto-smoothed importance sampling, and models compared by it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.posterior.posterior import Posterior
from bayes_scaling.posterior.summary import posterior_cells


def loo(fit: Posterior) -> Any:
    """Expected log predictive density of one left-out run, summed over runs.

    It scores interpolation between the fitted runs, not extrapolation beyond them.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    arviz_stats.ELPDData
        elpd and se (in log density of ln loss), p (effective number of coefficients), and for each
        run elpd_i and pareto_k (dim run); good_k is the largest k at which a run's value is reliable.

    Raises
    ------
    BayesScalingError
        The fit stores no log likelihood.

    References
    ----------
    Vehtari, Gelman, Gabry 2017; Vehtari, Simpson, Gelman, Yao, Gabry 2024.

    Examples
    --------
    >>> found = bs.loo(fit)
    >>> found.elpd_i.sizes["run"] == len(fit.runs)
    True
    """
    import arviz_stats as az

    if "log_likelihood" not in fit.idata.children:
        raise BayesScalingError("this fit stores no log likelihood: fit again to compute LOO")
    with _quiet():
        return az.loo(fit.idata, var_name="loss", pointwise=True, reff=_relative_efficiency(fit))


def compare_models(fits: Mapping[str, Posterior]) -> pd.DataFrame:
    """Fits of the same runs, best first, by PSIS-LOO.

    Parameters
    ----------
    fits : mapping of str to Fit
        Two or more.

    Returns
    -------
    DataFrame
        model, rank, elpd, se, elpd_difference (to the best, at most 0), se_difference, weight
        (stacking), effective_coefficients, runs, pareto_k_bad (runs whose value is not reliable) and
        note (empty, or why the difference should be read with care).

    Raises
    ------
    BayesScalingError
        Fewer than two fits, or fits of different runs.

    References
    ----------
    Yao, Vehtari, Simpson, Gelman 2018, for the weights.

    Examples
    --------
    >>> table = bs.compare_models({"gamma": fit, "the same": fit})
    >>> table["elpd_difference"].tolist()
    [0.0, 0.0]
    """
    import arviz_stats as az

    _check_same_runs(fits)
    scores = {name: loo(fit) for name, fit in fits.items()}
    with _quiet():
        ranking = az.compare(scores, method="stacking", round_to="none")
    return _table(ranking, scores)


def bad_runs(score: Any) -> Any:
    """Positions of the runs whose Pareto k is above what these draws allow, shape (n,)."""
    return np.flatnonzero(~(score.pareto_k.values <= score.good_k))


def _table(ranking: pd.DataFrame, scores: Mapping[str, Any]) -> pd.DataFrame:
    names = [str(name) for name in ranking.index]
    return pd.DataFrame(
        {
            "model": names,
            "rank": ranking["rank"].astype(int).to_numpy(),
            "elpd": ranking["elpd"].to_numpy(),
            "se": ranking["se"].to_numpy(),
            "elpd_difference": ranking["elpd_diff"].to_numpy(),
            "se_difference": ranking["dse"].to_numpy(),
            "weight": ranking["weight"].to_numpy(),
            "effective_coefficients": ranking["p"].to_numpy(),
            "runs": [scores[name].n_data_points for name in names],
            "pareto_k_bad": [len(bad_runs(scores[name])) for name in names],
            "note": ranking["diag_diff"].astype(str).to_numpy(),
        }
    )


def _check_same_runs(fits: Mapping[str, Posterior]) -> None:
    if len(fits) < 2:
        raise BayesScalingError(
            "give two fits or more to compare, such as {'gamma': fit, 'chinchilla': other}"
        )
    (first, reference), *others = fits.items()
    for name, fit in others:
        if fit.runs.data_hash != reference.runs.data_hash:
            raise BayesScalingError(
                f"fits {first!r} ({len(reference.runs)} runs) and {name!r} ({len(fit.runs)} runs) "
                "are of different runs: fit both to one table to compare them"
            )


def _relative_efficiency(fit: Posterior) -> float:
    """Mean effective share of the draws over posterior quantities, at most 1."""
    import arviz_stats as az

    draws, _ = posterior_cells(fit)
    share = np.nanmean(az.ess(draws, method="mean", relative=True).values)
    return float(np.clip(share, 1e-3, 1.0)) if np.isfinite(share) else 1.0


@contextmanager
def _quiet() -> Iterator[None]:
    """Bad Pareto k values are counted in the result, so the library need not also warn of them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Estimated shape parameter", category=UserWarning)
        yield
