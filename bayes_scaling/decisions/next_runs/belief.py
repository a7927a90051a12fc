"""What an outcome would teach, for draws taken as jointly normal with the outcomes of runs.

The draws' covariances stand for the posterior. An outcome of run j, ln loss y with noise variance r, moves
the mean of a quantity q by cov(q, y) / (var y + r) times its surprise and lowers its variance by
cov(q, y)^2 / (var y + r), so that all candidates are judged at once and a chosen run is conditioned on at
once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

CHANCE = 2.0  # standard errors of a correlation that count as none
NODES = ndtri((np.arange(33) + 0.5) / 33)  # equally likely surprises


@dataclass(frozen=True, eq=False)
class Belief:
    """Means and covariances after the runs chosen so far.

    Attributes
    ----------
    means : ndarray (fantasy, action)
        Expected loss of each action under each fantasy of the outcomes so far.
    of_actions : ndarray (action, run)
        Covariance of each action's loss with each candidate's ln loss.
    of_target : ndarray (run,)
        Of the target quantity with each candidate's ln loss.
    variance : float
        Of the target.
    of_runs : ndarray (run, run)
        Of the candidates' ln losses.
    noise : ndarray (run,)
        Variance of each outcome round its mean.
    """

    means: np.ndarray
    of_actions: np.ndarray
    of_target: np.ndarray
    variance: float
    of_runs: np.ndarray
    noise: np.ndarray

    @property
    def _spread(self) -> np.ndarray:
        """Standard deviation of each outcome."""
        return np.asarray(np.sqrt(np.maximum(np.diag(self.of_runs), 0) + self.noise))

    def variance_gains(self) -> np.ndarray:
        """By how much each run would lower the target's variance: (run,)."""
        return np.asarray((self.of_target / self._spread) ** 2)

    def loss_gains(self) -> np.ndarray:
        """By how much each run would lower the expected loss of the best action, nats: (run,).

        References
        ----------
        Frazier, Powell, Dayanik 2009, doi:10.1287/ijoc.1080.0314: the knowledge gradient.
        """
        moves = (self.of_actions / self._spread).T
        gains = [row.min() - _expected_least(row, moves) for row in self.means]
        return np.maximum(np.mean(gains, axis=0), 0.0)

    def after(self, run: int, surprises: np.ndarray) -> Belief:
        """The belief after a run, each fantasy (fantasy,) with its surprise in standard deviations."""
        spread = self._spread[run]
        moves = self.of_actions[:, run] / spread
        column = self.of_runs[:, run] / spread
        target = self.of_target[run] / spread
        return replace(
            self,
            means=self.means + surprises[:, None] * moves,
            of_actions=self.of_actions - np.outer(moves, column),
            of_target=self.of_target - target * column,
            variance=max(self.variance - float(target**2), 0.0),
            of_runs=self.of_runs - np.outer(column, column),
        )


def _expected_least(means: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Mean over surprises of the least of means (action,) + surprise * moves (run, action): (run,)."""
    least = [(means + z * moves).min(-1) for z in NODES]
    return np.asarray(np.mean(least, axis=0))


def make_belief(
    losses: np.ndarray, target: np.ndarray, outcomes: np.ndarray, noise: np.ndarray, fantasies: int
) -> Belief:
    """From draws of the actions' losses (draw, action), the target (draw,) and ln losses (draw, run)."""
    runs = outcomes - outcomes.mean(0)
    return Belief(
        np.tile(losses.mean(0), (fantasies, 1)),
        _covariance(losses, runs),
        _covariance(target[:, None], runs)[0],
        float(target.var(ddof=1)),
        runs.T @ runs / (len(runs) - 1),
        noise,
    )


def _covariance(values: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """Of values (draw, value) with centred ln losses (draw, run), less what the draws' chance could make.

    Every correlation is brought nearer to 0 by two standard errors, or runs that teach nothing would seem
    worth their small price.
    """
    centred = values - values.mean(0)
    sd = np.sqrt(np.outer((centred**2).mean(0), (runs**2).mean(0)))
    correlation = np.divide(centred.T @ runs / len(runs), sd, out=np.zeros_like(sd), where=sd > 0)
    chance = CHANCE * (1 - correlation**2) / np.sqrt(len(runs))
    return np.asarray(np.sign(correlation) * np.maximum(np.abs(correlation) - chance, 0.0) * sd)


def effective_noise(sigma: np.ndarray, nu: np.ndarray) -> np.ndarray:
    """Variance of a normal noise that tells as much as a Student-t: sigma^2 (nu + 3) / (nu + 1)."""
    return np.asarray((sigma**2 * ((nu + 3) / (nu + 1))[:, None]).mean(0))


def surprises(count: int, rng: np.random.Generator) -> np.ndarray:
    """Equally likely surprises in standard deviations, in any order."""
    return rng.permutation(ndtri((np.arange(count) + 0.5) / count))
