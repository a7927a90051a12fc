"""The work of the commands that time: kernels on a device, small models on this host."""

from __future__ import annotations

from pathlib import Path

import typer

from bayes_scaling.bench import bench, get_backend, write_bench
from bayes_scaling.bench.host_models import time_host
from bayes_scaling.bench.rows import OK, OUT_OF_MEMORY
from bayes_scaling.bench.summary import summarise_bench
from bayes_scaling.cli.failures import CHECKS_FAILED, note
from bayes_scaling.cli.running.output import print_json
from bayes_scaling.files.whole import whole
from bayes_scaling.printing.bench import print_bench


def time_kernels(output: Path, device: str, kernels: list[str] | None, repeats: int, json: bool) -> None:
    """Time kernels into a file and print a summary; leave with 1 where a kernel did not pass its gate."""
    backend = get_backend(device)
    rows = list(bench(backend, kernels, repeats, note=lambda name: note(f"Timing {name} ...")))
    write_bench(rows, output)
    records = summarise_bench(rows)
    print_json(records) if json else print_bench(records)
    note(f"{len(rows)} timings on {backend.device} in {output}")
    if any(row.status not in (OK, OUT_OF_MEMORY) for row in rows):
        raise typer.Exit(CHECKS_FAILED)


def measure_host(output: Path) -> None:
    """Time small models end to end on this host, into a file."""
    table = time_host(note=lambda name: note(f"Timing {name} ..."))
    with whole(output) as part:
        table.to_csv(part, index=False, float_format="%.6g")
    note(f"{len(table)} queries in {output}")
