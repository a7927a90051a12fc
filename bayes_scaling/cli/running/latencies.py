"""The work of the commands of latency: fits of timings, predictions, stages and back-tests."""

from __future__ import annotations

import sys
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import typer

import bayes_scaling as bs
from bayes_scaling.cli.failures import note
from bayes_scaling.cli.running.checks import report_checks
from bayes_scaling.cli.running.output import print_json
from bayes_scaling.cli.running.serving import open_latency
from bayes_scaling.errors import ConvergenceWarning
from bayes_scaling.latency import LatencyFit
from bayes_scaling.latency.backtest import backtest
from bayes_scaling.latency.fitting import DEFAULT_DEVICE, fit_latency
from bayes_scaling.latency.stages import latency_stages
from bayes_scaling.latency.table import predict_table
from bayes_scaling.latency.timings import Timings, load_timings
from bayes_scaling.printing.latency import (
    print_backtest,
    print_coefficients,
    print_prediction,
    print_stages,
)
from bayes_scaling.roofline.devices import Device, get_device

Columns = dict[str, str] | None


def make_fit(
    timings: str,
    columns: Columns,
    device: str | None,
    devices: Path | None,
    bench: Path | None,
    sampling: dict[str, Any],
    output: Path,
    json: bool,
) -> None:
    """Fit the latency model to timings, save the fit and print its checks; leave with 1 where they failed.

    Parameters
    ----------
    timings : str
    columns : dict, optional
        Names of the timings' columns in the file.
    device : str, optional
    devices : Path, optional
        Constants of further devices.
    bench : Path, optional
        Microbenchmarks of the device.
    sampling : dict
        Further keywords of `bayes_scaling.latency.fit_latency`.
    output : Path
    json : bool

    Raises
    ------
    BayesScalingError
        Bad timings, an unknown device, or a place where nothing can be written.
    """
    chosen = _device(device, devices)
    result = _fitted(load_timings(timings, columns), chosen, bench, sampling)
    checks = result.checks()
    result.save(output)
    note(f"Saved {output}")
    if not json:
        typer.echo(f"{result}\n")
    report_checks(checks, json)


def show_predictions(fitted: Path, queries: str, kind: str, seed: int, json: bool) -> None:
    """Print time to first token, step time and memory of each of the queries."""
    table = predict_table(open_latency(fitted, json), queries, kind, seed)
    (print_json if json else print_prediction)(table)


def show_summary(fitted: Path, json: bool) -> None:
    """Print each coefficient: prior, posterior, and how far the timings moved it."""
    table = open_latency(fitted, json).summary()
    (print_json if json else print_coefficients)(table)


def show_backtest(
    timings: str,
    columns: Columns,
    device: str | None,
    devices: Path | None,
    sizes: list[float] | None,
    seed: int,
    json: bool,
) -> None:
    """Print predictions of model sizes that were left out, beside baselines."""
    measured = load_timings(timings, columns)
    result = backtest(measured, _device(device, devices), leave_out=sizes, seed=seed)
    if json:
        print_json(result.scores)
        return
    print_backtest(result)


def show_stages(
    timings: str,
    columns: Columns,
    device: str | None,
    devices: Path | None,
    bench: Path,
    seed: int,
    figure: Path | None,
    json: bool,
) -> None:
    """Print intervals of step time after the datasheet, the benchmarks and the timings."""
    measured = load_timings(timings, columns)
    table = latency_stages(measured, bench, _device(device, devices), seed=seed)
    if figure is not None:
        from bayes_scaling.plots.latency import plot_stages

        note(f"Saved {bs.plots.save_figure(plot_stages(table), figure)}")
    (print_json if json else print_stages)(table)


def _device(name: str | None, path: Path | None) -> Device | None:
    """The device of the options; None for the default."""
    if name is None and path is None:
        note(f"Note: no --device given: efficiencies are relative to the datasheet of {DEFAULT_DEVICE}.")
        return None
    return get_device(name or DEFAULT_DEVICE, path)


def _fitted(
    timings: Timings, device: Device | None, bench: Path | None, sampling: dict[str, Any]
) -> LatencyFit:
    """The fit; what libraries print goes to standard error, and the checks stand for the warning."""
    with warnings.catch_warnings(), redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore", ConvergenceWarning)
        return fit_latency(timings, device, bench=bench, **sampling)
