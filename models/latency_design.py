"""The latency model's data as arrays: one block for each architecture and phase, and one for its memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_scaling.roofline.devices import Device
from bayes_scaling.roofline.memory import Footprint
from bayes_scaling.roofline.parameters import Parameter
from bayes_scaling.roofline.workload import Workload

SCALE = ("scale", -3.5, 0.7)  # ln of the noise's scale: 3% between half and twice that
FIRST_SCALE = ("first_scale", -2.7, 0.7)  # the same for first tokens without a prompt, modelled coarsely


@dataclass(frozen=True)
class Noise:
    """How measured times scatter round the formula.

    Attributes
    ----------
    size_sd : float
        All cells of one model size share a shift of ln time with this standard deviation.
    degrees : float
        The Student-t noise has so many degrees of freedom.
    """

    size_sd: float = 0.035
    degrees: float = 4.0


@dataclass(frozen=True)
class TimeBlock:
    """Times of one architecture and phase; its coordinates are coefficients, scales, shifts.

    Attributes
    ----------
    architecture, phase, mixer : str
    parameters : tuple of Parameter
    work : Workload
    log_time : ndarray (row,)
        It is the ln of seconds.
    first : ndarray (row,)
        It is 1 for first tokens without a prompt.
    sizes : tuple of int
        The model sizes have so many params.
    member : ndarray (row, size)
        It is 1 where a row is of a size.
    """

    architecture: str
    phase: str
    mixer: str
    parameters: tuple[Parameter, ...]
    work: Workload
    log_time: np.ndarray
    first: np.ndarray
    sizes: tuple[int, ...]
    member: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """Coordinates in order."""
        shifts = (f"shift[{size}]" for size in self.sizes)
        return (*(p.name for p in self.parameters), SCALE[0], FIRST_SCALE[0], *shifts)

    def prior(self, noise: Noise) -> tuple[np.ndarray, np.ndarray]:
        """Means and standard deviations of the coordinates."""
        count = len(self.sizes)
        mean = [*(p.center for p in self.parameters), SCALE[1], FIRST_SCALE[1], *[0.0] * count]
        sd = [*(p.sd for p in self.parameters), SCALE[2], FIRST_SCALE[2], *[noise.size_sd] * count]
        return np.array(mean), np.array(sd)


@dataclass(frozen=True)
class MemoryBlock:
    """Queries of one architecture that fitted or did not; its coordinates are coefficients.

    Attributes
    ----------
    architecture : str
    parameters : tuple of Parameter
    used : Footprint
    fits : ndarray (row,)
        It is 1 where the query fits, else 0.
    """

    architecture: str
    parameters: tuple[Parameter, ...]
    used: Footprint
    fits: np.ndarray
    phase: str = "memory"

    @property
    def names(self) -> tuple[str, ...]:
        """Coordinates in order."""
        return tuple(p.name for p in self.parameters)

    def prior(self, noise: Noise) -> tuple[np.ndarray, np.ndarray]:
        """Means and standard deviations of the coordinates."""
        return np.array([p.center for p in self.parameters]), np.array([p.sd for p in self.parameters])


Block = TimeBlock | MemoryBlock


@dataclass(frozen=True)
class LatencyDesign:
    """All blocks; a position is the concatenation of their coordinates.

    Attributes
    ----------
    blocks : tuple of Block
    device : Device
    noise : Noise
    """

    blocks: tuple[Block, ...]
    device: Device
    noise: Noise

    @property
    def size(self) -> int:
        """Coordinates of all blocks."""
        return sum(len(block.names) for block in self.blocks)

    @property
    def coordinates(self) -> tuple[str, ...]:
        """``architecture/phase/name`` of each coordinate."""
        return tuple(f"{b.architecture}/{b.phase}/{name}" for b in self.blocks for name in b.names)

    def parts(self, position: Any) -> Iterator[tuple[Block, Any]]:
        """Each block with its part of a position (..., size)."""
        start = 0
        for block in self.blocks:
            end = start + len(block.names)
            yield block, position[..., start:end]
            start = end

    def prior(self) -> tuple[np.ndarray, np.ndarray]:
        """Means and standard deviations of all coordinates."""
        pairs = [block.prior(self.noise) for block in self.blocks]
        return np.concatenate([mean for mean, _ in pairs]), np.concatenate([sd for _, sd in pairs])
