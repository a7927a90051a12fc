"""Many fits of one design, compiled once: the losses, the mode and the coordinates are arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from bayes_scaling.models.density import unpin
from bayes_scaling.models.design import Design
from bayes_scaling.models.draws import TARGET_ACCEPTANCE, Engine, RawDraws, Sampling
from bayes_scaling.models.loss_numpyro import numpyro_engine
from bayes_scaling.models.loss_pymc import nutpie_engine, pymc_engine
from bayes_scaling.models.misfit_precisions import settle
from bayes_scaling.models.rounds import Gate, Silence, Verdict, sample_in_rounds
from bayes_scaling.models.whitening import Whitening

GateOf = Callable[[Design], Gate]


@dataclass(frozen=True)
class Refit:
    """Draws of one refit.

    Attributes
    ----------
    natural : mapping of str to ndarray
        It has natural coefficients (chain, draw, column), scalars (chain, draw) and, with a misfit, the
        coordinates of its weights (chain, draw, block, weight).
    divergences : int
    design : Design
        It has the losses that were fitted, and is settled.
    """

    natural: Mapping[str, np.ndarray]
    divergences: int
    design: Design


class Refitter(Protocol):
    """Draws given losses (column, slot) and a seed."""

    def __call__(self, log_loss: np.ndarray, seed: int) -> Refit:
        """One refit."""
        ...


def engine_of(design: Design, backend: str, sampler: str = "nutpie") -> Engine:
    """The sampler of a settled design: NumPyro, or for the back end ``pymc`` nutpie or PyMC's own."""
    if backend == "numpyro":
        return numpyro_engine(design)

    return nutpie_engine(design) if sampler == "nutpie" else pymc_engine(design)


def compile_refitter(
    design: Design, sampling: Sampling, backend: str, gate: GateOf | None = None
) -> Refitter:
    """The refitter of a back end, ``numpyro`` or ``pymc``.

    Parameters
    ----------
    design : Design
    sampling : Sampling
    backend : str
    gate : callable, optional
        Gives the gate of a settled design. Default: `accept`, one round.
    """

    def refit(log_loss: np.ndarray, seed: int) -> Refit:
        settled, whitening = settle(replace(design, log_loss=log_loss))
        sampled = sample_in_rounds(
            engine_of(settled, backend),
            whitening,
            settled.size,
            replace(sampling, seed=seed),
            TARGET_ACCEPTANCE[design.spec.pooling],
            accept if gate is None else gate(settled),
            Silence(),
        )
        natural = unpin(np, sampled.whitening.position(sampled.raw.whitened, settled))
        return Refit(natural, sampled.raw.divergences, settled)

    return refit


def accept(raw: RawDraws, whitening: Whitening) -> Verdict:
    """The gate of a run of fixed length: it passes."""
    return Verdict(True, "")
