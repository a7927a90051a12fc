"""How predictions that were written down did: how often intervals held, how far off, in plain words."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from bayes_scaling.calibration.matching import beginnings, match
from bayes_scaling.calibration.record import read_record
from bayes_scaling.calibration.scores import binned, crps_of_quantiles
from bayes_scaling.calibration.verdict_words import in_words
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import RunsWarning
from bayes_scaling.runs.table import Runs

INTERVALS = {50: ("q25", "q75"), 80: ("q10", "q90"), 90: ("q05", "q95")}
GROUP = ["architecture", "context_length"]
CHANCE = 0.9  # of the binomial interval round a share
OLD_LEVELS = {"q025": 0.025, "q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "q975": 0.975}


@dataclass(frozen=True, eq=False)
class Verdict:
    """Predictions beside results.

    Attributes
    ----------
    runs : DataFrame
        One row a result: its prediction (loss in nats per token), then loss, error (loss less the predicted
        median, nats), inside_50, inside_80, inside_90 (the loss in those intervals; None where the record has
        no such interval), crps (nats) and crps_expected (what it is on average if the prediction is right).
    groups, distances : DataFrame
        One row for each architecture and context length, or for each range of decades outside the fitted
        runs, and one for all: runs; for each interval its share inside_50, ... with the ends
        inside_50_low and inside_50_high between which the true share lies (90%, binomial); bias and mae
        (nats), crps, crps_expected (means, nats).
    missing : tuple of str
        Predicted runs without a result.
    without : int
        Results without a prediction; they are not judged.
    dated : int
        Judged results that say when they were trained, all of them after the record.
    sha256, created : str
        Of the record.

    Examples
    --------
    >>> from bayes_scaling.data.catalog import FOLDER
    >>> verdict = bs.judge(FOLDER / "preregistration.json", "measured")
    >>> len(verdict.runs), verdict.without
    (36, 262)
    """

    runs: pd.DataFrame
    groups: pd.DataFrame
    distances: pd.DataFrame
    missing: tuple[str, ...]
    without: int
    dated: int
    sha256: str
    created: str

    @property
    def total(self) -> pd.Series:
        """The row of all runs."""
        return self.groups.iloc[-1]

    @property
    def words(self) -> list[str]:
        """The verdict in plain words, a sentence or two each."""
        return in_words(self.total, self.distances) + self._caveats()

    def _caveats(self) -> list[str]:
        found = []
        if self.missing:
            names = ", ".join(self.missing[:3]) + (", ..." if len(self.missing) > 3 else "")
            found.append(f"{len(self.missing)} predicted runs have no result yet ({names}).")
        if self.without:
            found.append(f"{self.without} results were not predicted and are not judged.")
        if self.dated < len(self.runs):
            unknown = len(self.runs) - self.dated
            found.append(
                f"{unknown} of {len(self.runs)} results do not say when they were trained (column finished): "
                "that the predictions came first is not shown for them."
            )
        return found


def judge(record: str | Path, results: Any) -> Verdict:
    """Compare predictions that were written down with the runs trained since.

    Parameters
    ----------
    record : str or Path
        A file of `bayes_scaling.preregister`.
    results : Runs, path, DataFrame or catalogue name
        Runs with their losses. A predicted run is found by ``run_id``, or by its architecture,
        context_length, params and tokens, to 1%. Where a column ``finished`` holds times (ISO 8601, UTC
        unless they say otherwise), and ``training_s`` seconds, runs that began before the record are refused.

    Returns
    -------
    Verdict

    Raises
    ------
    RecordError
        The record was changed; none of its runs is there; one was trained otherwise than predicted, was among
        the runs of the fit, or began before the record was written.
    RunsError
        The results cannot be read.

    Examples
    --------
    >>> from bayes_scaling.data.catalog import FOLDER
    >>> verdict = bs.judge(FOLDER / "preregistration.json", "measured")
    >>> print(verdict.words[0])
    26 of 36 losses lie in their 90% intervals: 72%, and with chance 57% to 84%.
    """
    content = read_record(Path(record))
    return judged(content, quiet(results).frame, str(record))


def judged(content: Mapping[str, Any], frame: pd.DataFrame, source: str) -> Verdict:
    """`judge` of a record that was read and results that were loaded."""
    paired = match(content, frame, source)
    runs = _scored(paired, content)
    names = [_label(row, i) for i, row in enumerate(content["predictions"])]
    found = set(paired["prediction"])
    return Verdict(
        runs,
        tabulate(runs.sort_values(GROUP, kind="stable"), GROUP),
        tabulate(_with_distance(runs), ["distance"]),
        tuple(name for i, name in enumerate(names) if i not in found),
        len(frame) - len(runs),
        sum(began is not None for began in beginnings(runs)),
        content["sha256"],
        content["created"],
    )


def quiet(results: Any) -> Runs:
    """Runs as read; what is odd about their sizes was said when they were planned."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)
        return load_runs(results)


def tabulate(runs: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """One row for each value of some columns, in the rows' order, and one, called all; see `Verdict`."""
    parts: list[tuple[Any, pd.DataFrame]] = [*runs.groupby(list(keys), sort=False)]
    parts.append((("all",) * len(keys), runs))
    return pd.DataFrame({**dict(zip(keys, key, strict=True)), **_row(part)} for key, part in parts)


def _row(part: pd.DataFrame) -> dict[str, float]:
    found: dict[str, float] = {"runs": len(part)}
    for level in INTERVALS:
        found |= _share(part[f"inside_{level}"], f"inside_{level}")
    error = part["error"]
    return found | {
        "bias": error.mean(),
        "mae": error.abs().mean(),
        "crps": part["crps"].mean(),
        "crps_expected": part["crps_expected"].mean(),
    }


def _share(inside: pd.Series, name: str) -> dict[str, float]:
    """A share with its binomial interval (Clopper and Pearson 1934); NaN where nothing is known."""
    if inside.isna().any():
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"), np.nan)
    count = int(inside.sum())
    ends = stats.binomtest(count, len(inside)).proportion_ci(CHANCE)
    return {name: count / len(inside), f"{name}_low": ends.low, f"{name}_high": ends.high}


def _scored(table: pd.DataFrame, content: Mapping[str, Any]) -> pd.DataFrame:
    levels, quantiles = _quantiles(content)
    rows = quantiles[table["prediction"].to_numpy()]
    loss = table["loss"].to_numpy(dtype=float)
    table = table.drop(columns="prediction").assign(error=loss - table["median"])
    for level, ends in INTERVALS.items():
        low = _column(ends[0], levels, rows)
        high = _column(ends[1], levels, rows)
        table[f"inside_{level}"] = None if low is None or high is None else (low <= loss) & (loss <= high)
    expected = [crps_of_quantiles(levels, np.repeat(row[None], len(row), 0), row).mean() for row in rows]
    return table.assign(crps=crps_of_quantiles(levels, rows, loss), crps_expected=expected)


def _quantiles(content: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Levels (level,) and quantiles of each predicted run (run, level)."""
    if "quantiles" in content:
        return np.array(content["levels"]), np.array(content["quantiles"], dtype=float)
    table = pd.DataFrame(content["predictions"])
    known = {name: level for name, level in OLD_LEVELS.items() if name in table}
    return np.array(list(known.values())), table[list(known)].to_numpy(dtype=float)


def _column(name: str, levels: np.ndarray, rows: np.ndarray) -> np.ndarray | None:
    """The quantile of a name such as q05 of each run; None if the record has none."""
    place = np.flatnonzero(np.isclose(levels, int(name[1:]) / 100))
    return rows[:, place[0]] if place.size else None


def _with_distance(runs: pd.DataFrame) -> pd.DataFrame:
    """The range of decades outside the fitted runs, nearest first."""
    decades = runs["extrapolation_decades"].to_numpy(dtype=float)
    return runs.assign(distance=binned(decades)).sort_values("extrapolation_decades", kind="stable")


def _label(row: Mapping[str, Any], number: int) -> str:
    return str(row.get("run_id", f"run {number}"))
