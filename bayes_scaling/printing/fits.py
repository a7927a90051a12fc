"""A fit as it shows itself: what it is, what it was fitted to, and what its checks say."""

from __future__ import annotations

from bayes_scaling.latency.fit import LatencyFit
from bayes_scaling.posterior.checks import PASS, Checks
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.predictions import Predictions
from bayes_scaling.posterior.verdict import stored
from bayes_scaling.printing.latency import print_coefficients
from bayes_scaling.printing.runs import runs_columns
from bayes_scaling.printing.table import print_line, print_table
from bayes_scaling.printing.views import checks_columns, print_predictions


def print_fit(fit: Fit) -> None:
    """The model, the groups of its runs, and the checks that did not pass."""
    print_line(f"{fit}\n")
    print_table(runs_columns(fit.runs.describe()))
    _print_known(fit)
    print_line("Ask it: .frontier() .compare() .decide() .predictions() .summary() .plot() .report()")


def print_latency_fit(fit: LatencyFit) -> None:
    """The model, its coefficients, and the checks that did not pass."""
    print_line(f"{fit}\n")
    if len(fit.timings):
        print_coefficients(fit.summary())
    _print_known(fit)


def print_predicted(found: Predictions) -> None:
    """Predicted losses."""
    print_predictions(found.table(full=True), found.kind)


def _print_known(fit: Fit | LatencyFit) -> None:
    """The checks that did not pass, and the worst status; nothing is computed for it."""
    rows = stored(fit.idata)
    if rows is None:
        print_line("Checks: not run yet; .checks() runs them.")
        return
    checks = Checks(rows)
    table = checks.table()
    told = table[table["status"] != PASS]
    if len(told):
        print_table(checks_columns(told))
    print_line(f"Checks: {checks.status}, the worst of {len(checks)}.")
