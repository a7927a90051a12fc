"""The fit that `answer` keeps beside a table, for as long as its runs and its model are the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bayes_scaling.cli.arguments import check_output
from bayes_scaling.cli.failures import note
from bayes_scaling.cli.running.fits import fitted
from bayes_scaling.data.catalog import NAMES
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.posterior.fit import load_fit
from bayes_scaling.posterior.fitting import completed
from bayes_scaling.runs.table import Runs

ENDING = ".fit.nc"


def place_of_fit(file: str, output: Path | None) -> Path:
    """Where the fit of a table is kept: beside the file, in the current folder for a data set.

    Raises
    ------
    FitFileError
        A place where no fit can be written.
    """
    beside = Path(file + ENDING) if file in NAMES else Path(file).with_suffix(ENDING)
    place = beside.expanduser() if output is None else output
    check_output(place)
    return place


def kept_or_fitted(runs: Runs, model: ModelSpec, place: Path, sampling: dict[str, Any]) -> None:
    """See that the place holds a fit of these runs by this model: the one that is there, or a new one.

    Raises
    ------
    FitFileError
        A file is there that is no fit; it is left as it is.
    """
    if place.exists():
        found = load_fit(place)
        if found.spec == completed(model, runs) and _same(found.runs, runs, model):
            note(f"{place}: the fit of these runs is used again")
            return
        note(f"{place}: kept of other runs or another model, so it is made anew")
    fitted(runs, model, sampling).save(place)
    note(f"Saved {place}")


def _same(old: Runs, new: Runs, model: ModelSpec) -> bool:
    """Whether two tables are the same to a model."""
    shifts = [name for name in model.offsets if name in old.frame and name in new.frame]
    alike = all(
        old.frame[name].astype(str).tolist() == new.frame[name].astype(str).tolist() for name in shifts
    )
    return alike and old.data_hash == new.data_hash and old.mapping == new.mapping
