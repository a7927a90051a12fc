"""The latency model's data as arrays: one block for each architecture and phase, and one for its memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bayes_scaling.models.size_spread import size_covariance
from bayes_scaling.roofline.devices import Device
from bayes_scaling.roofline.memory import Footprint
from bayes_scaling.roofline.parameters import Parameter
from bayes_scaling.roofline.workload import Workload

SCALE = ("scale", -3.5, 0.7)  # ln of the noise's scale: 3% between half and twice that
FIRST_SCALE = ("first_scale", -2.7, 0.7)  # the same for first tokens without a prompt, modelled coarsely
RESERVED_SCALE = ("reserved_scale", -2.5, 0.7)  # ln of the scatter of ln reserved bytes
SIZE_SCALE = "size_scale"


@dataclass(frozen=True)
class Noise:
    """How measured times scatter round the formula.

    Attributes
    ----------
    size_sd, size_factor : float
        All cells of one model size share a shift of ln time. Its standard deviation amid the fitted sizes is
        log-normal: the median, and the standard deviation of its logarithm.
    size_growth : float
        By so much of its variance amid them the variance of a shift grows for each e-fold of params away.
        These are learnt by leaving sizes out (`benchmarks/latency_sizes.py`).
    degrees : float
        The Student-t noise has so many degrees of freedom.
    """

    size_sd: float = 0.023
    size_factor: float = 0.4
    size_growth: float = 4.3
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
    def plain_names(self) -> tuple[str, ...]:
        """Coordinates before the shifts."""
        return (*(p.name for p in self.parameters), SCALE[0], FIRST_SCALE[0], SIZE_SCALE)

    @property
    def names(self) -> tuple[str, ...]:
        """Coordinates in order."""
        return (*self.plain_names, *(f"shift[{size}]" for size in self.sizes))

    def prior(self, noise: Noise) -> tuple[np.ndarray, np.ndarray]:
        """Means and standard deviations of the coordinates before the shifts."""
        mean = [*(p.center for p in self.parameters), SCALE[1], FIRST_SCALE[1], np.log(noise.size_sd)]
        sd = [*(p.sd for p in self.parameters), SCALE[2], FIRST_SCALE[2], noise.size_factor]
        return np.array(mean), np.array(sd)

    def shift_root(self, noise: Noise) -> np.ndarray:
        """Lower root of the shifts' covariance over the square of their scale (size, size)."""
        covariance = size_covariance(np.array(self.sizes, dtype=float), noise.size_growth)
        return np.asarray(np.linalg.cholesky(covariance))


@dataclass(frozen=True)
class MemoryBlock:
    """Queries of one architecture that fitted or did not; its coordinates are coefficients and a scale.

    Attributes
    ----------
    architecture : str
    parameters : tuple of Parameter
    used : Footprint
    fits : ndarray (row,)
        It is 1 where the query fits, 0 where not, and 0.5 where that is not known.
    log_reserved : ndarray (row,)
        It is the ln of the bytes reserved; 0 where they are not known.
    reserved : ndarray (row,)
        It is 1 where they are known.
    """

    architecture: str
    parameters: tuple[Parameter, ...]
    used: Footprint
    fits: np.ndarray
    log_reserved: np.ndarray
    reserved: np.ndarray
    phase: str = "memory"
    sizes: tuple[int, ...] = ()

    @property
    def plain_names(self) -> tuple[str, ...]:
        """Coordinates in order; memory has no shifts."""
        return (*(p.name for p in self.parameters), RESERVED_SCALE[0])

    @property
    def names(self) -> tuple[str, ...]:
        """Coordinates in order."""
        return self.plain_names

    def prior(self, noise: Noise) -> tuple[np.ndarray, np.ndarray]:
        """Means and standard deviations of the coordinates."""
        mean = [*(p.center for p in self.parameters), RESERVED_SCALE[1]]
        sd = [*(p.sd for p in self.parameters), RESERVED_SCALE[2]]
        return np.array(mean), np.array(sd)


Block = TimeBlock | MemoryBlock


@dataclass(frozen=True)
class LatencyDesign:
    """All blocks; a position is the concatenation of their coordinates.

    Attributes
    ----------
    blocks : tuple of Block
    device : Device
    noise : Noise
    covariance : ndarray (plain, plain)
        The coordinates that are no shifts have this covariance in the prior.
    """

    blocks: tuple[Block, ...]
    device: Device
    noise: Noise
    covariance: np.ndarray

    @property
    def size(self) -> int:
        """Coordinates of all blocks."""
        return sum(len(block.names) for block in self.blocks)

    @property
    def coordinates(self) -> tuple[str, ...]:
        """``architecture/phase/name`` of each coordinate."""
        return tuple(f"{b.architecture}/{b.phase}/{name}" for b in self.blocks for name in b.names)

    @cached_property
    def plain(self) -> np.ndarray:
        """Where a position holds the coordinates that are no shifts."""
        found: list[int] = []
        start = 0
        for block in self.blocks:
            found.extend(range(start, start + len(block.plain_names)))
            start += len(block.names)
        return np.array(found)

    @cached_property
    def plain_mean(self) -> np.ndarray:
        """Prior mean of the coordinates that are no shifts."""
        return np.concatenate([block.prior(self.noise)[0] for block in self.blocks])

    @cached_property
    def plain_root(self) -> np.ndarray:
        """Lower root of their prior covariance."""
        return np.asarray(np.linalg.cholesky(self.covariance))

    def parts(self, position: Any) -> Iterator[tuple[Block, Any]]:
        """Each block with its part of a position (..., size)."""
        start = 0
        for block in self.blocks:
            end = start + len(block.names)
            yield block, position[..., start:end]
            start = end

    def alone(self) -> list[LatencyDesign]:
        """A design for each block, with the marginal prior of its coordinates."""
        found = []
        start = 0
        for block in self.blocks:
            end = start + len(block.plain_names)
            own = self.covariance[start:end, start:end]
            found.append(LatencyDesign((block,), self.device, self.noise, own))
            start = end
        return found

    def start(self) -> np.ndarray:
        """The position at the prior's mean."""
        found = np.zeros(self.size)
        found[self.plain] = self.plain_mean
        return found

    def draw_prior(self, draws: int, rng: np.random.Generator) -> np.ndarray:
        """Positions of the prior (draw, size)."""
        found = np.zeros((draws, self.size))
        standard = rng.standard_normal((draws, len(self.plain)))
        found[:, self.plain] = self.plain_mean + standard @ self.plain_root.T
        for block, part in self.parts(found):
            if isinstance(block, TimeBlock):
                count = len(block.plain_names)
                scale = np.exp(part[:, count - 1 : count])
                drawn = rng.standard_normal((draws, len(block.sizes))) @ block.shift_root(self.noise).T
                part[:, count:] = scale * drawn
        return found
