"""The command that times kernels on a device."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling.cli.arguments import Json, check_folder


def bench(
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where the timings go, one row per repeat (.csv)."
        ),
    ] = Path("bench.csv"),
    device: Annotated[str, typer.Option(help="cuda, or cpu for the kernels' twins on this host.")] = "cuda",
    kernel: Annotated[
        list[str] | None, typer.Option("--kernel", metavar="NAME", help="Default: all. Repeatable.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Timings kept of each shape.")] = 20,
    json: Json = False,
) -> None:
    """Time kernels on a GPU or on this host, each after it passed its gate."""
    from bayes_scaling.cli.running.benches import time_kernels

    check_folder(output)
    time_kernels(output, device, kernel, repeats, json)
