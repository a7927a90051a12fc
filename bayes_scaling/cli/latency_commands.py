"""Commands of latency: fit, predict, stages and the back-test."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling.cli.arguments import (
    Backends,
    Columns,
    Json,
    MaxDraws,
    check_folder,
    check_output,
    choices,
    column_map,
)
from bayes_scaling.cli.dressing import dressed
from bayes_scaling.cli.failures import GuardedGroup

latency = typer.Typer(
    name="latency",
    help="Latency of inference: fit timings, predict queries, show what each stage of evidence adds.",
    cls=GuardedGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
)
waiting = partial(dressed, waits=True)
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
Seed = Annotated[int, typer.Option(help="Seed of the draws.")]


@latency.command()
@dressed
def fit(
    timings: TimingsFile,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="LATENCY", help="Where to save (.nc).")],
    device: DeviceName = None,
    devices: DeviceFile = None,
    bench: Bench = None,
    backend: Backends = "numpyro",
    draws: Annotated[int, typer.Option(help="Draws of each chain.")] = 800,
    tune: Annotated[int, typer.Option(help="Transitions of each chain's pilots and step size.")] = 500,
    chains: Annotated[int, typer.Option(help="Chains, all at once.")] = 4,
    seed: Seed = 0,
    max_draws: MaxDraws = None,
    column: Columns = None,
    json: Json = False,
) -> None:
    """Fit the latency model to timings, save the posterior, check it."""
    from bayes_scaling.cli.running.latencies import make_fit

    check_output(output)
    sampling = {"backend": backend, "draws": draws, "tune": tune, "chains": chains, "seed": seed}
    sampling |= {"max_draws": max_draws}
    make_fit(timings, column_map(column), device, devices, bench, sampling, output, json)


@latency.command()
@waiting
def predict(
    fitted: Annotated[Path, typer.Argument(metavar="LATENCY", help="What `latency fit` saved (.nc).")],
    queries: Annotated[
        str, typer.Argument(metavar="QUERIES", help="architecture, params or shape, batch_size, prefill.")
    ],
    kind: Annotated[
        str, typer.Option(help="One measured time, or the mean of many.", **choices("response", "mean"))
    ] = "response",
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Predict time to first token, step time and whether a query fits; response intervals."""
    from bayes_scaling.cli.running.latencies import show_predictions

    show_predictions(fitted, queries, kind, seed, json)


@latency.command()
@waiting
def summary(
    fitted: Annotated[Path, typer.Argument(metavar="LATENCY", help="What `latency fit` saved (.nc).")],
    json: Json = False,
) -> None:
    """Coefficients: prior, posterior, and how far the timings moved them."""
    from bayes_scaling.cli.running.latencies import show_summary

    show_summary(fitted, json)


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
    from bayes_scaling.cli.running.latencies import show_backtest

    show_backtest(timings, column_map(column), device, devices, size, seed, json)


@latency.command()
@dressed
def measure(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="CSV", help="Where the timings go.")],
) -> None:
    """Time small models end to end on this host, built from the twins that `bench` times."""
    from bayes_scaling.cli.running.benches import measure_host

    check_folder(output)
    measure_host(output)


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
    from bayes_scaling.cli.running.latencies import show_stages

    show_stages(timings, column_map(column), device, devices, bench, seed, figure, json)
