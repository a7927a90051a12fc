"""Predictions about runs that are planned, to be written down before they are trained."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import SweepError
from bayes_scaling.posterior.checks import FAIL, run_checks
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.prediction import predict, predict_table
from bayes_scaling.questions.compare import compare
from bayes_scaling.questions.frontier import frontier
from bayes_scaling.runs.table import Runs
from bayes_scaling.sweep.planning import planned_frame
from bayes_scaling.sweep.record import write_record
from bayes_scaling.sweep.results import protocol_hash
from bayes_scaling.sweep.specs import RunSpec
from bayes_scaling.sweep.wall_clock import fit_wall_clock, predict_wall_clock

LEVELS = {"q05": 0.05, "median": 0.5, "q95": 0.95}
COST = "accounted"


def preregister(fit: Fit, specs: Sequence[RunSpec], path: str | Path, seed: int = 0) -> str:
    """Predict planned runs and write the predictions to a new file.

    Parameters
    ----------
    fit : Fit
        Of runs of the sweep, with their shape columns and training times.
    specs : sequence of RunSpec
        None of them among the runs of the fit.
    path : str or Path
    seed : int
        Of the scatter of single runs.

    Returns
    -------
    str
        The record's SHA-256.

    Raises
    ------
    SweepError
        The file is there already, a planned run was fitted, or the posterior did not converge.

    Examples
    --------
    >>> preregister(fit, planned_runs("preregistered"), "predictions.json")  # doctest: +SKIP
    """
    known = set(fit.runs.frame.get("run_id", ())) & {spec.run_id for spec in specs}
    if known or not specs:
        what = f"{sorted(known)[0]} is among the runs of the fit" if known else "no run is planned"
        raise SweepError(f"{what}. Remedy: predict runs that the fit has not seen.")
    checks = run_checks(fit)
    if checks.status == FAIL:
        raise SweepError("the checks of the fit failed. Remedy: see `bayes-scaling check`, sample longer.")
    planned = planned_frame(specs)
    design = _design(planned)
    budgets = sorted({spec.budget for spec in specs if spec.budget})
    content = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "protocol": protocol_hash(),
        "fit": _origin(fit, seed),
        "predictions": _predictions(fit, planned, design, seed),
        "optima": _records(frontier(fit, budgets, cost=COST).table()),
        "comparisons": _records(compare(fit, budgets, cost=COST).table()),
        "decisions": _decisions(fit, planned, design, seed),
    }
    return write_record(Path(path), content)


def _origin(fit: Fit, seed: int) -> dict[str, Any]:
    """What the predictions rest on."""
    frame = fit.runs.frame
    return {
        "runs": len(frame),
        "data_hash": fit.runs.data_hash,
        "largest_flops": float(frame["flops"].max()),
        "model": repr(fit),
        "seed": seed,
        "checks": _records(run_checks(fit).table()),
        "versions": json.loads(fit.idata.attrs["versions"]),
    }


def _predictions(fit: Fit, planned: pd.DataFrame, design: Runs, seed: int) -> list[dict[str, Any]]:
    """Loss of each run, its scatter included, and how long it will train."""
    response = predict_table(fit, design, "response", seed).drop(columns="row")
    mean = predict_table(fit, design, "mean", seed)[["q05", "median", "q95"]]
    times = predict_wall_clock(fit_wall_clock(fit.runs.frame), planned)
    table = response.join(mean.add_prefix("mean_")).join(times)
    table.insert(0, "run_id", planned["run_id"].to_numpy())
    table.insert(5, "flops", planned["flops"].to_numpy())
    return _records(table)


def _decisions(fit: Fit, planned: pd.DataFrame, design: Runs, seed: int) -> list[dict[str, Any]]:
    """For each context length and budget, the planned run of least expected loss and its regret among all.

    With it, the probability that the best loss measured with xLSTM will be below that with Transformers.
    """
    mean = predict(fit, design, "mean", seed).stack(sample=("chain", "draw")).transpose("run", ...)
    single = predict(fit, design, "response", seed).stack(sample=("chain", "draw"))
    means = mean.to_numpy()
    singles = single.transpose("run", ...).to_numpy()
    groups = planned.groupby(["context_length", "budget"]).indices
    found = []
    for rows in map(np.asarray, groups.values()):
        first = planned.iloc[rows[0]]
        where = {"context_length": int(first["context_length"]), "budget": float(first["budget"])}
        found.append({**where, **_decision(planned, rows, means, singles)})
    return found


def _decision(
    planned: pd.DataFrame, rows: np.ndarray, means: np.ndarray, singles: np.ndarray
) -> dict[str, Any]:
    chosen = rows[np.argmin(means[rows].mean(axis=1))]
    regret = means[chosen] - means[rows].min(axis=0)
    names = planned["architecture"].to_numpy()[rows]
    best = {name: singles[rows[names == name]].min(axis=0) for name in np.unique(names)}
    return {
        "run_id": str(planned["run_id"].iloc[chosen]),
        "regret_mean": float(regret.mean()),
        **{f"regret_{name}": float(np.quantile(regret, level)) for name, level in LEVELS.items()},
        "xlstm_wins": float(np.mean(best["xlstm"] < best["transformer"])) if len(best) == 2 else None,
    }


def _design(planned: pd.DataFrame) -> Runs:
    names = ["run_id", "architecture", "context_length", "params", "tokens", "flops"]
    return load_runs(planned[names], need_loss=False)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain numbers and text; what is not finite becomes None or text."""
    return [{str(k): _plain(v) for k, v in row.items()} for row in table.to_dict("records")]


def _plain(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return float(f"{value:.8g}") if np.isfinite(value) else (None if np.isnan(value) else str(value))
    return value.item() if isinstance(value, np.generic) else value
