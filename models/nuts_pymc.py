"""NUTS on a PyMC model in stages: by nutpie, whose chains run on while they are judged, or by PyMC itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.models.draws import RawDraws, Tell
from bayes_scaling.models.whitening import Whitening

Model = Any  # a pymc.Model; PyMC is imported where it is used
POLL = 0.05  # seconds between looks at chains that run
_NUTPIE = {
    "diverging": "diverging",
    "energy": "energy",
    "n_steps": "n_steps",
    "depth": "tree_depth",
    "mean_tree_accept": "acceptance_rate",
    "step_size": "step_size",
}
_PYMC = {
    name: name for name in ("diverging", "energy", "n_steps", "tree_depth", "acceptance_rate", "step_size")
}
FRAME = ("center", "factor", "scales")


def frame_data(whitening: Whitening, names: tuple[str, ...]) -> dict[str, Any]:
    """The whitening as data of a model that has some of `FRAME`."""
    return {name: getattr(whitening, name) for name in FRAME if name in names}


@dataclass(frozen=True)
class NutpieEngine:
    """See `bayes_scaling.models.draws.Engine`.

    nutpie places its chains itself, within one unit of the whitening's centre.

    Attributes
    ----------
    compiled : object
        nutpie's model has the whitening as data.
    names : tuple of str
        Its data have these names.
    data : mapping
        It is the rest of the data.
    """

    compiled: Any
    names: tuple[str, ...]
    data: Mapping[str, Any]

    def pilot(
        self, whitening: Whitening, points: np.ndarray, transitions: int, target: float, seed: int, tell: Tell
    ) -> np.ndarray:
        """Points (chain, draw, size) of short chains whose step size adapts, the first third left out."""
        tune = transitions // 3
        chains = self._started(whitening, len(points), tune, transitions - tune, target, seed)
        try:
            return chains.reach(transitions - tune, tell).whitened
        finally:
            chains.close()

    def chains(
        self, whitening: Whitening, points: np.ndarray, tune: int, cap: int, target: float, seed: int
    ) -> NutpieChains:
        """Chains near the centre; ``tune`` transitions find the step size."""
        return self._started(whitening, len(points), 2 * tune, cap, target, seed)

    def _started(
        self, whitening: Whitening, chains: int, tune: int, draws: int, target: float, seed: int
    ) -> NutpieChains:
        import nutpie

        changed = self.compiled.with_data(**self.data, **frame_data(whitening, self.names))
        found = NutpieChains()
        found.sampler = nutpie.sample(
            changed,
            draws=draws,
            tune=tune,
            chains=chains,
            cores=chains,  # all at once, for they are judged together
            seed=seed,
            progress_bar=False,
            progress_callback=found.count,
            progress_rate=int(1000 * POLL),
            save_warmup=False,
            adaptation="diag",
            target_accept=target,
            blocking=False,
        )
        found.tune = tune
        return found


@dataclass
class NutpieChains:
    """See `bayes_scaling.models.draws.Chains`."""

    sampler: Any = None
    tune: int = 0
    finished: list[int] = field(default_factory=list)

    def count(self, progress: list[Any]) -> None:
        """Take nutpie's word of how many transitions each chain has made."""
        self.finished = [chain.finished_draws for chain in progress]

    def reach(self, draws: int, tell: Tell) -> RawDraws:
        """The first ``draws`` draws of each chain; sampling rests while they are judged."""
        self.sampler.resume()
        while min(self.finished, default=0) < self.tune + draws and not self._ended():
            time.sleep(POLL)
            tell(max(sum(self.finished) - self.tune * len(self.finished), 0))
        while True:
            self.sampler.pause()
            raw = _raw(self.sampler.inspect(), _NUTPIE)
            first = raw.whitened[:, :draws]
            if first.shape[1] == draws and np.isfinite(first).all():  # shorter chains are padded
                return RawDraws(first, {name: value[:, :draws] for name, value in raw.stats.items()})
            if self._ended():
                raise BayesScalingError(
                    f"nutpie ended with fewer than {draws} draws in a chain: fit with backend='numpyro'"
                )
            self.sampler.resume()
            time.sleep(POLL)

    def _ended(self) -> bool:
        """Whether all chains have made all their draws; an error of one of them is raised."""
        try:
            return bool(self.sampler.is_finished)
        except TimeoutError:  # nutpie's word for not yet
            return False

    def close(self) -> None:
        """Stop sampling."""
        self.sampler.cancel()


@dataclass
class PymcEngine:
    """PyMC's own sampler; see `bayes_scaling.models.draws.Engine`.

    Attributes
    ----------
    model : pymc.Model
        It has the whitening as data.
    names : tuple of str
        Its data have these names.
    """

    model: Model
    names: tuple[str, ...]

    def pilot(
        self, whitening: Whitening, points: np.ndarray, transitions: int, target: float, seed: int, tell: Tell
    ) -> np.ndarray:
        """Points (chain, draw, size) of short chains whose step size adapts, the first third left out."""
        tune = max(transitions // 3, 1)
        self._place(whitening)
        return self.sample(points, tune, max(transitions - tune, 1), target, seed).whitened

    def chains(
        self, whitening: Whitening, points: np.ndarray, tune: int, cap: int, target: float, seed: int
    ) -> PymcChains:
        """Chains from points (chain, size); ``tune`` transitions find the step size, in each round anew."""
        self._place(whitening)
        return PymcChains(self, points, tune, target, seed)

    def _place(self, whitening: Whitening) -> None:
        import pymc as pm

        pm.set_data(frame_data(whitening, self.names), model=self.model)

    def sample(self, points: np.ndarray, tune: int, draws: int, target: float, seed: int) -> RawDraws:
        """Draws of chains from points (chain, size)."""
        import pymc as pm

        with self.model:
            tree = pm.sample(
                draws=draws,
                tune=tune,
                chains=len(points),
                random_seed=seed,
                initvals=[{"whitened": point} for point in points],
                init="adapt_diag",
                progressbar=False,
                nuts_sampler="pymc",
                target_accept=target,
                compute_convergence_checks=False,
            )
        return _raw(tree, _PYMC)


@dataclass
class PymcChains:
    """Each round goes on from the last draws; see `bayes_scaling.models.draws.Chains`."""

    engine: PymcEngine
    points: np.ndarray
    tune: int
    target: float
    seed: int
    parts: list[RawDraws] = field(default_factory=list)

    def reach(self, draws: int, tell: Tell) -> RawDraws:
        """The first ``draws`` draws of each chain, sampled as far as they are not there yet."""
        missing = draws - sum(part.whitened.shape[1] for part in self.parts)
        if missing > 0:
            seed = self.seed + len(self.parts)
            part = self.engine.sample(self.points, self.tune, missing, self.target, seed)
            self.parts.append(part)
            self.points = part.whitened[:, -1]
            tell(draws * len(self.points))
        names = self.parts[0].stats
        return RawDraws(
            np.concatenate([part.whitened for part in self.parts], axis=1),
            {name: np.concatenate([part.stats[name] for part in self.parts], axis=1) for name in names},
        )

    def close(self) -> None:
        """Nothing runs between rounds."""


def _raw(tree: xr.DataTree, names: dict[str, str]) -> RawDraws:
    stats = {ours: tree["sample_stats"][theirs].to_numpy() for theirs, ours in names.items()}
    return RawDraws(tree["posterior"]["whitened"].to_numpy(), stats)
