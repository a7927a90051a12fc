"""Simulation-based calibration of the fit: truths from the prior must rank uniformly in their posteriors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.errors import SpecError
from bayes_scaling.fitting import BACKENDS
from bayes_scaling.laws import GAMMA_LAW
from bayes_scaling.models.coefficients import draw_prior, to_user
from bayes_scaling.models.density import degrees, law_at_slots, slot_scales, two_sided
from bayes_scaling.models.design import Design, build_design
from bayes_scaling.models.draws import Sampling
from bayes_scaling.models.loss_numpyro import keep_compiled
from bayes_scaling.models.refit import compile_refitter
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.runs import load_runs
from bayes_scaling.uniformity import outside

if TYPE_CHECKING:
    import pandas as pd

LOWEST, HIGHEST = 1.0, 12.0  # nats per token: curves that leave this are not plausible
RANKED = 99  # posterior draws that a truth is ranked among
NEEDED_ESS = 100.0
LARGEST_R_HAT = 1.05  # of short chains, for each replicate
LEVEL = 0.95
TARGET = 10.0  # times the runs' largest compute: where the optimum is asked for


@dataclass(frozen=True, eq=False)
class Sbc:
    """Ranks of truths.

    Attributes
    ----------
    ranks : DataFrame
        One row a replicate, one column a quantity; 0 to `RANKED`.
    convergence : DataFrame
        One row a replicate: r_hat, ess, divergences, converged.
    spec : ModelSpec
    """

    ranks: pd.DataFrame
    convergence: pd.DataFrame
    spec: ModelSpec

    def table(self) -> pd.DataFrame:
        """One row a quantity.

        Columns: quantity; mean and sd of rank / `RANKED` (uniform: 0.5 and 0.289); outside, whether its
        curve leaves the 95% band; outside_family, the same for the band that holds all at once.
        """
        import pandas as pd

        values = self.ranks.to_numpy()
        family = 1 - (1 - LEVEL) / values.shape[1]
        return pd.DataFrame(
            {
                "quantity": self.ranks.columns,
                "mean": values.mean(0) / RANKED,
                "sd": values.std(0) / RANKED,
                "outside": outside(values, RANKED, LEVEL),
                "outside_family": outside(values, RANKED, family),
            }
        )

    @property
    def uniform(self) -> bool:
        """Whether no quantity leaves the band that all of them together stay in with 95%."""
        return not bool(self.table()["outside_family"].any())

    @property
    def not_converged(self) -> int:
        """Replicates that failed their convergence check."""
        return int((~self.convergence["converged"]).sum())


def sbc(
    runs: Any,
    spec: ModelSpec | None = None,
    *,
    replicates: int = 200,
    draws: int = 500,
    tune: int = 300,
    chains: int = 2,
    seed: int = 0,
    progress: bool | None = None,
    scale: float = 1.0,
    backend: str = "numpyro",
) -> Sbc:
    """Simulate losses at the runs' sizes from the prior, refit, and rank each truth in its posterior.

    The prior is cut to curves whose losses lie within 1 to 12 nats at every run, and so is each posterior:
    that keeps ranks exact. One model is compiled and refitted.

    Parameters
    ----------
    runs : Runs, path, DataFrame or catalogue name
        Only their architectures, contexts, params, tokens, weights and loss_sd are used.
    spec : ModelSpec, optional
    replicates, draws, tune, chains : int
    seed : int
    progress : bool, optional
        Default: where standard error is a terminal.
    scale : float
        Multiplies the simulated noise: a value other than 1 simulates from another model than is fitted,
        which the ranks must show.
    backend : {"numpyro", "pymc"}
        PyMC by nutpie.

    Returns
    -------
    Sbc

    Raises
    ------
    SpecError
        Sizes that are not positive, an unknown back end, a prior with hardly a plausible curve, or a spec
        with a drift.
    RunsError
        As for `load_runs`.

    References
    ----------
    Talts et al. 2018, arXiv:1804.06788.
    """
    if min(replicates, draws, tune, chains - 1) < 1:
        raise SpecError("sbc needs replicates, draws and tune of at least 1, and 2 chains")
    if backend not in BACKENDS:
        raise SpecError(f"unknown backend {backend!r}; choose one of {', '.join(BACKENDS)}")
    spec = spec or ModelSpec()
    if spec.discrepancy != "none" or spec.offsets:
        raise SpecError("sbc simulates the law alone: give a spec without drift (discrepancy) and offsets")
    keep_compiled()
    design = build_design(load_runs(runs), spec)
    refit = compile_refitter(design, Sampling(draws, tune, chains, seed), backend)
    rng = np.random.default_rng([seed, 7])
    ranks, states = [], []
    for i in _tracked(replicates, progress):
        truth = _plausible_truth(design, rng)
        found = refit(_simulated(design, truth, rng, scale), int(rng.integers(2**31)))
        states.append(_state(found.natural, found.divergences))
        ranks.append(_ranks(design, truth, found.natural, rng) | {"replicate": i})
    return _result(ranks, states, spec)


def _plausible_truth(design: Design, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """One draw from the prior cut to plausible curves: (1, column) and nu (1,)."""
    for _ in range(50):
        natural, _component = draw_prior(design, 200, rng)
        good = np.flatnonzero(_plausible(design, natural))
        if good.size:
            return {name: value[good[:1]] for name, value in natural.items()}
    raise SpecError("the prior gives hardly a curve of plausible losses for these runs: change it")


def _plausible(design: Design, natural: dict[str, np.ndarray]) -> np.ndarray:
    """Whether all losses of a draw are: (...)."""
    loss = np.exp(law_at_slots(np, natural, design))
    inside = (loss > LOWEST) & (loss < HIGHEST) | (design.weight == 0)
    return np.asarray(inside.all((-2, -1)))


def _simulated(
    design: Design, truth: dict[str, np.ndarray], rng: np.random.Generator, scale: float
) -> np.ndarray:
    mean = law_at_slots(np, truth, design)
    noise = scale * rng.standard_t(float(degrees(np, truth["nu"])[0]), size=mean.shape)
    residual = two_sided(noise, *slot_scales(np, truth, design), rng)
    return np.where(design.weight > 0, mean + residual, mean)[0]


def _state(natural: Any, divergences: int) -> dict[str, Any]:
    import arviz_stats as az
    import xarray as xr

    data = {n: (("chain", "draw", "column")[: v.ndim], v) for n, v in natural.items()}
    draws = xr.Dataset(data)
    r_hat = max(float(v.max()) for v in az.rhat(draws).values())
    ess = min(float(v.min()) for v in az.ess(draws).values())
    good = r_hat <= LARGEST_R_HAT and ess >= NEEDED_ESS
    return {"r_hat": r_hat, "ess": ess, "divergences": divergences, "converged": good}


def _ranks(
    design: Design, truth: dict[str, np.ndarray], natural: Any, rng: np.random.Generator
) -> dict[str, int]:
    """Rank of the truth of each quantity among spread-out plausible draws."""
    flat = {name: np.reshape(v, (-1, *v.shape[2:])) for name, v in natural.items()}
    keep = np.flatnonzero(_plausible(design, flat))
    chosen = keep[np.linspace(0, len(keep) - 1, RANKED).round().astype(int)]
    posterior = _quantities(design, {name: v[chosen] for name, v in flat.items()})
    known = _quantities(design, truth)
    return {
        name: int((posterior[name] < known[name][0]).sum() + _ties(posterior[name] == known[name][0], rng))
        for name in known
    }


def _ties(equal: np.ndarray, rng: np.random.Generator) -> int:
    return int(rng.integers(0, int(equal.sum()) + 1))


def _quantities(design: Design, natural: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Coefficients by group, nu, and what follows from them: the optimum, the order of architectures."""
    labels = _labels(design)
    found = {
        f"{name} [{label}]": natural[name][:, i]
        for name in design.hierarchy.names
        for i, label in enumerate(labels)
    }
    user = to_user(natural, design)
    compute = TARGET * 6 * np.exp((design.log_params + design.log_tokens)[design.weight > 0].max())
    compute *= design.reference_params * design.reference_tokens
    law = design.spec.law_value
    params, tokens = GAMMA_LAW.optimum(np, compute, law.complete(user))  # the closed form: without eta
    loss = law.loss(np, params, tokens, user)
    for i, label in enumerate(labels):
        found |= {f"optimal params [{label}]": params[:, i], f"loss there [{label}]": loss[:, i]}
    if len(labels) > 1:
        found["loss difference"] = loss[:, 0] - loss[:, -1]
    return found | {"nu": natural["nu"]}


def _labels(design: Design) -> list[str]:
    if design.columns == 1:
        return ["all"]
    groups = design.groups
    return [f"{a}, {t}" for a, t in zip(groups.architecture, groups.context_length, strict=True)]


def _tracked(replicates: int, progress: bool | None) -> Any:
    import sys

    from rich.console import Console
    from rich.progress import track

    shown = sys.stderr.isatty() if progress is None else progress
    console = Console(stderr=True)
    return track(range(replicates), "replicates", console=console, disable=not shown, transient=True)


def _result(ranks: list[dict[str, int]], states: list[dict[str, Any]], spec: ModelSpec) -> Sbc:
    import pandas as pd

    table = pd.DataFrame(ranks).set_index("replicate")
    return Sbc(table, pd.DataFrame(states, index=table.index), spec)
