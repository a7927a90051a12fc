"""The figures of a scaling study, the posterior beside the classical estimators, into a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling import plots
from bayes_scaling.accounting import AccountingError
from bayes_scaling.classical import isoflop_fit, token_param_slopes
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import BayesScalingError
from bayes_scaling.faces.loss_unit import in_loss_unit, own_unit, unit_of
from bayes_scaling.files.whole import write_bytes
from bayes_scaling.plots import open_folder, save_figure
from bayes_scaling.plots.budgets import budgets_of
from bayes_scaling.plots.captions import captions_text
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.questions.compare import compare
from bayes_scaling.questions.frontier import frontier
from bayes_scaling.questions.query import resolve_cost
from bayes_scaling.runs.table import Runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "pdf", "svg")


@dataclass(frozen=True)
class Drawn:
    """What became of each figure.

    Attributes
    ----------
    files : tuple of Path
    skipped : mapping of str to str
        Figures that these runs do not allow, with the reason.
    """

    files: tuple[Path, ...]
    skipped: dict[str, str]


def save_figures(
    fit: Fit,
    folder: str | Path,
    runs: Any = None,
    cost: str = "6ND",
    resamples: int = 200,
    formats: Sequence[str] = ("png",),
    told: Callable[[str], None] = lambda name: None,
) -> Drawn:
    """Draw the study's figures from a posterior and classical estimates of the same runs.

    isoflop (runs, curves), optima (N*, D* against compute), surface (loss over params and tokens with the
    optimal path), context (N*, D* against context length), ratios (lines of fixed tokens per param),
    comparison (probability and compute multiplier), coefficients, residuals. All are as wide as a page of a
    paper, 6.75 inches, with text of 8 points; ``captions.md`` beside them tells what they show.

    Parameters
    ----------
    fit : Fit
    folder : str or Path
        Made if it is missing.
    runs : Runs, path, DataFrame or catalogue name, optional
        For the classical estimators. Default: the fit's own.
    cost : str
        Of all but the context figure, which is of "accounted" where each architecture has an accounting:
        under "6ND" a token costs the same at any context length.
    resamples : int
        Of the classical bootstrap.
    formats : sequence of str
        Of "png" (300 dots an inch), "pdf" and "svg".
    told : function of str
        Called with the name of each figure before it is drawn.

    Returns
    -------
    Drawn

    Raises
    ------
    BayesScalingError
        The folder cannot be written to, an unknown format, or the runs name architectures or contexts the
        fit has not.

    Examples
    --------
    >>> bs.save_figures(fit, "figures").skipped  # doctest: +SKIP
    """
    unknown = [kind for kind in formats if kind not in FORMATS]
    if unknown or not formats:
        given = repr(unknown[0]) if unknown else "none"
        raise BayesScalingError(f"formats of figures are {', '.join(FORMATS)}, not {given}")
    target = open_folder(folder)
    table = fit.runs if runs is None else load_runs(runs)
    _same_groups(fit, table)
    files = []
    skipped = {}
    with own_unit(unit_of(fit)):
        for name, draw in _FIGURES.items():
            told(name)
            try:
                figure = draw(fit, table, cost, resamples)
            except BayesScalingError as error:
                skipped[name] = str(error)
                continue
            files += [save_figure(figure, target / f"{name}.{kind}") for kind in formats]
        drawn = [name for name in _FIGURES if name not in skipped]
        text = in_loss_unit(captions_text(drawn, str(fit), cost))
    captions = target / "captions.md"
    write_bytes(captions, text.encode())
    return Drawn((*files, captions), skipped)


def _isoflop(fit: Fit, runs: Runs, cost: str, resamples: int) -> Figure:
    return plots.plot_isoflop(fit, runs.frame)


def _optima(fit: Fit, runs: Runs, cost: str, resamples: int) -> Figure:
    budgets = budgets_of(runs)
    found = isoflop_fit(runs, resamples=resamples)
    return plots.plot_optima(frontier(fit, budgets, cost=cost), found.table(), found.frontier(budgets))


def _surface(fit: Fit, runs: Runs, cost: str, resamples: int) -> Figure:
    lengths = runs.frame["context_length"].value_counts()
    length = int(lengths.index[0])  # the context with the most runs
    path = frontier(fit, budgets_of(runs), length, cost=cost).table(full=True)
    return plots.plot_surface(plots.loss_surface(fit, length), runs.frame, path)


def _context(fit: Fit, runs: Runs, cost: str, resamples: int) -> Figure:
    if len(fit.context_lengths) < 2:
        raise BayesScalingError("the fit has one context length")
    optima = isoflop_fit(runs, resamples=resamples).table()
    rounded = optima.assign(budget=optima["compute"].map(lambda c: float(f"{c:.0e}")))
    shared = rounded.groupby("budget")["context_length"].nunique()
    budgets = shared[shared > 1].index.to_numpy(dtype=float)[:4]
    if not budgets.size:
        raise BayesScalingError("no isoFLOP budget was run at two context lengths")
    lengths = np.unique(np.geomspace(fit.context_lengths[0], fit.context_lengths[-1], 7).round().astype(int))
    wanted = sorted({*(int(v) for v in lengths), *fit.context_lengths})
    return plots.plot_context(frontier(fit, budgets, wanted, cost=_context_cost(fit)), optima)


def _ratios(fit: Fit, runs: Runs, cost: str, resamples: int) -> Figure:
    slopes = token_param_slopes(runs, resamples=resamples)
    return plots.plot_ratios(plots.ratio_curves(fit, slopes), slopes, runs.frame)


def _comparison(fit: Fit, runs: Runs, cost: str, resamples: int) -> Figure:
    return plots.plot_comparison(compare(fit, budgets_of(runs), cost=cost))


def _coefficients(fit: Fit, runs: Runs, cost: str, resamples: int) -> Figure:
    return plots.plot_coefficients(fit)


def _residuals(fit: Fit, runs: Runs, cost: str, resamples: int) -> Figure:
    return plots.plot_residuals(fit)


_FIGURES: dict[str, Callable[[Fit, Runs, str, int], Figure]] = {
    "isoflop": _isoflop,
    "optima": _optima,
    "surface": _surface,
    "context": _context,
    "ratios": _ratios,
    "comparison": _comparison,
    "coefficients": _coefficients,
    "residuals": _residuals,
}


def _same_groups(fit: Fit, runs: Runs) -> None:
    for what, ours, theirs in (
        ("architecture", fit.architectures, runs.architectures),
        ("context length", fit.context_lengths, runs.context_lengths),
    ):
        unknown = [value for value in theirs if value not in ours]
        if unknown:
            known = ", ".join(map(str, ours))
            raise BayesScalingError(
                f"these runs have {what} {unknown[0]!r}, the fit has {known}: fit them first"
            )


def _context_cost(fit: Fit) -> str:
    """The cost that sees the context length, where it is known for all."""
    try:
        cost = resolve_cost(fit, "accounted")
        for architecture in fit.architectures:
            cost.curve(float(fit.context_lengths[0]), architecture)
    except AccountingError:
        return "6ND"
    return "accounted"
