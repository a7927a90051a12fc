"""What is minimised over the draws of a loss: its mean, a quantile, or the mean of its worst part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_scaling.errors import DecisionError

KINDS = ("mean", "quantile", "cvar")
REMEDY = 'give "mean", ("quantile", 0.9) or ("cvar", 0.9); on the command line quantile:0.9 or cvar:0.9'


@dataclass(frozen=True)
class Utility:
    """A summary of the draws of a loss; lower is better.

    Attributes
    ----------
    kind : {"mean", "quantile", "cvar"}
        Of cvar (conditional value at risk): the mean of the draws above the quantile.
    level : float
        Of the quantile, between 0 and 1; unused by the mean.

    Raises
    ------
    DecisionError
        No such kind or level.

    References
    ----------
    Rockafellar, Uryasev 2000, doi:10.21314/JOR.2000.038.
    """

    kind: str = "mean"
    level: float = 0.5

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise DecisionError(f"unknown utility {self.kind!r}: {REMEDY}")
        if not 0 < self.level < 1:
            raise DecisionError(
                f"level {self.level!r} of utility {self.kind!r} is not between 0 and 1: {REMEDY}"
            )

    def __call__(self, loss: np.ndarray) -> np.ndarray:
        """Of draws (draw, ...) of a loss: (...)."""
        if self.kind == "mean":
            return np.asarray(loss.mean(0))
        if self.kind == "quantile":
            return np.asarray(np.quantile(loss, self.level, axis=0))
        worst = max(round((1 - self.level) * len(loss)), 1)
        return np.asarray(np.partition(loss, len(loss) - worst, axis=0)[-worst:].mean(0))

    def __str__(self) -> str:
        return self.kind if self.kind == "mean" else f"{self.kind}:{self.level:g}"


def get_utility(utility: Any) -> Utility:
    """A utility from its name, ``"cvar:0.9"``, or a pair, ``("cvar", 0.9)``.

    Raises
    ------
    DecisionError
        Neither, or no such kind or level.
    """
    if isinstance(utility, Utility):
        return utility
    parts = utility.split(":") if isinstance(utility, str) else utility
    try:
        kind, *level = parts
        if len(level) != (kind != "mean"):
            raise ValueError
        return Utility(str(kind), *map(float, level))
    except DecisionError:
        raise
    except (TypeError, ValueError):
        raise DecisionError(f"utility {utility!r}: {REMEDY}") from None
