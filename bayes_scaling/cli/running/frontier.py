"""The work of `frontier`: the frontier itself, and where other estimators differ from it."""

from __future__ import annotations

import pandas as pd

from bayes_scaling.cli.asked import Asked
from bayes_scaling.cli.running.drawing import draw
from bayes_scaling.cli.running.opening import open_fit
from bayes_scaling.cli.running.output import print_json
from bayes_scaling.posterior.law_sampled import sample_law_alone
from bayes_scaling.printing.estimators import estimator_remarks, print_estimators
from bayes_scaling.printing.table import print_line
from bayes_scaling.printing.views import print_frontier
from bayes_scaling.questions.estimators import apart, estimators_of
from bayes_scaling.questions.frontier import frontier_of
from bayes_scaling.questions.query import Query
from bayes_scaling.report.estimators import verified_disagreements


def show_frontier(asked: Asked, beside: bool) -> None:
    """Print the frontier of a fit, with ``beside`` the law alone and the classical fit as well."""
    loaded = open_fit(asked.fit, asked.json)
    query = Query.of(loaded, asked.values, **asked.keywords())
    found = frontier_of(loaded, query)
    table = found.table(full=True)
    three = None
    if beside:
        sample_law_alone(loaded)
        three = estimators_of(loaded, query, table)
    draw(found, asked.figure)
    if asked.json:
        print_json(table if three is None else _joined(table, three))
        return
    print_frontier(table)
    differ = verified_disagreements(loaded, query, table) if three is None else three[apart(three)]
    for remark in estimator_remarks(differ):
        print_line(f"Note: {remark}")
    if three is not None:
        print_estimators(three)


def _joined(table: pd.DataFrame, three: pd.DataFrame) -> pd.DataFrame:
    """A frontier's rows with the columns of the other estimators."""
    keys = ["architecture", "context_length", "compute"]
    more = [name for name in three if name not in table]
    return table.merge(three[[*keys, *more]], on=keys)
