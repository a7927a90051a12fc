"""Settings of a sampler, its raw draws, and what every sampler offers: pilots and chains that go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bayes_scaling.models.whitening import Whitening

TARGET_ACCEPTANCE = {"partial": 0.85, "complete": 0.8, "none": 0.95}  # groups alone are less like a normal
CAP = 10  # times ``draws``: where rounds end by default
Tell = Callable[[int], None]  # told how many transitions all chains have made since the stage began


@dataclass(frozen=True)
class Sampling:
    """How to sample.

    Attributes
    ----------
    draws : int
        Each chain keeps so many at least.
    tune : int
        Each chain makes so many transitions before those: pilots, then the step size.
    chains : int
    seed : int
    progress : bool
        Show a progress bar.
    max_draws : int or None
        Rounds end after so many draws of each chain. Default: `CAP` times ``draws``.
    """

    draws: int = 1000
    tune: int = 300
    chains: int = 4
    seed: int = 0
    progress: bool = False
    max_draws: int | None = None

    @property
    def cap(self) -> int:
        """Draws of each chain after which rounds end; one chain cannot be judged, so it has one round."""
        if self.chains < 2:
            return self.draws
        return CAP * self.draws if self.max_draws is None else max(self.draws, self.max_draws)


@dataclass(frozen=True)
class RawDraws:
    """Whitened points and the sampler's statistics.

    Attributes
    ----------
    whitened : ndarray (chain, draw, size)
    stats : mapping of str to ndarray (chain, draw)
        The keys are diverging, energy, n_steps, tree_depth, acceptance_rate and step_size.
    """

    whitened: np.ndarray
    stats: Mapping[str, np.ndarray]

    @property
    def divergences(self) -> int:
        """Transitions that diverged."""
        return int(np.sum(self.stats["diverging"]))

    def every(self, step: int) -> RawDraws:
        """One draw in so many of each chain."""
        return RawDraws(
            self.whitened[:, ::step], {name: value[:, ::step] for name, value in self.stats.items()}
        )


class Chains(Protocol):
    """Chains of fixed step size that go on as far as they are asked to."""

    def reach(self, draws: int, tell: Tell) -> RawDraws:
        """The first ``draws`` draws of each chain, sampled as far as they are not there yet."""
        ...

    def close(self) -> None:
        """Stop whatever still runs."""
        ...


class Engine(Protocol):
    """A sampler of one density of whitened points (size,)."""

    def pilot(
        self, whitening: Whitening, points: np.ndarray, transitions: int, target: float, seed: int, tell: Tell
    ) -> np.ndarray:
        """Points (chain, draw, size) of short chains whose step size adapts, the first third left out."""
        ...

    def chains(
        self, whitening: Whitening, points: np.ndarray, tune: int, cap: int, target: float, seed: int
    ) -> Chains:
        """Chains from points (chain, size); ``tune`` transitions find the step size."""
        ...
