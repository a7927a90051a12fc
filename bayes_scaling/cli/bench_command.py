"""The command that times kernels on a device."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling.cli.arguments import Json, check_folder
from bayes_scaling.cli.failures import CHECKS_FAILED, note
from bayes_scaling.cli.output import print_json


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
    from bayes_scaling.bench import bench as run_bench
    from bayes_scaling.bench import get_backend, write_bench
    from bayes_scaling.bench.rows import OK, OUT_OF_MEMORY
    from bayes_scaling.bench.summary import summarise_bench
    from bayes_scaling.printing.bench import print_bench

    check_folder(output)
    backend = get_backend(device)
    rows = list(run_bench(backend, kernel, repeats, note=lambda name: note(f"Timing {name} ...")))
    write_bench(rows, output)
    records = summarise_bench(rows)
    print_json(records) if json else print_bench(records)
    note(f"{len(rows)} timings on {backend.device} in {output}")
    if any(row.status not in (OK, OUT_OF_MEMORY) for row in rows):
        raise typer.Exit(CHECKS_FAILED)
