"""Figures beside answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bayes_scaling as bs


def draw(found: Any, path: Path | None) -> None:
    """Draw a result into a file, if one was named.

    Parameters
    ----------
    found : result
        Anything that has ``plot()``.
    path : Path, optional

    Raises
    ------
    BayesScalingError
        The file cannot be written.
    """
    if path is not None:
        bs.plots.save_figure(found.plot(), path)
