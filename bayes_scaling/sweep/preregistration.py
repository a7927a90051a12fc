"""Predictions about the sweep's planned runs: losses, training times, optima and choices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.calibration.preregistration import forecast, records
from bayes_scaling.calibration.record import write_record
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import SweepError
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.prediction import predict
from bayes_scaling.questions.compare import compare
from bayes_scaling.questions.frontier import frontier
from bayes_scaling.runs.table import Runs
from bayes_scaling.sweep.planning import planned_frame
from bayes_scaling.sweep.results import protocol_hash
from bayes_scaling.sweep.specs import RunSpec
from bayes_scaling.sweep.wall_clock import fit_wall_clock, predict_wall_clock

LEVELS = {"q05": 0.05, "median": 0.5, "q95": 0.95}
COST = "accounted"


def preregister_sweep(fit: Fit, specs: Sequence[RunSpec], path: str | Path, seed: int = 0) -> str:
    """Predict planned runs of the sweep and write the predictions to a new file.

    Beside what `bayes_scaling.preregister` writes: training times, optima, comparisons and choices.

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
        No run is planned.
    RecordError
        As for `bayes_scaling.preregister`.

    Examples
    --------
    >>> preregister_sweep(fit, planned_runs("preregistered"), "predictions.json")  # doctest: +SKIP
    """
    if not specs:
        raise SweepError("no run is planned. Remedy: name a part of the plan that has runs.")
    planned = planned_frame(specs)
    design = _design(planned)
    budgets = sorted({spec.budget for spec in specs if spec.budget})
    content = forecast(fit, design, seed)
    times = predict_wall_clock(fit_wall_clock(fit.runs.frame), planned)
    rows = zip(content["predictions"], records(times), strict=True)
    content |= {
        "protocol": protocol_hash(),
        "predictions": [prediction | time for prediction, time in rows],
        "optima": records(frontier(fit, budgets, cost=COST).table(full=True)),
        "comparisons": records(compare(fit, budgets, cost=COST).table(full=True)),
        "decisions": _decisions(fit, planned, design, seed),
    }
    return write_record(Path(path), content)


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
