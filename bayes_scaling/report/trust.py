"""Whether to believe it: calibration, checks, and what is odd about the runs."""

from __future__ import annotations

from dataclasses import asdict

import pandas as pd

from bayes_scaling import plots
from bayes_scaling.posterior.checks import FAIL, REVIEW
from bayes_scaling.printing.calibration import score_columns
from bayes_scaling.printing.columns import column, groups, text
from bayes_scaling.printing.runs import runs_columns
from bayes_scaling.printing.table import Column
from bayes_scaling.printing.views import checks_columns
from bayes_scaling.report.blocks import Block, Section, Text, picture, table
from bayes_scaling.report.question import Question

VERDICTS = {
    REVIEW: "Sampling converged. Some checks need attention: see the checks.",
    FAIL: "The checks failed: no number of this page can be trusted. See the checks.",
}


def verdict(status: str) -> str:
    """The worst status in words."""
    return VERDICTS.get(status, "All checks passed.")


def calibration(question: Question) -> Section:
    """How often intervals hold, on the fitted runs and on runs left out."""
    return Section("Calibration", (), (_fitted_runs(question), _left_out(question)))


def _fitted_runs(question: Question) -> Section:
    residuals = plots.residual_table(question.fit)
    share = residuals["inside"].mean()
    blocks: list[Block] = [
        Text(
            f"{share:.0%} of the {len(residuals)} fitted runs lie in their 90% response intervals. This "
            "tells whether the law describes the runs it was fitted to, not whether it holds beyond them."
        ),
        table("Fitted runs inside their 90% response interval", _coverage_columns(residuals)),
        *picture(
            "residuals",
            f"Runs in percent above or below their prediction against compute; {share:.0%} lie in the 90% "
            "interval.",
            "Each run against its prediction; the band is the 90% response interval.",
            lambda: plots.plot_residuals(residuals),
        ),
    ]
    return Section("Fitted runs", tuple(blocks))


def _coverage_columns(residuals: pd.DataFrame) -> list[Column]:
    found = (
        residuals.groupby(["architecture", "context_length"])["inside"]
        .agg(["sum", "size", "mean"])
        .reset_index()
    )
    return [
        *groups(found),
        column(found, "inside 90%", "sum", str),
        column(found, "of", "size", str),
        column(found, "share", "mean", "{:.0%}".format),
    ]


def _left_out(question: Question) -> Section:
    found = question.backtest
    if found is None:
        remedy = "bayes-scaling backtest FILE --backtest FOLDER, then report with --backtest FOLDER"
        return Section("Runs left out", (Text(f"No back-test was given. Make one: {remedy}.", "note"),))
    by_distance = found.table("distance", full=True)
    blocks: list[Block] = [
        table("Share of runs left out inside their intervals, all splits", score_columns(found.pooled)),
        table("The same by distance of compute from the fitted runs, in decades", score_columns(by_distance)),
        Text(
            "Intervals are response intervals. One mnat is 0.001 nats per token. Widths are those of the "
            "90% interval."
        ),
        *picture(
            "backtest",
            "Share of runs left out inside their 90% interval and mean error by distance; histogram of "
            "PIT values.",
            "A calibrated forecaster covers 90% at every distance and has a flat histogram.",
            lambda: plots.plot_backtest(found.rows, by_distance),
        ),
    ]
    return Section("Runs left out", tuple(blocks))


def checks(question: Question) -> Section:
    """Each check with its advice."""
    found = question.checks
    status = Text(verdict(found.status), "plain" if found.status != FAIL else "warning")
    return Section("Checks", (status, table("Checks of the fit", checks_columns(found.table()))))


def data(question: Question) -> Section:
    """The runs, and what is odd about them."""
    runs = question.fit.runs
    blocks: list[Block] = [
        table(f"{len(runs)} runs from {runs.source}", runs_columns(runs.describe())),
        *(_findings(question) or (Text("Nothing odd was found in the runs."),)),
        *picture(
            "isoflop",
            "Loss against params at each budget: the runs, the median of the law and its 90% interval.",
            "The runs at each budget and the law through them (90% mean interval).",
            lambda: plots.plot_isoflop(question.fewer),
        ),
    ]
    return Section("Data", tuple(blocks))


def _findings(question: Question) -> tuple[Block, ...]:
    notes = question.fit.runs.notes
    if not notes:
        return ()
    found = pd.DataFrame([asdict(finding) for finding in notes])
    titles = {"severity": "severity", "code": "finding", "message": "what was seen", "advice": "advice"}
    return (table("Findings", [text(found, title, name) for name, title in titles.items()]),)
