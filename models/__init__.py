"""The statistical models: specification, priors, log density, and their PyMC and NumPyro forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_scaling.lazy import lazy_names

if TYPE_CHECKING:
    from bayes_scaling.models.plain_pymc import plain_model

_HOMES = {"plain_model": "plain_pymc"}

__all__ = ["plain_model"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
