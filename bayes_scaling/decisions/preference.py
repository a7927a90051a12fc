"""What a decision maker minds: a summary of the loss, and what loss is too small to matter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayes_scaling.decisions.utility import Utility, get_utility
from bayes_scaling.errors import DecisionError


@dataclass(frozen=True)
class Preference:
    """What is minded in every group alike.

    Attributes
    ----------
    utility : Utility
    tolerance : float
        Loss, nats per token, that counts as little.
    confidence : float
        Probability with which the flat region loses no more.

    Raises
    ------
    DecisionError
        A tolerance that is not positive, or a confidence that is not between 0 and 1.
    """

    utility: Utility = field(default_factory=Utility)
    tolerance: float = 0.01
    confidence: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.tolerance < np.inf:
            raise DecisionError(
                f"tolerance {self.tolerance!r}: give a positive loss in nats per token, such as 0.01"
            )
        if not 0 < self.confidence < 1:
            raise DecisionError(
                f"confidence {self.confidence!r}: give a probability between 0 and 1, such as 0.5"
            )

    @classmethod
    def of(cls, utility: Any, tolerance: float, confidence: float) -> Preference:
        """From a utility as `get_utility` takes it; raises also what that does."""
        return cls(get_utility(utility), tolerance, confidence)
