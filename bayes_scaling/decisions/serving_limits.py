"""What a decision asks of a latency fit, and the models that keep to its limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from bayes_scaling.decisions.intervals import LARGEST, SMALLEST, Region, intervals_where
from bayes_scaling.decisions.limits import Limits
from bayes_scaling.errors import DecisionError
from bayes_scaling.latency.fit import LatencyFit, load_latency
from bayes_scaling.latency.serving import fits_probability, probability_below

SEARCHED = np.linspace(np.log(1e6), np.log(1e14), 97)  # ln params, a fifth e-fold apart
FINER = 33


@runtime_checkable
class Serving(Protocol):
    """Probabilities about serving a model, vectorised over params."""

    def probability_below(
        self,
        *,
        quantity: str,
        limit: float,
        architecture: str,
        params: Any,
        batch_size: Any,
        prefill: Any,
        **load: Any,
    ) -> np.ndarray:
        """Probability that a time is below a limit, of the shape of params."""

    def fits_probability(
        self, *, architecture: str, params: Any, batch_size: Any, prefill: Any
    ) -> np.ndarray:
        """Probability that the batch fits the device, of the shape of params."""


@dataclass(frozen=True, eq=False)
class _Fitted:
    """A `LatencyFit` as `Serving`: its questions are functions of the room of latency."""

    fit: Any

    def probability_below(self, **question: Any) -> np.ndarray:
        return np.asarray(probability_below(self.fit, **question))

    def fits_probability(self, **question: Any) -> np.ndarray:
        return np.asarray(fits_probability(self.fit, **question))


def as_serving(latency: Any) -> Serving | None:
    """A latency fit, or anything that answers as `Serving` does; None for none.

    Raises
    ------
    DecisionError
        Something else, such as a fit of losses.
    """
    if latency is None or isinstance(latency, Serving):
        return latency
    if isinstance(latency, LatencyFit):
        return _Fitted(latency)
    raise DecisionError(
        f"latency is a {type(latency).__name__}, not a LatencyFit: losses and latency have fits of their own"
    )


def fitted_latency(latency: Any) -> LatencyFit | None:
    """The latency fit itself, where that is what was given; None for none and for another `Serving`."""
    found = latency.fit if isinstance(latency, _Fitted) else latency
    return found if isinstance(found, LatencyFit) else None


def load_serving(path: str | Path | None) -> Serving | None:
    """The latency fit of a file; None for none."""
    return None if path is None else as_serving(load_latency(path))


def check_served(limits: Limits, serving: Serving | None) -> None:
    """Refuse limits of serving without a latency fit.

    Raises
    ------
    DecisionError
        There are some.
    """
    if limits.served and serving is None:
        raise DecisionError(f"limit {limits.served[0]} needs a latency fit: give latency=..., --latency FILE")


def served_regions(
    serving: Serving | None, limits: Limits, architectures: Iterable[str]
) -> dict[str, dict[str, Region]]:
    """Of each architecture, the params that keep to each limit of serving."""
    if serving is None:
        return {name: {} for name in architectures}
    return {
        name: {limit: served_region(serving, limits, limit, name) for limit in limits.served}
        for name in architectures
    }


def served_region(serving: Serving, limits: Limits, name: str, architecture: str) -> Region:
    """Params at which one limit of serving holds with the probability wanted.

    Looked for from 1e6 to 1e14 params a fifth of an e-fold apart; each edge is found to a hundredth of that.
    Beyond the ends what holds there goes on.
    """

    def enough(x: np.ndarray) -> np.ndarray:
        return _probability(serving, limits, name, architecture, np.exp(x)) - limits.probability

    margin = enough(SEARCHED)
    edges = np.flatnonzero(np.diff(margin >= 0))
    extra = [np.linspace(SEARCHED[i], SEARCHED[i + 1], FINER)[1:-1] for i in edges]
    if extra:
        finer = np.concatenate(extra)
        x = np.concatenate([SEARCHED, finer])
        margin = np.concatenate([margin, enough(finer)])
        order = np.argsort(x)
        return intervals_where(x[order], margin[order])
    return ((SMALLEST, LARGEST),) if (margin >= 0).all() else ()


def _probability(
    serving: Serving, limits: Limits, name: str, architecture: str, params: np.ndarray
) -> np.ndarray:
    batch = {"batch_size": limits.batch_size, "prefill": limits.prefill}
    if name == "memory":
        return np.nan_to_num(serving.fits_probability(architecture=architecture, params=params, **batch))
    if name == "tpot_ms":
        batch["generated"] = limits.generated
    limit = float(getattr(limits, name))
    found = serving.probability_below(
        quantity=name, limit=limit, architecture=architecture, params=params, **batch
    )
    return np.nan_to_num(found)
