"""`LatencyFit`: a posterior of latency that answers for itself, and how it is read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from bayes_scaling.faces.faced import Faced
from bayes_scaling.faces.shown import shown
from bayes_scaling.latency import prediction, storage
from bayes_scaling.latency.checks import checks_of, shifts
from bayes_scaling.latency.posterior import LatencyPosterior
from bayes_scaling.posterior.checks import Checks

SHORT = ("architecture", "phase", "coefficient", "unit", "prior_median", "median", "q05", "q95", "shift")
FIGURES = {"timings": "timings.plot_timings"}


class LatencyFit(Faced, LatencyPosterior, printer="fits.print_latency_fit", figures=FIGURES):
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

    def checks(self) -> Checks:
        """PASS, REVIEW or FAIL with advice; see `bayes_scaling.latency.checks.run_checks`."""
        return checks_of(self)

    def predict(self, queries: Any, kind: str = "response", seed: int = 0) -> xr.Dataset:
        """Draws of times and the probability that they fit; see `bayes_scaling.latency.predict`."""
        return prediction.predict(self, queries, kind=kind, seed=seed)

    def summary(self) -> pd.DataFrame:
        """One row a coefficient: unit, prior, posterior, shift; see `bayes_scaling.latency.checks.shifts`."""
        return shifts(self)

    def table(self, full: bool = False) -> pd.DataFrame:
        """The main columns of `summary`, displayed as people read them; all of them if ``full``."""
        return shown(self.summary(), SHORT, full)

    def save(self, path: str | Path) -> Path:
        """Write to NetCDF, atomically; see `load_latency`."""
        return storage.save(self, path)

    def __str__(self) -> str:
        sizes = self.posterior.sizes
        return (
            f"LatencyFit({', '.join(self.architectures)} on {self.settings.device.name}, {self.backend}; "
            f"{len(self.timings)} queries; {sizes['chain']} chains x {sizes['draw']} draws; "
            f"prior from {self.settings.prior_source})"
        )


def load_latency(path: str | Path) -> LatencyFit:
    """Read a latency fit that `save` wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    LatencyFit

    Raises
    ------
    FitFileError
        The file is missing, broken, of another kind or of a newer format, or not what was saved.

    Examples
    --------
    >>> path = latency_fit.save("latency.nc")
    >>> bs.latency.load_latency(path).architectures
    ('transformer', 'xlstm')
    """
    found = storage.read_posterior(path)
    return LatencyFit(found.idata, found.timings, found.settings)
