"""A posterior of latency as a value: its draws, its timings and the assumptions it came from."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bayes_scaling.accounting import AccountingError, ShapeFamily, fit_family, get_architecture
from bayes_scaling.errors import LatencyError
from bayes_scaling.latency.row_shapes import row_shapes
from bayes_scaling.latency.settings import LatencySettings
from bayes_scaling.latency.timings import Timings


@dataclass(frozen=True, eq=False, repr=False)
class LatencyPosterior:
    """Draws, timings and settings; `LatencyFit` adds what can be asked. Frozen.

    Attributes
    ----------
    idata : DataTree
        Groups ``posterior`` and ``prior`` (coefficients in the units of
        `bayes_scaling.roofline.parameters`, named ``phase_coefficient``; dims chain, draw, architecture),
        ``unconstrained_posterior`` and ``unconstrained_prior`` (``position``; dims chain, draw,
        coordinate), ``sample_stats``.
    timings : Timings
        None of them where the fit is a prior.
    settings : LatencySettings
    """

    idata: xr.DataTree
    timings: Timings
    settings: LatencySettings

    @property
    def architectures(self) -> tuple[str, ...]:
        """Architectures fitted, sorted."""
        return self.timings.architectures

    @property
    def backend(self) -> str:
        """The back end that sampled."""
        return str(json.loads(self.idata.attrs["backend"]))

    @property
    def posterior(self) -> xr.Dataset:
        """Posterior draws of the coefficients."""
        return self.idata["posterior"].to_dataset()

    def positions(self, architecture: str, phase: str, group: str = "posterior") -> dict[str, np.ndarray]:
        """Unconstrained draws (chain, draw) by coordinate of one architecture and phase."""
        position = self.idata[f"unconstrained_{group}"]["position"].transpose("chain", "draw", "coordinate")
        start = f"{architecture}/{phase}/"
        names = [str(name) for name in position["coordinate"].to_numpy()]
        values = position.to_numpy()
        return {n.removeprefix(start): values[..., i] for i, n in enumerate(names) if n.startswith(start)}

    def label(self, architecture: str) -> str:
        """The name in this fit of an architecture given by any of its names.

        Raises
        ------
        LatencyError
            The fit has no timings of it.
        """
        if architecture in self.architectures:
            return architecture
        try:
            name = get_architecture(architecture).name
        except AccountingError as error:
            raise LatencyError(str(error)) from None
        same = [label for label in self.architectures if get_architecture(label).name == name]
        if len(same) != 1:
            known = ", ".join(self.architectures)
            raise LatencyError(f"architecture {architecture!r} was not timed: this fit has {known}")
        return same[0]

    def family(self, architecture: str) -> ShapeFamily:
        """The shape family through the fitted models: what gives any number of params a shape."""
        label = self.label(architecture)
        frame = self.timings.frame
        rows = frame[frame["architecture"] == label].drop_duplicates("params")
        if "embedding_dim" not in rows:
            return get_architecture(label).family
        return fit_family(row_shapes(rows), rows["params"].to_numpy(dtype=float))
