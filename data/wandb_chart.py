"""The chart that Weights & Biases exports: a column of steps, then columns ``<Name> - <metric>``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bayes_scaling.data.delimited import Cells, read_cells, read_text
from bayes_scaling.data.last_values import chosen_point
from bayes_scaling.errors import RunsError
from bayes_scaling.runs.finding import listed

BETWEEN = " - "
_BOUNDS = re.compile(r".*__(MIN|MAX)$")
_GROUPED = re.compile(r"[^:]+: .+ - .+")


@dataclass(frozen=True)
class Chart:
    """A chart as read.

    Attributes
    ----------
    path : Path
    cells : Cells
    """

    path: Path
    cells: Cells

    @property
    def curves(self) -> list[str]:
        """Its columns of runs, without steps and bounds."""
        return [name for name in self.cells.header if BETWEEN in name and not _BOUNDS.fullmatch(name)]

    def losses(self, names: Sequence[str], ids: Sequence[str], needed: np.ndarray, choose: str) -> np.ndarray:
        """The last or lowest value of each run's curve.

        Parameters
        ----------
        names, ids : sequence of str, one each run
        needed : array of bool, shape (run,)
            Runs that must have a curve.
        choose : {"last", "best"}

        Returns
        -------
        array, shape (run,)
            NaN where a curve ends in no finite number, and for runs without a curve that need none.

        Raises
        ------
        RunsError
            No curve of a run, or several; a name of several runs; cells that are no numbers.
        """
        columns = self._columns(names, ids)
        found = np.full(len(names), np.nan)
        for run in np.flatnonzero(needed).tolist():
            key = ids[run] if ids[run] in columns else names[run]
            count = list(names).count(key)
            if key != ids[run] and count > 1:
                raise RunsError(
                    f"{self.path}: {key!r} is the name of {count} runs, so the chart does not tell them "
                    "apart. Remedy: give runs their own names, or name the chart's runs by ID."
                )
            found[run] = self._value(self._one(columns.get(key, {}), key), choose)
        return found

    def _columns(self, names: Sequence[str], ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """The curves of each name or ID, the longest that fits, by their metric."""
        known = sorted({*names, *ids}, key=len, reverse=True)
        columns: dict[str, dict[str, str]] = {}
        for curve in self.curves:
            name = next((name for name in known if curve.startswith(name + BETWEEN)), None)
            if name is not None:
                columns.setdefault(name, {})[curve.removeprefix(name + BETWEEN)] = curve
        metrics = {metric for curves in columns.values() for metric in curves}
        if len(metrics) > 1:
            raise RunsError(
                f"{self.path}: a chart of {len(metrics)} metrics ({listed(sorted(metrics))}). "
                "Remedy: export a chart of one metric with all runs shown."
            )
        return columns

    def _one(self, curves: Mapping[str, str], name: str) -> str:
        """The curve of a run."""
        if curves:
            return next(iter(curves.values()))
        shown = listed([repr(curve) for curve in self.curves]) or "none of that kind"
        raise RunsError(
            f"{self.path}: no column for run {name!r}, one '{name}{BETWEEN}metric' is needed; "
            f"the chart has {shown}. Remedy: {self._remedy()}."
        )

    def _remedy(self) -> str:
        if self.curves and all(_GROUPED.fullmatch(curve) for curve in self.curves):
            return "the chart is grouped; export it with grouping off, so that each run has its curve"
        return "export a chart of one metric with all runs shown"

    def _value(self, curve: str, choose: str) -> float:
        cells = self.cells.column(curve)
        row = chosen_point(cells, self.cells.lines, f"{self.path}: column {curve!r}", choose)
        return float("nan") if row is None else float(cells[row])


def read_chart(path: Path) -> Chart:
    """A chart out of a CSV file.

    Raises
    ------
    RunsError
        No such file, or no table in it.
    """
    path = path.expanduser()
    if not path.is_file():
        raise RunsError(f"{path}: no such file. Remedy: export the chart as CSV.")
    return Chart(path, read_cells(read_text(path), str(path), path.suffix.lower()))
