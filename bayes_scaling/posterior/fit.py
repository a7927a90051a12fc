"""`Fit`: a posterior that answers for itself, and how it is read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from bayes_scaling.posterior import citing, prediction, storage
from bayes_scaling.posterior.checks import Checks, checks_of
from bayes_scaling.posterior.posterior import Posterior
from bayes_scaling.posterior.summary import summarise


class Fit(Posterior):
    """A fitted model. Frozen and thin: the methods call the functions of their name.

    Attributes
    ----------
    idata : DataTree
        ArviZ groups prior, posterior, posterior_predictive, log_likelihood, log_prior,
        sample_stats, observed_data, constant_data; dims chain, draw, architecture,
        context_length, run. With a drift, the group drift holds its weights; with offsets, the
        group offsets their shifts of ln L.
    runs : Runs
    spec : ModelSpec

    Examples
    --------
    >>> fit.architectures, fit.context_lengths
    (('transformer', 'xlstm'), (2048, 8192, 16384))
    >>> dict(fit.posterior["E"].sizes)
    {'chain': 2, 'draw': 100, 'architecture': 2, 'context_length': 3}
    """

    def summary(self) -> pd.DataFrame:
        """Posterior table; see `bayes_scaling.posterior.summary.summarise`."""
        return summarise(self)

    def checks(self, left_out: pd.DataFrame | None = None) -> Checks:
        """PASS, REVIEW or FAIL with advice; see `bayes_scaling.posterior.checks.run_checks`."""
        return checks_of(self, left_out)

    @property
    def status(self) -> str:
        """The worst status of the checks: PASS, REVIEW or FAIL."""
        return self.checks().status

    def predict(
        self, runs: Any, kind: str = "mean", seed: int = 0, extrapolate: bool = False
    ) -> xr.DataArray:
        """Draws of the loss of given runs; see `bayes_scaling.predict`."""
        return prediction.predict(self, runs, kind=kind, seed=seed, extrapolate=extrapolate)

    def save(self, path: str | Path) -> Path:
        """Write to NetCDF, atomically; see `bayes_scaling.load_fit`."""
        return storage.save(self, path)

    def cite(self) -> str:
        """BibTeX of what was used."""
        return citing.cite(self)


def load_fit(path: str | Path) -> Fit:
    """Read a fit that `save` wrote; all of it is in memory and the file is closed.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Fit

    Raises
    ------
    FitFileError
        The file is missing, broken, of another kind or of a newer format, lacks a part, or its
        content, spec or runs are not what was saved. The message names the file and the remedy.

    Warns
    -----
    FitFileWarning
        The file was saved by an earlier version, without a seal.

    See Also
    --------
    save

    Examples
    --------
    >>> path = fit.save("fit.nc")
    >>> bs.load_fit(path).runs.data_hash == fit.runs.data_hash
    True
    """
    found = storage.read_posterior(path)
    return Fit(found.idata, found.runs, found.spec)
