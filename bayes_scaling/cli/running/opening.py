"""Fits of losses, opened to be asked: their verdict stands by the answer."""

from __future__ import annotations

from pathlib import Path

from bayes_scaling.cli.verdict import FIT, Verdict, remember
from bayes_scaling.faces.loss_unit import tell_losses_in
from bayes_scaling.posterior.fit import Fit, load_fit


def open_fit(path: Path, told: bool) -> Fit:
    """Load a fit to ask it; its verdict will stand by the answer.

    Parameters
    ----------
    path : Path
    told : bool
        Whether the answer says the verdict itself: in a field of its JSON, or on its page.

    Returns
    -------
    Fit

    Raises
    ------
    FitFileError
        The file holds no fit.
    """
    fit = load_fit(path)
    tell_losses_in(fit.loss_unit)
    remember(Verdict(FIT, path, fit.checks(), told))
    return fit
