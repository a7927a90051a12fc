"""The command that runs the full workflow on the bundled runs."""

from __future__ import annotations

import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from bayes_scaling.cli.arguments import Backends, Json
from bayes_scaling.cli.demo import run_demo
from bayes_scaling.cli.failures import CHECKS_FAILED
from bayes_scaling.cli.output import print_json

if TYPE_CHECKING:
    from bayes_scaling.models.spec import Backend


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
    from bayes_scaling.posterior.checks import FAIL

    with redirect_stdout(sys.stderr) if json else nullcontext():
        result = run_demo(output, backend=cast("Backend", backend), draws=draws, seed=seed)
    if json:
        print_json(result.verdict.groups)
    if result.checks.status == FAIL:
        raise typer.Exit(CHECKS_FAILED)
