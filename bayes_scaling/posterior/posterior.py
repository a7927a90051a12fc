"""`Posterior`: draws with the runs and the spec they came from."""

from __future__ import annotations

import json
from dataclasses import dataclass

import xarray as xr

from bayes_scaling.laws.law import Law
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.runs.table import Runs


@dataclass(frozen=True, eq=False, repr=False)
class Posterior:
    """Draws of a fitted model, a frozen value.

    `bayes_scaling.Fit` adds the methods, and tells of the attributes idata, runs and spec.
    """

    idata: xr.DataTree
    runs: Runs
    spec: ModelSpec

    @property
    def law(self) -> Law:
        """The law fitted."""
        return self.spec.law_value

    @property
    def loss_unit(self) -> str:
        """The unit of the losses; see `bayes_scaling.Runs`."""
        return self.runs.loss_unit

    @property
    def backend(self) -> str:
        """The back end that sampled."""
        return str(json.loads(self.idata.attrs["backend"]))

    @property
    def posterior(self) -> xr.Dataset:
        """Posterior draws."""
        return self.idata["posterior"].to_dataset()

    @property
    def architectures(self) -> tuple[str, ...]:
        """Architectures fitted, sorted."""
        return tuple(str(a) for a in self.posterior["architecture"].to_numpy())

    @property
    def context_lengths(self) -> tuple[int, ...]:
        """Context lengths fitted, sorted."""
        return tuple(int(t) for t in self.posterior["context_length"].to_numpy())

    def __str__(self) -> str:
        names = ", ".join(self.architectures)
        law = self.law.name + (" law with drift" if self.spec.discrepancy == "drift" else " law")
        kind = type(self).__name__
        size = self.posterior.sizes
        return (
            f"{kind}({law}, {self.spec.pooling} pooling, {self.backend}; {len(self.runs)} runs of "
            f"{names}; {size['chain']} chains x {size['draw']} draws)"
        )

    def __repr__(self) -> str:
        return str(self)
