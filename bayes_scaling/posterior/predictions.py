"""`Predictions`: the losses that a fit predicts of given runs, as a result with a face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.faces.faced import Faced
from bayes_scaling.faces.shown import shown
from bayes_scaling.posterior.posterior import Posterior
from bayes_scaling.posterior.prediction import predict_table
from bayes_scaling.runs.column_units import NATS
from bayes_scaling.runs.table import Runs

SHORT = ("row", "architecture", "context_length", "params", "tokens", "loss", "median", "q05", "q95")


@dataclass(frozen=True, eq=False, repr=False)
class Predictions(
    Faced, printer="fits.print_predicted", figures={"predictions": "predictions.plot_predictions"}
):
    """Predicted losses of runs.

    Attributes
    ----------
    runs : Runs
        What was predicted; they may have losses.
    rows : DataFrame
        See `bayes_scaling.predict_table`.
    kind : {"mean", "response"}
    loss_unit : str
        Losses are told in it.
    """

    runs: Runs
    rows: pd.DataFrame
    kind: str
    loss_unit: str = NATS

    def table(self, full: bool = False) -> pd.DataFrame:
        """One row a run: those of `bayes_scaling.predict_table`, and its loss where it has one.

        With a loss, ``inside_90`` says whether the 90% interval holds it. Unless ``full``, only the columns
        that answer the question, displayed as people read them.
        """
        return shown(self._rows(), SHORT, full)

    def _rows(self) -> pd.DataFrame:
        if "loss" not in self.runs.frame:
            return self.rows.copy()
        loss = self.runs.frame["loss"].to_numpy(dtype=float)
        inside = (loss >= self.rows["q05"]) & (loss <= self.rows["q95"])
        return self.rows.assign(loss=loss, inside_90=inside)


def predictions(
    fit: Posterior,
    runs: Any,
    kind: str = "mean",
    seed: int = 0,
    unique_tokens: float | None = None,
    extrapolate: bool = False,
) -> Predictions:
    """The losses of given runs, in a table; arguments and errors as for `bayes_scaling.predict`.

    Examples
    --------
    >>> from bayes_scaling.posterior.predictions import predictions
    >>> found = predictions(fit, fit.runs, kind="response")
    >>> found.table().columns.tolist()[-4:]
    ['loss', 'median', 'q05', 'q95']
    """
    planned = runs if isinstance(runs, Runs) else load_runs(runs, need_loss=False)
    rows = predict_table(fit, planned, kind, seed, unique_tokens, extrapolate)
    return Predictions(planned, rows, kind, fit.loss_unit)
