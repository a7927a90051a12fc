"""A `Fit` made without a sampler: exact draws from a linear-Gaussian posterior round a known truth.

ln L is linear in the log coefficients of each group, the priors are normal, the draws are exact and
independent. So log_prior, log_likelihood and posterior belong together and every check passes; a
test breaks one part at a time.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import RunsWarning
from bayes_scaling.laws.law import GAMMA_LAW
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.posterior.fit import Fit

NAMES = GAMMA_LAW.names
TRUTH = {"E": 1.7, "A": 60.0, "B": 180.0, "alpha": 0.3, "beta": 0.3, "gamma": 0.9}
PRIOR_SD = {"E": 0.6, "A": 1.5, "B": 1.5, "alpha": 0.3, "beta": 0.3, "gamma": 0.3}
SIGMA = 0.0005  # small, so that data outweigh the priors
ARCHITECTURES = ("transformer", "xlstm")
CONTEXTS = (2048, 8192)


def synthetic_frame(per_group: int = 48, seed: int = 0) -> pd.DataFrame:
    """Runs of four groups over 1.7 decades of compute, loss from `TRUTH` with relative noise `SIGMA`."""
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product([ARCHITECTURES, CONTEXTS, range(per_group)])
    frame = index.to_frame(index=False, name=["architecture", "context_length", "number"])
    compute = np.geomspace(6e18, 3e20, per_group)[frame.pop("number")]
    frame["params"] = np.sqrt(compute / 6 / 20) * np.exp(rng.uniform(-1.2, 1.2, len(frame)))
    frame["tokens"] = compute / 6 / frame["params"]
    frame["flops"] = compute
    mean = GAMMA_LAW.loss(np, frame["params"].to_numpy(), frame["tokens"].to_numpy(), TRUTH)
    frame["loss"] = mean * rng.lognormal(0, SIGMA, len(frame))
    return frame


@dataclass(frozen=True)
class LinearProblem:
    """ln L = ln L(TRUTH) + jacobian @ z + sigma * noise, with z the log coefficients less the truth's.

    Attributes: jacobian (run, coefficient), residual (run,), group (run,), mean (group, coefficient)
    and covariance (group, coefficient, coefficient) of the exact posterior.
    """

    jacobian: np.ndarray
    residual: np.ndarray
    group: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray
    sigma: float


def linear_problem(frame: pd.DataFrame, sigma: float = SIGMA, prior_shift: float = 0.0) -> LinearProblem:
    """The exact posterior of every group."""
    jacobian, group = _jacobian(frame), _group_index(frame)
    residual = np.log(frame["loss"].to_numpy()) - np.log(_mean_loss(frame, TRUTH))
    sd = np.array([PRIOR_SD[name] for name in NAMES])
    rows = [group == g for g in range(group.max() + 1)]
    precision = [jacobian[r].T @ jacobian[r] / sigma**2 + np.diag(sd**-2) for r in rows]
    covariance = np.linalg.inv(precision)
    score = [jacobian[r].T @ residual[r] / sigma**2 + prior_shift / sd for r in rows]
    return LinearProblem(
        jacobian, residual, group, np.einsum("gij,gj->gi", covariance, score), covariance, sigma
    )


def synthetic_fit(
    per_group: int = 48,
    chains: int = 4,
    draws: int = 500,
    seed: int = 0,
    prior_shift: float = 0.0,
    sigma: float = SIGMA,
) -> Fit:
    """The fit.

    ``prior_shift`` moves the priors of all coefficients by that many prior sds; ``sigma`` is the noise
    the model believes in (a large one leaves the prior as it is).
    """
    rng = np.random.default_rng(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)  # small tables are wanted here
        runs = load_runs(synthetic_frame(per_group))
    problem = linear_problem(runs.frame, sigma, prior_shift)
    noise = rng.standard_normal((chains, draws, *problem.mean.shape))
    theta = problem.mean + np.einsum("gij,cdgj->cdgi", np.linalg.cholesky(problem.covariance), noise)
    linear = np.einsum("cdrk,rk->cdr", theta[:, :, problem.group], problem.jacobian)
    responses = _mean_loss(runs.frame, TRUTH) * np.exp(linear + sigma * rng.standard_normal(linear.shape))
    posterior = _posterior_dataset(rng, theta, sigma)
    tree = xr.DataTree.from_dict(
        {
            "posterior": posterior,
            "prior": posterior.copy(),  # of the right shape, for what shows it
            "sample_stats": _sample_stats(rng, chains, draws),
            "log_likelihood": _per_run(_normal(problem.residual, linear, sigma)),
            "log_prior": _log_prior(theta, prior_shift),
            "posterior_predictive": _per_run(responses),
            "observed_data": xr.Dataset({"loss": ("run", runs.frame["loss"].to_numpy())}),
            "constant_data": _constant_data(runs.frame),
        }
    )
    spec = ModelSpec(law="gamma", pooling="none", discrepancy="none")
    tree.attrs = _attributes(spec, runs.data_hash, seed)
    return Fit(idata=tree, runs=runs, spec=spec)


def with_group(fit: Fit, group: str, **variables: Any) -> Fit:
    """The fit with variables of one group replaced, or dropped where None."""
    dataset = fit.idata[group].to_dataset()
    dataset = dataset.drop_vars([name for name, value in variables.items() if value is None])
    tree = fit.idata.copy()
    tree[group] = xr.DataTree(dataset.assign({k: v for k, v in variables.items() if v is not None}))
    return replace(fit, idata=tree)


def _mean_loss(frame, coefficients):  # type: ignore[no-untyped-def]
    return GAMMA_LAW.loss(np, frame["params"].to_numpy(), frame["tokens"].to_numpy(), coefficients)


def _jacobian(frame, step: float = 1e-5):  # type: ignore[no-untyped-def]
    columns = []
    for name in NAMES:
        up, down = (TRUTH | {name: TRUTH[name] * np.exp(s)} for s in (step, -step))
        columns.append((np.log(_mean_loss(frame, up)) - np.log(_mean_loss(frame, down))) / (2 * step))
    return np.stack(columns, axis=1)


def _group_index(frame):  # type: ignore[no-untyped-def]
    return frame.groupby(["architecture", "context_length"]).ngroup().to_numpy()


def _normal(value, mean, sd):  # type: ignore[no-untyped-def]
    return -0.5 * ((value - mean) / sd) ** 2 - np.log(sd) - 0.5 * np.log(2 * np.pi)


def _per_run(values):  # type: ignore[no-untyped-def]
    return xr.Dataset({"loss": (("chain", "draw", "run"), values)}).assign_coords(_sample_coords(values))


def _sample_coords(values):  # type: ignore[no-untyped-def]
    return {"chain": np.arange(values.shape[0]), "draw": np.arange(values.shape[1])}


def _posterior_dataset(rng, theta, sigma):  # type: ignore[no-untyped-def]
    dims = ("chain", "draw", "architecture", "context_length")
    shape = (*theta.shape[:2], len(ARCHITECTURES), len(CONTEXTS))
    columns = {n: TRUTH[n] * np.exp(theta[..., i]).reshape(shape) for i, n in enumerate(NAMES)}
    columns["sigma"] = sigma * rng.lognormal(0, 0.1, shape)
    data = {name: (dims, values) for name, values in columns.items()}
    data["nu"] = (("chain", "draw"), 5 + rng.standard_normal(theta.shape[:2]))
    coords = {"architecture": list(ARCHITECTURES), "context_length": list(CONTEXTS)}
    dataset = xr.Dataset(data, coords=coords | _sample_coords(theta))
    dataset["E"].attrs["units"] = "nats per token"
    return dataset


def _sample_stats(rng, chains, draws):  # type: ignore[no-untyped-def]
    dims, shape = ("chain", "draw"), (chains, draws)
    stats = {
        "diverging": np.zeros(shape, bool),
        "energy": rng.standard_normal(shape),
        "tree_depth": np.full(shape, 3),
        "n_steps": np.full(shape, 7),
    }
    return xr.Dataset({k: (dims, v) for k, v in stats.items()}).assign_coords(_sample_coords(stats["energy"]))


def _log_prior(theta, shift):  # type: ignore[no-untyped-def]
    terms = {}
    for i, name in enumerate(NAMES):
        sd = PRIOR_SD[name]
        terms[name] = (("chain", "draw"), _normal(theta[..., i], shift * sd, sd).sum(-1))
    return xr.Dataset(terms).assign_coords(_sample_coords(theta))


def _constant_data(frame):  # type: ignore[no-untyped-def]
    columns = {name: ("run", frame[name].to_numpy()) for name in ("params", "tokens", "flops")}
    columns["observed_group"] = (("architecture", "context_length"), np.ones((2, 2), bool))
    coords = {"architecture": list(ARCHITECTURES), "context_length": list(CONTEXTS)}
    return xr.Dataset(columns, coords=coords)


def _attributes(spec, data_hash, seed):  # type: ignore[no-untyped-def]
    values = {
        "kind": "bayes_scaling.Fit",
        "format_version": 1,
        "spec": spec.to_dict(),
        "data_hash": data_hash,
        "backend": "numpyro",
        "seed": seed,
        "versions": {"bayes_scaling": "0.1.0"},
    }
    return {name: json.dumps(value) for name, value in values.items()}
