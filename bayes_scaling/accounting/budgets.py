"""Training budgets: which numbers of FLOPs can be meant."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_scaling.errors import BudgetError

LEAST, MOST = 1.0, 1e40  # FLOPs
REMEDY = "give training FLOPs between 1 and 1e40, such as 1e21"


def check_budget(compute: Any) -> None:
    """Refuse training budgets (FLOPs) that are not numbers, finite and within 1 to 1e40.

    Raises
    ------
    BudgetError
        Naming the first bad value.
    """
    try:
        values = np.atleast_1d(np.asarray(compute, dtype=float)).ravel()
    except (TypeError, ValueError):
        raise BudgetError(f"compute budget {compute!r}: {REMEDY}") from None
    bad = values[~(np.isfinite(values) & (values >= LEAST) & (values <= MOST))]
    if values.size == 0 or bad.size:
        shown = bad[0] if bad.size else "none"
        raise BudgetError(f"compute budget {shown}: {REMEDY}")
