"""Where estimators differ, with the law alone sampled where that hangs on it."""

from __future__ import annotations

import pandas as pd

from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.law_alone import is_sampled
from bayes_scaling.posterior.law_sampled import sample_law_alone
from bayes_scaling.questions.estimators import apart, disagreements, estimators_of
from bayes_scaling.questions.query import Query


def verified_disagreements(fit: Fit, query: Query, default: pd.DataFrame | None = None) -> pd.DataFrame:
    """`disagreements`; where a quick look at the law alone finds some, it is sampled before they are told."""
    found = disagreements(fit, query, default)
    if len(found) and not is_sampled(fit):
        sample_law_alone(fit)
        found = disagreements(fit, query, default)
    return found


def verified_estimators(fit: Fit, query: Query, default: pd.DataFrame | None = None) -> pd.DataFrame:
    """`estimators`, alike: the law alone is sampled where a quick look at it finds some apart."""
    found = estimators_of(fit, query, default)
    if apart(found).any() and not is_sampled(fit):
        sample_law_alone(fit)
        found = estimators_of(fit, query, default)
    return found
