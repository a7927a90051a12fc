"""Fits on disk: one NetCDF file, written whole or not at all, and refused when it is not whole."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from bayes_scaling.errors import BayesScalingError, FitFileError
from bayes_scaling.files.netcdf import content_digest, read_tree, write_tree
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.posterior.checks import checks_of
from bayes_scaling.posterior.posterior import Posterior
from bayes_scaling.runs.as_text import runs_from_text, runs_to_text
from bayes_scaling.runs.table import Runs

KIND = "bayes_scaling.Fit"
FORMAT_VERSION = 1
_RUNS = "runs"
_DIGEST = "sha256"
_AGAIN = "fit again and save, or restore the file from a copy"


def save(fit: Posterior, path: str | Path) -> Path:
    """Write a fit to one NetCDF file.

    The file appears whole or not at all: it is written beside the target, read back and checked,
    and only then put in the target's place. An existing file is replaced.

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
    return write_whole(_file_tree(fit), path, read_posterior)


def write_whole(tree: xr.DataTree, path: str | Path, rebuild: Callable[[Path], Any]) -> Path:
    """Write a tree with its digest: beside the target, read back by ``rebuild``, then put in its place.

    Raises
    ------
    FitFileError
        The folder does not exist, the path is a folder, or it cannot be written.
    """
    target = Path(path).expanduser().resolve()
    _check_target(target)
    tree.attrs[_DIGEST] = content_digest(tree)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    try:
        _write(tree, temporary)
        rebuild(temporary)
        os.replace(temporary, target)
    except FitFileError as error:
        raise FitFileError(str(error).replace(str(temporary), str(target))) from error
    except OSError as error:
        raise FitFileError(
            f"cannot write {target}: {error.strerror or error}; choose another place"
        ) from error
    finally:  # after an interrupt too
        temporary.unlink(missing_ok=True)
    return target


def existing(path: str | Path) -> Path:
    """The path of a file that is there.

    Raises
    ------
    FitFileError
        No such file, or a folder.
    """
    source = Path(path).expanduser()
    if not source.exists():
        raise FitFileError(f"{source}: no such file; save a fit there first with fit.save(path)")
    if not source.is_file():
        raise FitFileError(f"{source}: a folder, not a file; give the .nc file of a fit")
    return source


def _check_target(target: Path) -> None:
    if target.is_dir():
        raise FitFileError(f"{target}: a folder; give a file name such as {target.name}/fit.nc")
    if not target.parent.is_dir():
        raise FitFileError(f"{target}: the folder {target.parent} does not exist; make it first")


def _file_tree(fit: Posterior) -> xr.DataTree:
    """The fit's tree with the runs and the marks of the format added."""
    checks_of(fit)  # the verdict travels with the draws
    tree = fit.idata.copy()
    marks = {
        "kind": KIND,
        "format_version": str(FORMAT_VERSION),
        "spec": fit.spec.to_json(),
        "data_hash": fit.runs.data_hash,
    }
    tree.attrs = marks | dict(tree.attrs)
    tree[_RUNS] = xr.DataTree(xr.Dataset({"text": runs_to_text(fit.runs)}))
    return tree


def _write(tree: xr.DataTree, path: Path) -> None:
    write_tree(tree, path)
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def read_posterior(path: Path) -> Posterior:
    """The fit in a file, each part checked before the next is trusted."""
    tree, whole = read_marked(path)
    check_kind(tree, path, KIND, "a fit of bayes_scaling; give a file that fit.save wrote", FORMAT_VERSION)
    spec = _spec(tree, path)
    _check_parts(tree, spec, path)
    check_whole(whole, path)
    runs = _runs(tree, path)
    del tree[_RUNS]
    return Posterior(idata=tree, runs=runs, spec=spec)


def check_whole(whole: bool, path: Path) -> None:
    """Refuse content whose digest differs."""
    if not whole:
        raise FitFileError(f"{path}: its content is not what was saved (checksum differs); {_AGAIN}")


def read_marked(path: Path) -> tuple[xr.DataTree, bool]:
    """The tree in a file, without its digest, and whether its content has that digest."""
    try:
        tree = read_tree(path)
        digest = tree.attrs.pop(_DIGEST, None)
        return tree, digest == content_digest(tree)
    except PermissionError as error:
        raise FitFileError(f"{path}: may not be read ({error.strerror}); change its permissions") from error
    except Exception as error:  # a broken file raises anything from the libraries below
        detail = f"{type(error).__name__}: {error}".splitlines()[0]
        raise FitFileError(
            f"{path}: not a NetCDF-4 file, or cut short or damaged ({detail}); {_AGAIN}"
        ) from error


def check_kind(tree: xr.DataTree, path: Path, kind: str, wanted: str, newest: int) -> None:
    """Refuse a file of another kind or of a newer format."""
    found = _text(tree.attrs.get("kind"))
    if found != kind:
        what = f"a file of kind {found!r}" if found else "a NetCDF file of something else"
        raise FitFileError(f"{path}: {what}, not {wanted}")
    version = _text(tree.attrs.get("format_version"))
    if not version.isdigit():
        raise FitFileError(f"{path}: format version {version!r} is not a number; {_AGAIN}")
    if int(version) > newest:
        raise FitFileError(
            f"{path}: format version {version}, this package reads up to {newest}; upgrade bayes_scaling"
        )


def _spec(tree: xr.DataTree, path: Path) -> ModelSpec:
    try:
        return ModelSpec.from_json(str(tree.attrs.get("spec")))
    except (BayesScalingError, TypeError) as error:
        raise FitFileError(
            f"{path}: its model spec cannot be rebuilt ({error}); upgrade bayes_scaling or fit again"
        ) from error


def _check_parts(tree: xr.DataTree, spec: ModelSpec, path: Path) -> None:
    needed = {
        "posterior": (*spec.law_value.names, *spec.noise_names),
        "observed_data": ("loss",),
        "log_likelihood": ("loss",),
        "constant_data": (),
        "sample_stats": (),
        _RUNS: ("text",),
    }
    if spec.discrepancy == "drift":
        needed["drift"] = ("weight",)
        needed["posterior"] += ("drift_scale",)
    if spec.offsets:
        needed["offsets"] = ("shift",)
    check_groups(tree, path, needed)


def check_groups(tree: xr.DataTree, path: Path, needed: Mapping[str, Sequence[str]]) -> None:
    """Refuse a tree that lacks a group or a variable."""
    for group, variables in needed.items():
        if group not in tree.children:
            raise FitFileError(f"{path}: group {group!r} is missing; {_AGAIN}")
        lost = [name for name in variables if name not in tree[group].data_vars]
        if lost:
            raise FitFileError(f"{path}: group {group!r} lacks {', '.join(lost)}; {_AGAIN}")


def _runs(tree: xr.DataTree, path: Path) -> Runs:
    try:
        runs = runs_from_text(str(tree[_RUNS]["text"].item()))
    except (BayesScalingError, TypeError, LookupError, ValueError) as error:
        raise FitFileError(f"{path}: its runs cannot be rebuilt ({error}); {_AGAIN}") from error
    if runs.data_hash != _text(tree.attrs.get("data_hash")):
        raise FitFileError(f"{path}: its runs are not those that were fitted (hash differs); {_AGAIN}")
    return runs


def _text(value: Any) -> str:
    """An attribute as text, whether or not it was written as a JSON string."""
    text = "" if value is None else str(value)
    return text.strip('"')
