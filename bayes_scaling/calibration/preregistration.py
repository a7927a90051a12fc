"""Predictions of runs that nobody has trained yet, written down before they are."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.calibration.matching import fingerprints, same_design
from bayes_scaling.calibration.record import write_record
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import RecordError
from bayes_scaling.laws.coefficients import COLUMNS
from bayes_scaling.posterior.checks import FAIL
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.prediction import predict, predict_table
from bayes_scaling.runs.table import Runs

LEVELS = tuple(percent / 100 for percent in range(1, 100))
COPIED = ("run_id", "flops", *COLUMNS)  # of the planned runs, beside what a prediction repeats


def preregister(
    fit: Fit, runs: Any, path: str | Path, *, seed: int = 0, unique_tokens: float | None = None
) -> str:
    """Predict planned runs and write the predictions to a new file.

    The file says when it was written, what the fit was and which runs it had seen. It cannot be changed
    unseen: `bayes_scaling.judge` checks its SHA-256. Publish the hash, and then train.

    Parameters
    ----------
    fit : Fit
        One whose checks did not fail.
    runs : Runs, path, DataFrame or catalogue name
        With architecture, context_length, params and tokens; ``run_id``, if there is one, finds the results.
        They have no loss yet, and none of them is a run of the fit.
    path : str or Path
        A file that is not there yet.
    seed : int
        Of the scatter of single runs.
    unique_tokens : float, optional
        As for `bayes_scaling.predict`.

    Returns
    -------
    str
        The record's SHA-256.

    Raises
    ------
    RecordError
        The file is there already, a planned run was fitted or has a loss, or the checks of the fit failed.
    RunsError, SpecError, BudgetError
        As for `bayes_scaling.predict`.

    Examples
    --------
    >>> bs.preregister(fit, "planned.csv", "predictions.json")  # doctest: +SKIP
    """
    planned = runs if isinstance(runs, Runs) else load_runs(runs, need_loss=False)
    return write_record(Path(path), forecast(fit, planned, seed, unique_tokens))


def forecast(fit: Fit, planned: Runs, seed: int = 0, unique_tokens: float | None = None) -> dict[str, Any]:
    """What a record says of planned runs: when, from what, and the distribution of each loss.

    Raises
    ------
    RecordError
        As for `preregister`.
    """
    _require_unseen(fit, planned)
    if fit.status == FAIL:
        raise RecordError("the checks of the fit failed. Remedy: see `bayes-scaling check`, sample longer.")
    quantiles = predict(fit, planned, "response", seed, unique_tokens=unique_tokens).quantile(
        LEVELS, dim=("chain", "draw")
    )
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "fit": _origin(fit, seed),
        "predictions": records(_predictions(fit, planned, seed, unique_tokens)),
        "levels": list(LEVELS),
        "quantiles": [[_plain(x) for x in row] for row in quantiles.transpose("run", ...).to_numpy()],
    }


def _require_unseen(fit: Fit, planned: Runs) -> None:
    """No planned run is one of the fit's, and none has a loss.

    Two runs without names are one if they are of one design; a name tells a repeat from what it repeats.
    """
    remedy = "Remedy: predict runs that the fit has not seen."
    if "loss" in planned.frame:
        raise RecordError(
            "the planned runs have losses already. Remedy: write predictions down before runs are trained; "
            "`bayes-scaling backtest` asks the same of those that are."
        )
    known = fit.runs.frame
    seen = set(known.get("run_id", ())) & set(planned.frame.get("run_id", ()))
    if seen:
        raise RecordError(f"{min(map(str, seen))} is among the runs of the fit. {remedy}")
    if "run_id" in planned.frame:
        return
    for row, design in enumerate(planned.frame.to_dict("records")):
        if same_design(design, known, 0.0).any():
            raise RecordError(f"planned run {row} is of the design of a run of the fit. {remedy} "
                              "A repeat with another seed has a run_id of its own.")  # fmt: skip


def _origin(fit: Fit, seed: int) -> dict[str, Any]:
    """What the predictions rest on."""
    frame = fit.runs.frame
    return {
        "runs": len(frame),
        "data_hash": fit.runs.data_hash,
        "run_ids": [str(name) for name in frame.get("run_id", ())],
        "seen": sorted(fingerprints(frame)),
        "largest_flops": float(frame["flops"].max()),
        "model": repr(fit),
        "spec": json.loads(fit.spec.to_json()),
        "seed": seed,
        "checks": records(fit.checks().table()),
        "versions": json.loads(fit.idata.attrs["versions"]),
    }


def _predictions(fit: Fit, planned: Runs, seed: int, unique_tokens: float | None) -> pd.DataFrame:
    """Each run's design, and its loss with the scatter of one run; the law's own interval beside it."""
    response = predict_table(fit, planned, "response", seed, unique_tokens).drop(columns="row")
    mean = predict_table(fit, planned, "mean", seed, unique_tokens)[["q05", "median", "q95"]]
    table = response.join(mean.add_prefix("mean_"))
    for place, name in enumerate(name for name in COPIED if name in planned.frame):
        table.insert(place, name, planned.frame[name].to_numpy())
    return table


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain numbers and text; what is not finite becomes None or text."""
    return [{str(k): _plain(v) for k, v in row.items()} for row in table.to_dict("records")]


def _plain(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return float(f"{value:.8g}") if np.isfinite(value) else (None if np.isnan(value) else str(value))
    return value.item() if isinstance(value, np.generic) else value
