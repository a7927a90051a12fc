"""`LatencyFit`: a posterior of latency with the timings and the assumptions it came from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.accounting import AccountingError, ShapeFamily, fit_family, get_architecture
from bayes_scaling.errors import LatencyError
from bayes_scaling.faces.faced import Faced
from bayes_scaling.faces.shown import shown
from bayes_scaling.latency.row_shapes import row_shapes
from bayes_scaling.latency.settings import LatencySettings
from bayes_scaling.latency.timings import Timings
from bayes_scaling.posterior.checks import Checks

SHORT = ("architecture", "phase", "coefficient", "unit", "prior_median", "median", "q05", "q95", "shift")


@dataclass(frozen=True, eq=False, repr=False)
class LatencyFit(Faced, printer="fits.print_latency_fit", figures={"timings": "timings.plot_timings"}):
    """A fitted latency model. Frozen and thin: the methods call the functions of their name.

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

    Examples
    --------
    >>> latency_fit.architectures, latency_fit.settings.device.name
    (('transformer', 'xlstm'), 'H100-SXM')
    >>> asked = {"architecture": ["xlstm"], "params": [1e9], "batch_size": [8], "prefill": [4096]}
    >>> dict(latency_fit.predict(asked)["step_time_ms"].sizes)
    {'chain': 1, 'draw': 200, 'query': 1}
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

    def checks(self) -> Checks:
        """PASS, REVIEW or FAIL with advice; see `bayes_scaling.latency.checks.run_checks`."""
        from bayes_scaling.latency.checks import checks_of

        return checks_of(self)

    def predict(self, queries: Any, kind: str = "response", seed: int = 0) -> xr.Dataset:
        """Draws of times and the probability that they fit; see `bayes_scaling.latency.predict`."""
        from bayes_scaling.latency.prediction import predict

        return predict(self, queries, kind=kind, seed=seed)

    def summary(self) -> pd.DataFrame:
        """One row a coefficient: unit, prior, posterior, shift; see `bayes_scaling.latency.checks.shifts`."""
        from bayes_scaling.latency.checks import shifts

        return shifts(self)

    def table(self, full: bool = False) -> pd.DataFrame:
        """The main columns of `summary`, displayed as people read them; all of them if ``full``."""
        return shown(self.summary(), SHORT, full)

    def save(self, path: str | Path) -> Path:
        """Write to NetCDF, atomically; see `load_latency`."""
        from bayes_scaling.latency.storage import save

        return save(self, path)

    def __str__(self) -> str:
        sizes = self.posterior.sizes
        return (
            f"LatencyFit({', '.join(self.architectures)} on {self.settings.device.name}, {self.backend}; "
            f"{len(self.timings)} queries; {sizes['chain']} chains x {sizes['draw']} draws; "
            f"prior from {self.settings.prior_source})"
        )
