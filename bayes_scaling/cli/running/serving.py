"""Fits of latency, opened to be asked: their verdict stands by the answer."""

from __future__ import annotations

from pathlib import Path

from bayes_scaling.cli.verdict import LATENCY, Verdict, remember
from bayes_scaling.decisions.serving_limits import Serving, as_serving
from bayes_scaling.latency import LatencyFit, load_latency


def open_latency(path: Path, told: bool) -> LatencyFit:
    """Load a latency fit to ask it; its verdict will stand by the answer.

    Parameters
    ----------
    path : Path
    told : bool
        Whether the answer says the verdict itself: in a field of its JSON, or on its page.

    Returns
    -------
    LatencyFit

    Raises
    ------
    FitFileError
        The file holds no latency fit.
    """
    fit = load_latency(path)
    remember(Verdict(LATENCY, path, fit.checks(), told))
    return fit


def open_serving(path: Path | None, told: bool) -> Serving | None:
    """The latency fit of a decision; None for none. Errors are as for `open_latency`."""
    return None if path is None else as_serving(open_latency(path, told))
