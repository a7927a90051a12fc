"""The work of the commands that ask whether intervals hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

import bayes_scaling as bs
from bayes_scaling.calibration.backtest import backtest, load_backtest
from bayes_scaling.calibration.sbc import RANKED, sbc
from bayes_scaling.cli.failures import CHECKS_FAILED, note
from bayes_scaling.cli.reading import Reading
from bayes_scaling.cli.running.drawing import draw
from bayes_scaling.cli.running.opening import open_fit
from bayes_scaling.cli.running.output import print_json
from bayes_scaling.cli.running.tables import quiet_runs
from bayes_scaling.errors import BayesScalingError
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.posterior.stacking import stack
from bayes_scaling.printing.calibration import print_backtest, print_sbc, print_stack


def show_sbc(
    file: str,
    reading: Reading,
    model: dict[str, Any],
    options: dict[str, Any],
    figure: Path | None,
    json: bool,
) -> None:
    """Calibrate the fit on simulations; leave with 1 where ranks are not uniform.

    Parameters
    ----------
    file : str
        Runs, or the name of a data set.
    reading : Reading
    model : dict
        Keywords of `bayes_scaling.ModelSpec`.
    options : dict
        Further keywords of `bayes_scaling.sbc`.
    figure : Path, optional
    json : bool

    Raises
    ------
    BayesScalingError
        Bad runs, a bad model or option.
    """
    spec = ModelSpec(**model)
    found = sbc(quiet_runs(file, reading), spec, **options)
    print_json(found.table()) if json else print_sbc(found)
    if figure is not None:
        bs.plots.save_figure(bs.plots.plot_ranks(found.ranks, RANKED), figure)
    if not found.uniform:
        raise typer.Exit(CHECKS_FAILED)


def show_backtest(
    file: str,
    reading: Reading,
    by: list[str],
    cuts: list[float] | None,
    model: dict[str, Any],
    options: dict[str, Any],
    figure: Path | None,
    json: bool,
) -> None:
    """Fit part of the runs, predict the rest and print how often intervals held.

    Parameters
    ----------
    file : str
        Runs, or the name of a data set.
    reading : Reading
    by : list of str
        What the cuts go by.
    cuts : list of float, optional
    model : dict
        Keywords of `bayes_scaling.ModelSpec`.
    options : dict
        Further keywords of `bayes_scaling.backtest`.
    figure : Path, optional
    json : bool

    Raises
    ------
    BayesScalingError
        Bad runs, a bad model, cut or option.
    """
    runs = quiet_runs(file, reading)
    found = backtest(runs, by, cuts, ModelSpec(**model), **options)
    print_json(found.table(full=True)) if json else print_backtest(found)
    draw(found, figure)


def show_stack(fits: list[Path], backtests: list[Path] | None, seed: int, output: Path, json: bool) -> None:
    """Mix the draws of several fits into one, save it and print the weights.

    Raises
    ------
    BayesScalingError
        Not as many folders of back-tests as fits, or as for `bayes_scaling.stack`.
    """
    if backtests and len(backtests) != len(fits):
        raise BayesScalingError(f"{len(fits)} fits need as many --backtest folders, not {len(backtests)}")
    loaded = {str(path): open_fit(path, json) for path in fits}
    left_out = None
    if backtests:
        left_out = dict(zip(loaded, (load_backtest(folder).rows for folder in backtests), strict=True))
    found = stack(loaded, left_out, seed)
    found.fit.save(output)
    note(f"Saved {output}")
    print_json(found.table) if json else print_stack(found.table)
