"""What the options of a question to a fit say, read and checked as far as no fit is needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Asked:
    """A question to a fit, and how its answer is shown.

    Attributes
    ----------
    fit : Path
        The fit's file.
    values : list of float
        What is asked about: budgets in FLOPs, losses in nats, or params.
    context_length : list of float, optional
        In tokens; all fitted ones where it is missing.
    architecture : list of str, optional
        All fitted ones where it is missing.
    cost : str
    unique_tokens : float, optional
    extrapolate : bool
    figure : Path, optional
        Where a figure is drawn.
    json : bool
        Whether records are printed, not tables.
    """

    fit: Path
    values: list[float]
    context_length: list[float] | None
    architecture: list[str] | None
    cost: str
    unique_tokens: float | None = None
    extrapolate: bool = False
    figure: Path | None = None
    json: bool = False

    def keywords(self) -> dict[str, Any]:
        """The keywords that the questions of Python share."""
        return {
            "context_length": self.context_length,
            "architecture": self.architecture,
            "cost": self.cost,
            "unique_tokens": self.unique_tokens,
            "extrapolate": self.extrapolate,
        }
