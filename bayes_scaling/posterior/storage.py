"""Fits on disk: one NetCDF file, written whole or not at all, and refused when it is not whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import xarray as xr

from bayes_scaling.errors import BayesScalingError, FitFileError
from bayes_scaling.files.marked import check_groups, read_marked, text_of, write_marked
from bayes_scaling.files.seal import AGAIN
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.posterior.checks import checks_of
from bayes_scaling.posterior.idata import FORMAT_VERSION
from bayes_scaling.posterior.posterior import Posterior
from bayes_scaling.runs.as_text import runs_from_text, runs_to_text
from bayes_scaling.runs.table import Runs

KIND = "bayes_scaling.Fit"
WALKS_SINCE = 2  # format from which the discrepancy is one of walks inside the law's terms
_RUNS = "runs"
_GIVEN = "given"


def save(fit: Posterior, path: str | Path) -> Path:
    """Write a fit to one NetCDF file.

    The file appears whole or not at all: it is made in memory, written beside the target, read back and
    checked, and only then put in the target's place. An existing file is replaced.

    Parameters
    ----------
    fit : Fit
    path : str or Path
        Usually ends in ``.nc``. Its folder must exist.

    Returns
    -------
    Path
        Where it was written.

    Raises
    ------
    FitFileError
        The folder does not exist, the path is a folder, or it cannot be written.

    See Also
    --------
    load_fit

    Examples
    --------
    >>> save(fit, "fit.nc")  # doctest: +SKIP
    """
    return write_marked(_file_tree(fit), path, KIND, FORMAT_VERSION, lambda part: read_posterior(part))


def _file_tree(fit: Posterior) -> xr.DataTree:
    """The fit's tree with the runs and the marks of the format added."""
    checks_of(fit)  # the verdict travels with the draws
    tree = fit.idata.copy()
    marks = {
        "spec": fit.spec.to_json(),
        "data_hash": fit.runs.data_hash,
    }
    if fit.given:
        marks[_GIVEN] = json.dumps(dict(fit.given))
    tree.attrs = marks | dict(tree.attrs)
    tree[_RUNS] = xr.DataTree(xr.Dataset({"text": runs_to_text(fit.runs)}))
    return tree


def read_posterior(path: str | Path) -> Posterior:
    """The fit in a file, each part checked before the next is trusted.

    Raises
    ------
    FitFileError
        As for `bayes_scaling.load_fit`.
    """
    tree = read_marked(path, KIND, "a fit of bayes_scaling; give a file that fit.save wrote", FORMAT_VERSION)
    spec = _spec(tree, path)
    _check_discrepancy(tree, spec, path)
    _check_parts(tree, spec, path)
    _check_draws(tree, spec, path)
    runs = _runs(tree, path)
    del tree[_RUNS]
    return _asked(Posterior(idata=tree, runs=runs, spec=spec), path)


def _asked(fit: Posterior, path: str | Path) -> Posterior:
    """The fit at the values of covariates that it was saved with."""
    try:
        return replace(fit, given=json.loads(fit.idata.attrs.pop(_GIVEN, "{}")))
    except (BayesScalingError, TypeError, ValueError, AttributeError) as error:
        raise FitFileError(f"{path}: its values of covariates cannot be read ({error}); {AGAIN}") from error


def _spec(tree: xr.DataTree, path: str | Path) -> ModelSpec:
    try:
        return ModelSpec.from_json(str(tree.attrs.get("spec")))
    except (BayesScalingError, TypeError) as error:
        raise FitFileError(
            f"{path}: its model spec cannot be rebuilt ({error}); upgrade bayes_scaling or fit again"
        ) from error


def _check_discrepancy(tree: xr.DataTree, spec: ModelSpec, path: str | Path) -> None:
    """Refuse draws of a discrepancy that this version reads otherwise; the format is known to be a number."""
    if spec.discrepancy == "drift" and int(text_of(tree.attrs["format_version"])) < WALKS_SINCE:
        raise FitFileError(
            f"{path}: an earlier version wrote this fit, and the discrepancy has another form since; "
            "fit the runs again"
        )


def _check_parts(tree: xr.DataTree, spec: ModelSpec, path: str | Path) -> None:
    needed = {
        "posterior": (*spec.law_value.names, *spec.noise_names),
        "observed_data": ("loss",),
        "log_likelihood": ("loss",),
        "constant_data": (),
        "sample_stats": (),
        "prior": (),
        _RUNS: ("text",),
    }
    if spec.discrepancy == "drift":
        needed["drift"] = ("weight",)
        needed["posterior"] += ("drift_scale",)
    if spec.offsets:
        needed["offsets"] = ("shift",)
    check_groups(tree, path, needed)


def _check_draws(tree: xr.DataTree, spec: ModelSpec, path: str | Path) -> None:
    """Refuse a posterior whose coefficients are no numbers or have no draws."""
    posterior = tree["posterior"]
    for name in (*spec.law_value.names, *spec.noise_names):
        values = posterior.to_dataset()[name]
        if tuple(values.dims[:2]) != ("chain", "draw") or values.dtype.kind != "f" or not values.size:
            raise FitFileError(f"{path}: posterior of {name!r} has no draws of a number; {AGAIN}")


def _runs(tree: xr.DataTree, path: str | Path) -> Runs:
    try:
        runs = runs_from_text(str(tree[_RUNS]["text"].item()))
    except (BayesScalingError, TypeError, LookupError, ValueError) as error:
        raise FitFileError(f"{path}: its runs cannot be rebuilt ({error}); {AGAIN}") from error
    if runs.data_hash != text_of(tree.attrs.get("data_hash")):
        raise FitFileError(f"{path}: its runs are not those that were fitted (hash differs); {AGAIN}")
    return runs
