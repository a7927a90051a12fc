"""Simulated truths, small pilots, and designs of what to run next, by the regret at 30 times the compute.

Truths are drawn from the prior, posteriors are Laplace's under the same prior, so that the study is about the
designs and not about a sampler.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_scaling.decisions.next_runs.next_runs import design_runs
from bayes_scaling.laws.law import GAMMA_LAW, log_form, log_loss
from bayes_scaling.posterior.fit import Fit
from tests.helpers.synthetic import TRUTH, synthetic_fit, with_group

NAMES = GAMMA_LAW.names
CENTRE = np.log([TRUTH[name] for name in NAMES])
PRIOR_SD = np.array([0.1, 0.4, 0.4, 0.12, 0.12, 0.1])
NOISE, CHAINS, DRAWS = 0.006, 2, 500
LEAST, MOST, TARGET = 1e18, 1e20, 3e21
TINY = 4.5e16  # the least budget of the cheapest isoFLOP design, open to the others too
GROUP = {"architecture": "xlstm", "context_length": 8192}
TOTALS = np.geomspace(5e18, 6e20, 5)
SIZES = np.geomspace(0.2, 5, 7)


@dataclass(frozen=True)
class Table:
    """Runs and their ln losses."""

    params: np.ndarray
    tokens: np.ndarray
    outcome: np.ndarray

    def with_runs(self, other: Table) -> Table:
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Table(*(np.concatenate(pair) for pair in pairs))


def expected(z: np.ndarray, params: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """ln losses (..., run) of log coefficients (..., coefficient)."""
    theta = {name: np.exp(z[..., [i]]) for i, name in enumerate(NAMES)}
    return np.asarray(log_loss(np, np.log(params), np.log(tokens), log_form(np, theta)))


def sizes(compute: np.ndarray, factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Params round those with 20 tokens each, and tokens."""
    params = np.sqrt(compute / 120) * factor
    return params, compute / 6 / params


def observe(z: np.ndarray, params: np.ndarray, tokens: np.ndarray, rng: np.random.Generator) -> Table:
    return Table(params, tokens, expected(z, params, tokens) + NOISE * rng.standard_normal(len(params)))


def laplace(data: Table) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the log coefficients, by damped Gauss-Newton steps."""
    z, damping = CENTRE.copy(), 1e-3
    cost, steps = _cost(z, data), np.eye(len(z)) * 1e-5
    for _ in range(100):
        shifted = expected(
            np.stack([z + s for s in steps] + [z - s for s in steps]), data.params, data.tokens
        )
        jacobian = (shifted[: len(z)] - shifted[len(z) :]).T / 2e-5
        gap = data.outcome - expected(z, data.params, data.tokens)
        precision = jacobian.T @ jacobian / NOISE**2 + np.diag(PRIOR_SD**-2)
        score = jacobian.T @ gap / NOISE**2 - (z - CENTRE) / PRIOR_SD**2
        step = np.linalg.solve(precision + damping * np.diag(np.diag(precision)), score)
        if (moved := _cost(z + step, data)) < cost:
            z, cost, damping = z + step, moved, damping / 5
        else:
            damping = damping * 10
        if np.abs(step).max() < 1e-7:
            break
    return z, np.linalg.inv(precision)


def _cost(z: np.ndarray, data: Table) -> float:
    gap = data.outcome - expected(z, data.params, data.tokens)
    return float((gap**2).sum() / NOISE**2 + (((z - CENTRE) / PRIOR_SD) ** 2).sum())


def sample(data: Table, rng: np.random.Generator) -> np.ndarray:
    mean, covariance = laplace(data)
    return rng.multivariate_normal(mean, covariance, CHAINS * DRAWS)


def regret(z: np.ndarray, draws: np.ndarray) -> float:
    """Of the Bayes action of draws, under a truth, at the target's compute."""
    params, tokens = sizes(np.full(400, TARGET), np.geomspace(1e-3, 1e3, 400))
    return regret_at(z, float(params[np.exp(expected(draws, params, tokens)).mean(0).argmin()]))


def regret_at(z: np.ndarray, chosen: float) -> float:
    """Of params chosen, under a truth, at the target's compute."""
    params, tokens = sizes(np.full(4001, TARGET), np.geomspace(1e-3, 1e3, 4001))
    at = np.array([chosen])
    return float(np.exp(expected(z, at, TARGET / 6 / at))[0] - np.exp(expected(z, params, tokens)).min())


def as_fit(base: Fit, draws: np.ndarray) -> Fit:
    """A fit with these draws in every group."""
    like = base.posterior["E"]
    made = {
        name: like.copy(data=np.broadcast_to(np.exp(draws[:, i]).reshape(CHAINS, DRAWS, 1, 1), like.shape))
        for i, name in enumerate(NAMES)
    }
    nu = base.posterior["nu"]
    return with_group(base, "posterior", **made, sigma=0 * like + NOISE, nu=0 * nu + 1e4)


def candidates() -> pd.DataFrame:
    budget, factor = (part.ravel() for part in np.meshgrid(np.geomspace(TINY, MOST, 10), SIZES))
    params, tokens = sizes(budget, factor)
    return pd.DataFrame(GROUP | {"params": params, "tokens": tokens, "price": budget})


def designed(fit: Fit) -> pd.DataFrame:
    return design_runs(fit, TARGET, 8192, "xlstm", candidates=candidates(), runs=25, total=TOTALS[-1]).runs


def random_runs(rng: np.random.Generator) -> pd.DataFrame:
    return candidates().sample(frac=1, random_state=np.random.RandomState(rng.integers(2**31)))


def isoflop(total: float) -> pd.DataFrame:
    """Three budgets a factor of 4 apart, five sizes each, that cost a total."""
    budget, factor = (part.ravel() for part in np.meshgrid(total / 5 / 21 * 4.0 ** np.arange(3), SIZES[1:-1]))
    params, tokens = sizes(budget, factor)
    return pd.DataFrame(GROUP | {"params": params, "tokens": tokens, "price": budget})


def affordable(runs: pd.DataFrame, total: float) -> pd.DataFrame:
    return runs[runs["price"].cumsum() <= total * (1 + 1e-9)]


def one_truth(base: Fit, seed: int) -> dict[str, np.ndarray]:
    """Regret at each total of each design."""
    rng = np.random.default_rng([seed, 11])
    z = CENTRE + PRIOR_SD * rng.standard_normal(len(NAMES))
    pilot = observe(z, *sizes(np.geomspace(LEAST, 4e18, 5), rng.permutation(np.geomspace(0.3, 3, 5))), rng)
    plans = {"design": designed(as_fit(base, sample(pilot, rng))), "random": random_runs(rng)}

    def after(runs: pd.DataFrame) -> float:
        more = observe(z, runs["params"].to_numpy(), runs["tokens"].to_numpy(), rng)
        return regret(z, sample(pilot.with_runs(more), rng))

    found = {
        name: np.array([after(affordable(runs, total)) for total in TOTALS]) for name, runs in plans.items()
    }
    found["isoflop"] = np.array([after(isoflop(total)) for total in TOTALS])
    return found | {"pilot": np.full(len(TOTALS), regret(z, sample(pilot, rng)))}


def price_of(curve: np.ndarray, wanted: float) -> float:
    """Total at which a mean regret comes down to one, straight in logs.

    The least total where all are low enough; a step beyond the most where none is.
    """
    logs, x = np.log(np.minimum.accumulate(np.maximum(curve, 1e-9))), np.log(TOTALS)
    if logs[0] <= np.log(wanted):
        return float(TOTALS[0])
    if logs[-1] > np.log(wanted):
        return float(TOTALS[-1] ** 2 / TOTALS[-2])
    right = int(np.flatnonzero(logs <= np.log(wanted))[0])
    share = (logs[right - 1] - np.log(wanted)) / (logs[right - 1] - logs[right])
    return float(np.exp(x[right - 1] + share * (x[right] - x[right - 1])))


def study(replicates: int) -> dict[str, np.ndarray]:
    base = synthetic_fit(per_group=12, chains=CHAINS, draws=DRAWS)
    parts = [one_truth(base, seed) for seed in range(replicates)]
    return {name: np.stack([part[name] for part in parts]) for name in parts[0]}


def ratios(found: dict[str, np.ndarray], other: str, wanted: float, resamples: int = 500) -> np.ndarray:
    """Bootstrap draws of the other's price over the design's for a mean regret."""
    rng = np.random.default_rng(0)
    count = len(found["design"])
    rows = (rng.integers(count, size=count) for _ in range(resamples))
    means = ((found[other][i].mean(0), found["design"][i].mean(0)) for i in rows)
    return np.array([price_of(theirs, wanted) / price_of(ours, wanted) for theirs, ours in means])
