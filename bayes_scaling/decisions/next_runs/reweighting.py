"""What fantasised outcomes make of the draws there are: Pareto-smoothed importance weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

GOOD_K = 0.7  # Vehtari et al. 2024: above, the draws there are do not tell


@dataclass(frozen=True, eq=False)
class Reweighted:
    """Posteriors after outcomes, each as weights of the draws.

    Attributes
    ----------
    weights : ndarray (fantasy, draw)
        Sum to 1.
    pareto_k : ndarray (fantasy,)
        Infinite where the weights have no tail to tell it from.
    """

    weights: np.ndarray
    pareto_k: np.ndarray

    @property
    def reliable(self) -> np.ndarray:
        """Fantasies whose weights can be trusted."""
        return np.asarray(self.pareto_k <= GOOD_K)

    def loss_gain(self, losses: np.ndarray) -> float:
        """Mean fall of the least expected loss (draw, action), nats; NaN if too few are reliable."""
        good = self.weights[self.reliable]
        if len(good) * 2 < len(self.weights):
            return np.nan
        return float(losses.mean(0).min() - (good @ losses).min(-1).mean())

    def variance(self, target: np.ndarray) -> float:
        """Mean variance of a target (draw,); NaN if too few are reliable."""
        good = self.weights[self.reliable]
        if len(good) * 2 < len(self.weights):
            return np.nan
        return float((good @ target**2 - (good @ target) ** 2).mean())


def log_densities(
    outcomes: np.ndarray, observed: np.ndarray, sigma: np.ndarray, nu: np.ndarray
) -> np.ndarray:
    """Student-t log densities (fantasy, draw, run) of observed ln losses under each draw.

    Parameters
    ----------
    outcomes : ndarray (draw, run)
        ln loss that each draw expects.
    observed : ndarray (fantasy, run)
    sigma : ndarray (draw, run)
    nu : ndarray (draw,)
    """
    shape = nu[:, None]
    scale = gammaln((shape + 1) / 2) - gammaln(shape / 2) - 0.5 * np.log(shape * np.pi) - np.log(sigma)
    gap = (observed[:, None, :] - outcomes) / sigma
    return np.asarray(scale - (shape + 1) / 2 * np.log1p(gap**2 / shape))


def reweight(log_density: np.ndarray, left_out: np.ndarray | None = None) -> Reweighted:
    """Posteriors of the draws after outcomes.

    Parameters
    ----------
    log_density : ndarray (fantasy, draw)
        Of all outcomes of a fantasy.
    left_out : ndarray of int (fantasy,), optional
        The draw that each fantasy is from: it may not know itself.

    References
    ----------
    Vehtari, Simpson, Gelman, Yao, Gabry 2024, arXiv:1507.02646.
    """
    from arviz_stats.base import array_stats

    kept = np.ones(log_density.shape, dtype=bool)
    if left_out is not None:
        kept[np.arange(len(log_density)), left_out] = False
    part = log_density[kept].reshape(len(log_density), -1)
    with np.errstate(all="ignore"):  # a tail that no draw reaches has no k
        smoothed, k = array_stats.psislw(-part, axis=-1)  # it takes log densities to be left out
    weights = np.zeros(log_density.shape)
    weights[kept] = np.exp(smoothed - smoothed.max(-1, keepdims=True)).ravel()
    return Reweighted(weights / weights.sum(-1, keepdims=True), np.nan_to_num(k, nan=np.inf))


def fantasise(
    outcomes: np.ndarray, sigma: np.ndarray, nu: np.ndarray, fantasies: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes (fantasy, run) that draws would show, and the draw of each."""
    chosen = rng.choice(len(outcomes), size=fantasies, replace=len(outcomes) < fantasies)
    noise = rng.standard_t(nu[chosen][:, None], size=(fantasies, outcomes.shape[1]))
    return outcomes[chosen] + sigma[chosen] * noise, chosen
