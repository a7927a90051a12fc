"""Candidates for a structural misfit of the law, tried by leaving the future out.

    python benchmarks/try_discrepancies.py FOLDER [--output docs/discrepancy.md] [--only NAME,...]

FOLDER holds the public tables (xlstm_runs.csv, epoch_chinchilla.csv, gadre.csv, marin_isoflops.csv).

A candidate adds to ln L, for each architecture, integrated random walks outwards from the runs' centre along
directions in (ln params, ln tokens). Their weights are normal and integrated out, given Gaussian noise whose
precisions are those of a Student-t at the mode (four rounds of expectation and maximisation). The posterior
of the rest is taken as normal at its mode.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, stats

from bayes_scaling.laws.law import log_loss
from bayes_scaling.models.density import law_arguments, normal, pin, unpin
from bayes_scaling.models.hierarchy import Groups, build_hierarchy, center, log_prior
from bayes_scaling.models.spec import ModelSpec

ROOT_HALF = np.sqrt(0.5)
DIRECTIONS = {"n": (1, 0), "d": (0, 1), "r": (-ROOT_HALF, ROOT_HALF), "c": (ROOT_HALF, ROOT_HALF)}
STEP = 0.8  # e-folds between changes of curvature
NAMES = ("E", "R", "share", "slope_params", "slope_tokens", "gamma", "sigma")
DRAWS, ROUNDS = 1000, 4
CANDIDATES: dict[str, dict[str, float]] = {
    "none": {},
    "c, r 0.02": {"c": 0.02, "r": 0.02},
    "c, r 0.03": {"c": 0.03, "r": 0.03},
    "c, r 0.02, n, d 0.005": {"c": 0.02, "r": 0.02, "n": 0.005, "d": 0.005},
    "n, d, r 0.015": {"n": 0.015, "d": 0.015, "r": 0.015},
    "n, d, r, c 0.01": dict.fromkeys("ndrc", 0.01),
    "n, d, r, c 0.015": dict.fromkeys("ndrc", 0.015),
    "n, d, r, c 0.02": dict.fromkeys("ndrc", 0.02),
}


@dataclass(frozen=True)
class Table:
    """Runs as arrays."""

    name: str
    frame: pd.DataFrame

    @cached_property
    def keys(self) -> list[tuple[str, int]]:
        return sorted(set(zip(self.frame["architecture"], self.frame["context_length"], strict=True)))

    @cached_property
    def architectures(self) -> list[str]:
        return sorted(set(self.frame["architecture"]))

    @cached_property
    def group(self) -> np.ndarray:
        index = {key: i for i, key in enumerate(self.keys)}
        return np.array(
            [index[k] for k in zip(self.frame["architecture"], self.frame["context_length"], strict=True)]
        )

    @cached_property
    def architecture(self) -> np.ndarray:
        return np.array([self.architectures.index(a) for a in self.frame["architecture"]])

    @property
    def groups(self) -> Groups:
        names, lengths = zip(*self.keys, strict=True)
        return Groups(names, lengths, float(np.exp(np.log(sorted(set(lengths))).mean())))

    def logs(self, name: str) -> np.ndarray:
        return np.log(self.frame[name].to_numpy(dtype=float))


class Candidate:
    """One discrepancy on one table with some runs left out."""

    def __init__(self, table: Table, train: np.ndarray, scales: dict[str, float]) -> None:
        import jax

        self.table, self.train = table, train
        self.spec = ModelSpec()
        self.hierarchy = build_hierarchy({n: self.spec.prior(n) for n in NAMES}, table.groups, "partial")
        self.n, self.d = (table.logs(x) - table.logs(x)[train].mean() for x in ("params", "tokens"))
        self.y = table.logs("loss")
        self.basis = _basis(self.n, self.d, scales)
        self.precision = np.ones(len(self.y))
        self.nu = 5.0
        self.potential = jax.jit(self._potential)
        self.gradient, self.hessian = (
            jax.jit(jax.grad(self._potential)),
            jax.jit(jax.hessian(self._potential)),
        )

    def predictive(self, seed: int = 0) -> np.ndarray:
        """Draws of ln loss of the runs left out, one run's scatter included: (draw, run)."""
        import jax

        mode, factor = self._settled()
        rng = np.random.default_rng(seed)
        x = mode + rng.standard_normal((DRAWS, len(mode))) @ factor.T
        drawn = jax.jit(jax.vmap(self._draw, (0, 0, None)))
        mean, sigma = map(np.asarray, drawn(x, jax.random.split(jax.random.key(seed), DRAWS), self.precision))
        noise = rng.standard_t(self.nu, size=mean.shape)
        return (mean + sigma * noise)[:, ~self.train]

    def _settled(self) -> tuple[np.ndarray, np.ndarray]:
        """Mode and square root of the covariance, the precisions of the noise settled."""
        import jax

        at_mode = jax.jit(self._fitted)
        x = self._start()
        for _ in range(ROUNDS):
            x = optimize.minimize(
                lambda v: float(self.potential(v, self.precision)),
                x,
                jac=lambda v: np.asarray(self.gradient(v, self.precision)),
                hess=lambda v: np.asarray(self.hessian(v, self.precision)),
                method="trust-exact",
                options={"maxiter": 100, "gtol": 1e-2},
            ).x
            residual, variance, sigma = map(np.asarray, at_mode(x, self.precision))
            self.nu = _degrees(residual[self.train] / sigma[self.train])
            weight = (self.nu + 1) / (self.nu + (residual**2 + variance) / sigma**2)
            self.precision = np.where(self.train, weight, 1.0)
        curvature, axes = np.linalg.eigh(np.asarray(self.hessian(x, self.precision)))
        return x, (axes / np.sqrt(np.maximum(curvature, 1e-3))) @ axes.T

    def _start(self) -> np.ndarray:
        h = self.hierarchy
        natural = {n: np.full(len(self.table.keys), m) for n, m in zip(NAMES, h.mean, strict=True)}
        loss = np.exp(self.y[self.train].mean())
        natural["E"] = np.minimum(natural["E"], np.log(0.6 * loss))
        natural["R"] = np.log(loss - np.exp(natural["E"]))
        return np.concatenate([pin(np, natural)[n] for n in NAMES])

    def _natural(self, x: Any) -> dict[str, Any]:
        import jax.numpy as jnp

        size = len(self.table.keys)
        return unpin(jnp, {n: x[i * size : (i + 1) * size] for i, n in enumerate(NAMES)})

    def _law(self, natural: dict[str, Any]) -> Any:
        import jax.numpy as jnp

        theta = law_arguments(jnp, natural, {})
        return log_loss(jnp, self.n, self.d, {k: v[self.table.group] for k, v in theta.items()})

    def _marginal(self, natural: dict[str, Any], precision: Any) -> Iterator[tuple[Any, ...]]:
        """For each architecture: its rows, log likelihood, and the weights' Cholesky factor and scores."""
        import jax.numpy as jnp
        from jax.scipy.linalg import solve_triangular

        residual = self.y - self._law(natural)
        scaled = self.train * precision * jnp.exp(-2 * natural["sigma"][self.table.group])
        for a in range(len(self.table.architectures)):
            rows = np.flatnonzero(self.table.architecture == a)
            basis, p, r = self.basis[rows], scaled[rows], residual[rows]
            factor = jnp.linalg.cholesky(jnp.eye(basis.shape[1]) + basis.T @ (p[:, None] * basis))
            score = solve_triangular(factor, basis.T @ (p * r), lower=True)
            normaliser = -(self.train[rows] * natural["sigma"][self.table.group[rows]]).sum()
            fit = -0.5 * (p * r**2).sum() + 0.5 * (score**2).sum() - jnp.log(jnp.diag(factor)).sum()
            yield rows, fit + normaliser, factor, score

    def _potential(self, x: Any, precision: Any) -> Any:
        import jax.numpy as jnp

        natural = self._natural(x)
        values = jnp.stack([natural[n] for n in NAMES], -2)
        likelihood = sum(part[1] for part in self._marginal(natural, precision))
        return -(likelihood + log_prior(jnp, values, self.hierarchy).sum())

    def _fitted(self, x: Any, precision: Any) -> tuple[Any, Any, Any]:
        """Residuals, variances of the discrepancy and noise scales at a point."""
        import jax.numpy as jnp
        from jax.scipy.linalg import solve_triangular

        natural = self._natural(x)
        mean, variance = self._law(natural), jnp.zeros(len(self.y))
        for rows, _, factor, score in self._marginal(natural, precision):
            weights = solve_triangular(factor.T, score, lower=False)
            mean = mean.at[rows].add(self.basis[rows] @ weights)
            spread = solve_triangular(factor, self.basis[rows].T, lower=True)
            variance = variance.at[rows].set((spread**2).sum(0))
        return self.y - mean, variance, jnp.exp(natural["sigma"][self.table.group])

    def _draw(self, x: Any, key: Any, precision: Any) -> tuple[Any, Any]:
        import jax
        import jax.numpy as jnp
        from jax.scipy.linalg import solve_triangular

        natural = self._natural(x)
        mean = self._law(natural)
        for i, (rows, _, factor, score) in enumerate(self._marginal(natural, precision)):
            noise = jax.random.normal(jax.random.fold_in(key, i), score.shape)
            weights = solve_triangular(factor.T, score + noise, lower=False)
            mean = mean.at[rows].add(self.basis[rows] @ weights)
        return mean, jnp.exp(natural["sigma"][self.table.group])


def _basis(n: np.ndarray, d: np.ndarray, scales: dict[str, float]) -> np.ndarray:
    """Columns (run, weight); each is a slope that turns within one step and stays."""
    columns = [np.zeros((len(n), 1))]
    for name, scale in scales.items():
        x = DIRECTIONS[name][0] * n + DIRECTIONS[name][1] * d
        for side in (1, -1):
            out = np.maximum(side * x, 0.0)
            for k in range(int(np.ceil(out.max() / STEP))):
                t = np.maximum(out - k * STEP, 0.0)
                turned = np.where(t < STEP, 0.5 * t**2, STEP * (t - 0.5 * STEP))
                columns.append(scale * turned[:, None] / np.sqrt(STEP))
    return np.concatenate(columns, axis=1)


def _degrees(z: np.ndarray) -> float:
    prior = ModelSpec().prior("nu")
    above = np.exp(np.linspace(np.log(0.3), np.log(60), 60))
    scores = [stats.t.logpdf(z, 2 + a).sum() + normal(np.log(a), center(prior), prior.scale) for a in above]
    return float(2 + above[int(np.argmax(scores))])


def tables(folder: Path) -> list[Table]:
    xlstm, gadre, marin, epoch = (
        pd.read_csv(folder / f"{n}.csv")
        for n in ("xlstm_runs", "gadre", "marin_isoflops", "epoch_chinchilla")
    )
    return [
        Table("xlstm", xlstm),
        Table("gadre", gadre.assign(architecture=gadre["train_set"])),
        Table("marin", marin[~marin["outlier"].astype(bool)].assign(architecture=marin["dataset"])),
        Table("epoch", epoch[~epoch["excluded_by_epoch"].astype(bool)]),
    ]


def cuts(table: Table) -> dict[str, np.ndarray]:
    """Which runs are fitted, by name of the cut."""
    frame = table.frame
    compute = frame["flops"].to_numpy(dtype=float)
    ratio = (frame["tokens"] / frame["params"]).to_numpy()
    params = frame["params"].to_numpy(dtype=float)
    if table.name == "xlstm":
        compute = np.where(frame["isoflop_group"] > 0, frame["isoflop_group"], compute)
        return {
            "C <= 1e19": compute <= 1.01e19,
            "C <= 3e19": compute <= 3.03e19,
            "C < 1e20": compute < 0.99e20,
            "D/N < 100": ratio < 100,
            "N < 400M": params < 4e8,
            "N < 830M": params < 8.3e8,
        }
    if table.name == "gadre":
        return {f"C <= {c:g}": compute <= c for c in (3e18, 1e20, 1e21)} | {"D/N < 85": ratio < 85}
    if table.name == "marin":
        return {f"C <= {c:g}": compute <= 1.05 * c for c in (1.2e19, 4e19, 1e20)}
    return {f"C <= {c:g}": compute <= c for c in (2e19, 1e20, 3e20, 1e21)}


def scores(table: Table, train: np.ndarray, draws: np.ndarray) -> pd.DataFrame:
    """One row a run left out."""
    y = table.logs("loss")[~train]
    low, q25, median, q75, high = np.quantile(draws, [0.05, 0.25, 0.5, 0.75, 0.95], axis=0)
    return pd.DataFrame(
        {
            "architecture": table.frame["architecture"].to_numpy()[~train],
            "in 90%": (y > low) & (y < high),
            "in 50%": (y > q25) & (y < q75),
            "error": np.abs(np.exp(median) - np.exp(y)),
            "bias": np.exp(median) - np.exp(y),
            "width": np.exp(high) - np.exp(low),
        }
    )


def row(name: str, where: dict[str, str], part: pd.DataFrame) -> dict[str, Any]:
    return {
        "discrepancy": name,
        **where,
        "runs": len(part),
        "in 90%, %": round(100 * part["in 90%"].mean()),
        "in 50%, %": round(100 * part["in 50%"].mean()),
        "MAE, mnat": round(1e3 * part["error"].mean(), 1),
        "bias, mnat": round(1e3 * part["bias"].mean(), 1),
        "90% width, mnat": round(1e3 * part["width"].median()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--only")
    arguments = parser.parse_args()
    chosen = arguments.only.split(";") if arguments.only else list(CANDIDATES)
    pooled, single = [], []
    for name in chosen:
        for table in tables(arguments.folder):
            parts = {}
            for cut, train in cuts(table).items():
                draws = Candidate(table, train, CANDIDATES[name]).predictive()
                parts[cut] = scores(table, train, draws)
                single.append(row(name, {"table": table.name, "cut": cut}, parts[cut]))
                print(single[-1], flush=True)
            whole = pd.concat(parts.values())
            pooled.append(row(name, {"table": table.name, "architecture": "all"}, whole))
            if table.name == "xlstm":
                by = whole.groupby("architecture")
                pooled += [row(name, {"table": table.name, "architecture": a}, p) for a, p in by]
    text = "\n\n".join(pd.DataFrame(rows).to_markdown(index=False) for rows in (pooled, single)) + "\n"
    print(text)
    if arguments.output:
        arguments.output.write_text(text)


if __name__ == "__main__":
    import jax

    jax.config.update("jax_enable_x64", True)
    warnings.simplefilter("ignore")
    main()
