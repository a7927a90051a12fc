"""Simulation-based calibration of the fit: truths from the prior must rank uniformly in their posteriors."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from rich.console import Console
from rich.progress import track

from bayes_scaling.calibration.simulated_curves import (
    Curves,
    plausible,
    posterior_curves,
    prior_curve,
    quantities,
    simulate_losses,
)
from bayes_scaling.calibration.uniformity import outside
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import SpecError
from bayes_scaling.faces.faced import Faced
from bayes_scaling.models.compiled_code import kept_compiled
from bayes_scaling.models.density import unpin
from bayes_scaling.models.design import Design, build_design
from bayes_scaling.models.draws import RawDraws, Sampling
from bayes_scaling.models.refit import compile_refitter
from bayes_scaling.models.rounds import Gate, Verdict
from bayes_scaling.models.spec import Backend, ModelSpec
from bayes_scaling.models.unit_priors import in_unit
from bayes_scaling.models.whitening import Whitening
from bayes_scaling.parallel import workers
from bayes_scaling.posterior.fitting import BACKENDS
from bayes_scaling.runs.table import Runs
from bayes_scaling.streams import Stream

RANKED = 99  # posterior draws that a truth is ranked among
NEEDED_ESS = 100.0
LARGEST_R_HAT = 1.05  # of short chains, for each replicate
LEVEL = 0.95
HERE = 100  # replicates up to which no process is started
PARTS = 8  # for other processes


@dataclass(frozen=True, eq=False, repr=False)
class Sbc(Faced, printer="calibration.print_sbc", figures={"ranks": "ranks.plot_ranks"}):
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
    backend: Backend = "numpyro",
    executor: Executor | None = None,
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
    executor : concurrent.futures.Executor, optional
        Where parts of the study run, each compiling for itself; the ranks are the same. Default: here up to
        `HERE` replicates, a process for each core beyond.

    Returns
    -------
    Sbc

    Raises
    ------
    SpecError
        Sizes that are not positive, an unknown back end, a prior with hardly a plausible curve, or a spec
        with offsets.
    RunsError
        As for `load_runs`.

    References
    ----------
    Talts et al. 2018, arXiv:1804.06788.

    Examples
    --------
    >>> bs.sbc("simulated", replicates=100).uniform  # doctest: +SKIP
    """
    if min(replicates, draws, tune, chains - 1) < 1:
        raise SpecError("sbc needs replicates, draws and tune of at least 1, and 2 chains")
    if backend not in BACKENDS:
        raise SpecError(f"unknown backend {backend!r}; choose one of {', '.join(BACKENDS)}")
    if spec is not None and spec.offsets:
        raise SpecError("sbc simulates no offsets: give a spec without them")
    table = load_runs(runs)
    spec = in_unit(spec, table.loss_unit)
    study = _Study(table, spec, Sampling(draws, tune, chains, seed), scale, backend)
    if executor is None and replicates <= HERE:
        rows = list(_tracked(study.replicates(range(replicates)), replicates, progress))
    else:
        rows = _elsewhere(study, replicates, executor, progress)
    return _result(rows, spec)


@dataclass(frozen=True, eq=False)
class _Study:
    runs: Runs
    spec: ModelSpec
    sampling: Sampling
    scale: float
    backend: str

    def replicates(self, numbers: range) -> Iterator[dict[str, Any]]:
        """Ranks and convergence of some replicates, the model compiled once for them."""
        with kept_compiled():
            yield from self._replicates(numbers)

    def _replicates(self, numbers: range) -> Iterator[dict[str, Any]]:
        design = build_design(self.runs, self.spec)
        refit = compile_refitter(design, self.sampling, self.backend, _gate)
        for i in numbers:
            rng = np.random.default_rng([self.sampling.seed, Stream.SIMULATED_CURVES, i])
            truth = prior_curve(design, rng)
            found = refit(simulate_losses(design, truth, rng, self.scale), int(rng.integers(2**31)))
            flat = {name: np.reshape(v, (-1, *v.shape[2:])) for name, v in found.natural.items()}
            drawn = posterior_curves(found.design, flat, rng)
            ranks = _ranks(design, truth, drawn, rng)
            yield {"replicate": i, "ranks": ranks} | _state(found.natural, found.divergences)


def _gate(design: Design) -> Gate:
    """Rounds go on until a replicate's draws suffice for its ranks."""

    def gate(raw: RawDraws, whitening: Whitening) -> Verdict:
        natural = unpin(np, whitening.position(raw.whitened, design))
        return Verdict(bool(_state(natural, raw.divergences)["converged"]), "")

    return gate


def _part(study: _Study, numbers: range) -> list[dict[str, Any]]:
    """Some replicates, in whatever process."""
    return list(study.replicates(numbers))


def _elsewhere(
    study: _Study, replicates: int, executor: Executor | None, progress: bool | None
) -> list[dict[str, Any]]:
    """All replicates in parts, in order."""
    edges = np.linspace(0, replicates, PARTS + 1).astype(int)
    parts = [range(a, b) for a, b in pairwise(edges.tolist()) if b > a]
    with workers(executor) as pool:
        futures = [pool.submit(_part, study, part) for part in parts]
        found = [
            row
            for future in _tracked(as_completed(futures), len(futures), progress)
            for row in future.result()
        ]
    return sorted(found, key=lambda row: row["replicate"])


def _state(natural: Any, divergences: int) -> dict[str, Any]:
    import arviz_stats as az

    dims = ("chain", "draw", "column")
    data = {n: (dims[: v.ndim], v) for n, v in natural.items() if n != "drift"}
    draws = xr.Dataset(data)
    r_hat = max(float(v.max()) for v in az.rhat(draws).values())
    ess = min(float(v.min()) for v in az.ess(draws).values())
    good = r_hat <= LARGEST_R_HAT and ess >= NEEDED_ESS
    return {"r_hat": r_hat, "ess": ess, "divergences": divergences, "converged": good}


def _ranks(design: Design, truth: Curves, found: Curves, rng: np.random.Generator) -> dict[str, int]:
    """Rank of the truth of each quantity among spread-out plausible draws."""
    keep = np.flatnonzero(plausible(design, found))
    chosen = keep[np.linspace(0, len(keep) - 1, RANKED).round().astype(int)]
    posterior = quantities(design, found[chosen])
    known = quantities(design, truth)
    return {
        name: int((posterior[name] < known[name][0]).sum() + _ties(posterior[name] == known[name][0], rng))
        for name in known
    }


def _ties(equal: np.ndarray, rng: np.random.Generator) -> int:
    return int(rng.integers(0, int(equal.sum()) + 1))


def _tracked(steps: Iterable[Any], total: int, progress: bool | None) -> Iterable[Any]:
    shown = sys.stderr.isatty() if progress is None else progress
    console = Console(stderr=True)
    return track(steps, "replicates", total, console=console, disable=not shown, transient=True)


def _result(rows: list[dict[str, Any]], spec: ModelSpec) -> Sbc:
    states = pd.DataFrame(rows).set_index("replicate")
    ranks = pd.DataFrame(list(states.pop("ranks")), index=states.index)
    return Sbc(ranks, states, spec)
