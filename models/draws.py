"""Raw draws of a sampler, and the settings that both back ends share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

TARGET_ACCEPTANCE = {"partial": 0.9, "complete": 0.8, "none": 0.95}  # groups alone are less like a normal


@dataclass(frozen=True)
class Sampling:
    """How to sample.

    Attributes
    ----------
    draws, tune, chains : int
        Kept draws and warm-up steps of each chain.
    seed : int
    progress : bool
        Show a progress bar.
    """

    draws: int = 1000
    tune: int = 400
    chains: int = 4
    seed: int = 0
    progress: bool = False


@dataclass(frozen=True)
class RawDraws:
    """Whitened points and the sampler's statistics.

    Attributes
    ----------
    whitened : ndarray (chain, draw, size)
    stats : mapping of str to ndarray (chain, draw)
        diverging, energy, n_steps, tree_depth, acceptance_rate, step_size.
    """

    whitened: np.ndarray
    stats: Mapping[str, np.ndarray]
