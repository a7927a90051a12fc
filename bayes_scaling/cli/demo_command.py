"""The command that runs the full workflow on the bundled runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling.cli.arguments import Backends, Json


def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where figures, fit and report go.")
    ] = Path("demo"),
    backend: Backends = "numpyro",
    draws: Annotated[int, typer.Option(help="Draws of each chain.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the sampler.")] = 0,
    json: Json = False,
) -> None:
    """Run the full workflow on the bundled runs: fit, tables, figures, earlier predictions, report."""
    from bayes_scaling.cli.running.demo import show_demo

    show_demo(output, backend, draws, seed, json)
