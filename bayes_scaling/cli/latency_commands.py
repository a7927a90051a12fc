"""Commands of latency: fit, predict, stages and the back-test."""

from __future__ import annotations

import sys
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli.arguments import Columns, Json, MaxDraws, check_folder, check_output, column_map
from bayes_scaling.cli.dressing import dressed
from bayes_scaling.cli.failures import GuardedGroup, note
from bayes_scaling.cli.fit_commands import report_checks
from bayes_scaling.cli.output import print_json
from bayes_scaling.cli.verdict import open_latency
from bayes_scaling.errors import ConvergenceWarning
from bayes_scaling.files.whole import whole
from bayes_scaling.roofline.devices import Device, get_device

if TYPE_CHECKING:
    from bayes_scaling.latency import LatencyFit
    from bayes_scaling.latency.timings import Timings

latency = typer.Typer(
    name="latency",
    help="Latency of inference: fit timings, predict queries, show what each stage of evidence adds.",
    cls=GuardedGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
)
TimingsFile = Annotated[
    str, typer.Argument(metavar="TIMINGS", help="Timings (.csv, .tsv, .jsonl, .parquet, .feather).")
]
DeviceName = Annotated[
    str | None,
    typer.Option("--device", metavar="NAME", help="Datasheet the efficiencies refer to. Default: H100-SXM."),
]
DeviceFile = Annotated[
    Path | None, typer.Option("--devices", metavar="TOML", help="Constants of further devices.")
]
Bench = Annotated[
    Path | None,
    typer.Option("--bench", metavar="CSV", help="Microbenchmarks of the device; they become the prior."),
]
Backend = Annotated[str, typer.Option(help="numpyro or pymc.")]
Seed = Annotated[int, typer.Option(help="Seed of the draws.")]


@latency.command()
@dressed
def fit(
    timings: TimingsFile,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="LATENCY", help="Where to save (.nc).")],
    device: DeviceName = None,
    devices: DeviceFile = None,
    bench: Bench = None,
    backend: Backend = "numpyro",
    draws: Annotated[int, typer.Option(help="Draws of each chain.")] = 800,
    tune: Annotated[int, typer.Option(help="Transitions of each chain's pilots and step size.")] = 500,
    chains: Annotated[int, typer.Option(help="Chains, all at once.")] = 4,
    seed: Seed = 0,
    max_draws: MaxDraws = None,
    column: Columns = None,
    json: Json = False,
) -> None:
    """Fit the latency model to timings, save the posterior, check it."""
    check_output(output)
    chosen = _device(device, devices)
    sampling = {"backend": backend, "draws": draws, "tune": tune, "chains": chains, "seed": seed}
    sampling |= {"max_draws": max_draws}
    result = _fitted(_timings(timings, column), chosen, bench, sampling)
    checks = result.checks()
    result.save(output)
    note(f"Saved {output}")
    if not json:
        typer.echo(f"{result}\n")
    report_checks(checks, json)


@latency.command()
@dressed
def predict(
    fitted: Annotated[Path, typer.Argument(metavar="LATENCY", help="What `latency fit` saved (.nc).")],
    queries: Annotated[
        str, typer.Argument(metavar="QUERIES", help="architecture, params or shape, batch_size, prefill.")
    ],
    kind: Annotated[str, typer.Option(help="response (one measured time) or mean.")] = "response",
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Predict time to first token, step time and whether a query fits; response intervals."""
    from bayes_scaling.latency.table import predict_table
    from bayes_scaling.printing.latency import print_prediction

    table = predict_table(open_latency(fitted, json), queries, kind, seed)
    (print_json if json else print_prediction)(table)


@latency.command()
@dressed
def summary(
    fitted: Annotated[Path, typer.Argument(metavar="LATENCY", help="What `latency fit` saved (.nc).")],
    json: Json = False,
) -> None:
    """Coefficients: prior, posterior, and how far the timings moved them."""
    from bayes_scaling.printing.latency import print_coefficients

    table = open_latency(fitted, json).summary()
    (print_json if json else print_coefficients)(table)


@latency.command()
@dressed
def backtest(
    timings: TimingsFile,
    size: Annotated[
        list[float] | None,
        typer.Option(
            "--leave-out", metavar="PARAMS", help="Model sizes to leave out. Default: each in turn."
        ),
    ] = None,
    device: DeviceName = None,
    devices: DeviceFile = None,
    seed: Seed = 0,
    column: Columns = None,
    json: Json = False,
) -> None:
    """Leave model sizes out and predict them, beside a roofline and linear fits."""
    from bayes_scaling.latency.backtest import backtest as run
    from bayes_scaling.printing.latency import print_backtest

    result = run(_timings(timings, column), _device(device, devices), leave_out=size, seed=seed)
    if json:
        print_json(result.scores)
        return
    print_backtest(result)


@latency.command()
@dressed
def measure(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="CSV", help="Where the timings go.")],
) -> None:
    """Time small models end to end on this host, built from the twins that `bench` times."""
    from bayes_scaling.bench.host_models import time_host

    check_folder(output)
    table = time_host(note=lambda name: note(f"Timing {name} ..."))
    with whole(output) as part:
        table.to_csv(part, index=False, float_format="%.6g")
    note(f"{len(table)} queries in {output}")


@latency.command()
@dressed
def stages(
    timings: TimingsFile,
    bench: Annotated[Path, typer.Option("--bench", metavar="CSV", help="Microbenchmarks of the device.")],
    device: DeviceName = None,
    devices: DeviceFile = None,
    figure: Annotated[
        Path | None, typer.Option("--figure", metavar="FILE", help="Draw the intervals (.png, .svg, .pdf).")
    ] = None,
    seed: Seed = 0,
    column: Columns = None,
    json: Json = False,
) -> None:
    """Intervals of step time after the datasheet, the benchmarks and the timings."""
    from bayes_scaling.latency.stages import latency_stages
    from bayes_scaling.printing.latency import print_stages

    table = latency_stages(_timings(timings, column), bench, _device(device, devices), seed=seed)
    if figure is not None:
        from bayes_scaling.plots.latency import plot_stages
        from bayes_scaling.plots.style import save_figure

        note(f"Saved {save_figure(plot_stages(table), figure)}")
    (print_json if json else print_stages)(table)


def _device(name: str | None, path: Path | None) -> Device | None:
    """The device of the options; None for the default."""
    from bayes_scaling.latency.fitting import DEFAULT_DEVICE

    if name is None and path is None:
        note(f"Note: no --device given: efficiencies are relative to the datasheet of {DEFAULT_DEVICE}.")
        return None
    return get_device(name or DEFAULT_DEVICE, path)


def _timings(file: str, column: list[str] | None) -> Timings:
    """The timings of a file, their columns named by the options."""
    from bayes_scaling.latency.timings import load_timings

    return load_timings(file, column_map(column))


def _fitted(
    timings: Timings, device: Device | None, bench: Path | None, sampling: dict[str, Any]
) -> LatencyFit:
    """The fit; what libraries print goes to standard error, and the checks stand for the warning."""
    from bayes_scaling.latency import fit_latency

    with warnings.catch_warnings(), redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore", ConvergenceWarning)
        return fit_latency(timings, device, bench=bench, **sampling)
