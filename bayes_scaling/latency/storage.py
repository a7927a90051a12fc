"""Latency fits on disk: one NetCDF file, written whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import xarray as xr

from bayes_scaling.errors import FitFileError, LatencyError
from bayes_scaling.files.marked import check_groups, read_marked, write_marked
from bayes_scaling.latency.checks import checks_of
from bayes_scaling.latency.posterior import LatencyPosterior
from bayes_scaling.latency.settings import LatencySettings
from bayes_scaling.latency.timings import Timings

KIND = "bayes_scaling.latency.LatencyFit"
FORMAT_VERSION = 2
_TIMINGS = "timings"
_NEEDED = {
    "posterior": (),
    "unconstrained_posterior": ("position",),
    "unconstrained_prior": ("position",),
    "sample_stats": ("diverging",),
    _TIMINGS: ("text",),
}


def save(fit: LatencyPosterior, path: str | Path) -> Path:
    """Write a latency fit to one NetCDF file; an existing one is replaced once the new one is whole.

    Raises
    ------
    FitFileError
        The folder does not exist, the path is a folder, or it cannot be written.
    """
    checks_of(fit)  # the verdict travels with the draws
    tree = fit.idata.copy()
    marks = {
        "settings": fit.settings.to_json(),
        "data_hash": fit.timings.data_hash,
        "source": fit.timings.source,
    }
    tree.attrs = marks | dict(tree.attrs)
    text = fit.timings.frame.to_csv(index=False)
    tree[_TIMINGS] = xr.DataTree(xr.Dataset({"text": text}))
    return write_marked(tree, path, KIND, FORMAT_VERSION, read_posterior)


def read_posterior(path: str | Path) -> LatencyPosterior:
    """Read what `save` wrote.

    Raises
    ------
    FitFileError
        The file is missing, broken, of another kind or of a newer format, or not what was saved.
    """
    tree = read_marked(path, KIND, "a latency fit; give a file that `latency fit` wrote", FORMAT_VERSION)
    check_groups(tree, path, _NEEDED)
    try:
        settings = LatencySettings.from_json(str(tree.attrs.get("settings")))
    except LatencyError as error:
        raise FitFileError(f"{path}: {error}; upgrade bayes_scaling or fit again") from error
    timings = _timings(str(tree[_TIMINGS]["text"].item()), str(tree.attrs.get("source")))
    if timings.data_hash != str(tree.attrs.get("data_hash")):
        raise FitFileError(f"{path}: its timings are not those that were fitted; fit again and save")
    del tree[_TIMINGS]
    return LatencyPosterior(tree, timings, settings)


def _timings(text: str, source: str) -> Timings:
    return Timings(pd.read_csv(io.StringIO(text)), source)
