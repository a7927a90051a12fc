"""Writing a page to a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bayes_scaling.calibration.backtest import Backtest
from bayes_scaling.decisions.limits import as_limits
from bayes_scaling.decisions.scenarios import plan as decide_plan
from bayes_scaling.decisions.serving_limits import as_serving
from bayes_scaling.errors import BayesScalingError
from bayes_scaling.faces.loss_unit import in_loss_unit, own_unit
from bayes_scaling.files.whole import write_bytes, write_text
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.questions.query import Query
from bayes_scaling.report.blocks import Page
from bayes_scaling.report.gathering import gather
from bayes_scaling.report.html import render_html
from bayes_scaling.report.markdown import pictures, render_markdown
from bayes_scaling.report.pictures import png
from bayes_scaling.report.question import Question, default_budgets

HTML = (".html", ".htm")
MARKDOWN = (".md", ".markdown")


def write_report(
    fit: Fit, path: str | Path, compute: Any = None, context_length: Any = None, **more: Any
) -> Path:
    """Write one page about a fit: what to train, how sure that is, and why to believe it.

    Parameters
    ----------
    fit : Fit
    path : str or Path
        ``.html``: one file that needs no network, for light and dark screens and for print. ``.md``: the same
        as Markdown, its figures in a folder beside it.
    compute, context_length, **more
        As for `make_page`.

    Returns
    -------
    Path

    Raises
    ------
    BayesScalingError
        Another kind of file, a folder that is missing or closed; or as for `make_page`.

    Examples
    --------
    >>> bs.write_report(fit, "report.html", compute=1e21, context_length=8192)  # doctest: +SKIP
    """
    check_report(path)
    return save_page(make_page(fit, compute, context_length, **more), path)


def make_page(
    fit: Fit,
    compute: Any = None,
    context_length: Any = None,
    *,
    limits: Any = None,
    cost: str = "6ND",
    latency: Any = None,
    plan: Any = None,
    backtest: Backtest | None = None,
    next_runs: int = 0,
    extrapolate: bool = False,
    command: str = "",
) -> Page:
    """The content of a page about a fit.

    The answer stands first; then decision and regret, frontier, comparison of architectures, calibration,
    checks, data, priors and sensitivity, versions, citations.

    Parameters
    ----------
    fit : Fit
    compute : float or sequence of float, optional
        Budgets in the cost's unit. Default: the compute of the largest run and ten times that.
    context_length : int or sequence of int, optional
        Default: all fitted.
    limits, cost, latency
        As for `bayes_scaling.decide`.
    plan : sequence of Scenario or path, optional
        Scenarios to decide side by side, as for `bayes_scaling.decisions.scenarios.plan`.
    backtest : Backtest, optional
        Of the same model and runs.
    next_runs : int
        How many runs to choose that would teach most about the largest budget; takes some seconds.
    extrapolate : bool
        As for `bayes_scaling.frontier`.
    command : str
        What made the page, to stand on it.

    Returns
    -------
    Page

    Raises
    ------
    BayesScalingError
        As for `bayes_scaling.decide` and `bayes_scaling.decisions.scenarios.plan`; a back-test of other runs.
    """
    query = _query(fit, compute, context_length, limits, cost, extrapolate)
    question = _question(fit, query, limits, latency, plan, backtest, next_runs)
    return gather(replace(question, command=command))


def save_page(page: Page, path: str | Path) -> Path:
    """Write a page as HTML or Markdown; errors as for `check_report`."""
    target = check_report(path)
    with own_unit(page.loss_unit):
        return _write_markdown(page, target) if target.suffix in MARKDOWN else _write_html(page, target)


def check_report(path: str | Path) -> Path:
    """The file of a report, refused before any work where it cannot be written.

    Raises
    ------
    BayesScalingError
        Neither HTML nor Markdown, or a folder that is missing.
    """
    target = Path(path).expanduser()
    if target.suffix not in (*HTML, *MARKDOWN):
        raise BayesScalingError(
            f"{path}: a report is HTML or Markdown; give a name that ends in .html or .md"
        )
    if target.is_dir() or not target.absolute().parent.is_dir():
        raise BayesScalingError(f"{path}: no folder to write it in; make {target.parent} first")
    return target


def _query(fit: Fit, compute: Any, context_length: Any, limits: Any, cost: str, extrapolate: bool) -> Query:
    """What is asked, its context lengths ascending."""
    budgets = default_budgets(fit) if compute is None else compute
    query = Query.of(fit, budgets, context_length, None, cost, as_limits(limits).unique_tokens, extrapolate)
    return replace(query, context_length=tuple(sorted(query.context_length)))


def _question(
    fit: Fit,
    query: Query,
    limits: Any,
    latency: Any,
    plan: Any,
    backtest: Backtest | None,
    next_runs: int,
) -> Question:
    _check_backtest(fit, backtest)
    return Question(
        fit,
        query,
        as_limits(limits),
        as_serving(latency),
        None if plan is None else decide_plan(fit, plan, latency),
        backtest,
        next_runs,
    )


def _check_backtest(fit: Fit, backtest: Backtest | None) -> None:
    """Refuse a back-test of other runs than were fitted."""
    if backtest is None:
        return
    known = np.isin(backtest.rows["loss"].to_numpy(dtype=float), fit.runs.frame["loss"].to_numpy(dtype=float))
    if not known.all():
        raise BayesScalingError(
            f"the back-test is of other runs than the fit: {int((~known).sum())} of its {len(known)} losses "
            f"are not in {fit.runs.source}. Make one of the fitted runs, or leave it out"
        )


def _write_html(page: Page, target: Path) -> Path:
    write_text(target, in_loss_unit(render_html(page)))
    return target


def _write_markdown(page: Page, target: Path) -> Path:
    folder = target.with_name(f"{target.stem}-figures")
    text = in_loss_unit(render_markdown(page, folder.name))
    images = {picture.name: png(picture.figure) for picture in pictures(page.sections)}
    folder.mkdir(exist_ok=True)
    for name, image in images.items():
        write_bytes(folder / f"{name}.png", image)
    write_text(target, text)
    return target
