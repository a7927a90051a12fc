"""Where estimators differ, with the law alone sampled where that hangs on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.law_alone import is_sampled
from bayes_scaling.posterior.law_sampled import sample_law_alone
from bayes_scaling.questions.estimators import apart, disagreements, estimators_of
from bayes_scaling.questions.query import Query


def verified_disagreements(fit: Fit, query: Query, default: pd.DataFrame | None = None) -> pd.DataFrame:
    """`disagreements`; where a quick look at the law alone finds some, it is sampled before they are told."""
    return _verified(fit, lambda: disagreements(fit, query, default), len)


def verified_estimators(fit: Fit, query: Query, default: pd.DataFrame | None = None) -> pd.DataFrame:
    """`estimators`, alike: the law alone is sampled where a quick look at it finds some apart."""
    return _verified(fit, lambda: estimators_of(fit, query, default), lambda found: apart(found).any())


def _verified(
    fit: Fit, ask: Callable[[], pd.DataFrame], differ: Callable[[pd.DataFrame], Any]
) -> pd.DataFrame:
    found = ask()
    if not differ(found) or is_sampled(fit):
        return found
    sample_law_alone(fit)
    return ask()
