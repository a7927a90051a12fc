"""Commands that ask whether intervals hold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling.cli.arguments import Columns, Json, RunsFile
from bayes_scaling.cli.failures import CHECKS_FAILED


def sbc(
    file: RunsFile,
    replicates: Annotated[int, typer.Option(min=1, help="Simulated tables, each fitted.")] = 200,
    law: Annotated[str, typer.Option(help="chinchilla or gamma.")] = "gamma",
    pooling: Annotated[str, typer.Option(help="partial, none or complete.")] = "partial",
    seed: Annotated[int, typer.Option(help="Of the simulation.")] = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Figure of the ranks (.png, .pdf).")
    ] = None,
    column: Columns = None,
    json: Json = False,
) -> None:
    """Calibrate the fit on simulations at the runs' sizes; exit code 1 if ranks are not uniform."""
    from bayes_scaling.cli.output import print_json
    from bayes_scaling.cli.reading import quiet_runs
    from bayes_scaling.models.spec import ModelSpec
    from bayes_scaling.report.calibration import print_sbc
    from bayes_scaling.sbc import RANKED
    from bayes_scaling.sbc import sbc as calibrate

    found = calibrate(
        quiet_runs(file, column), ModelSpec(law=law, pooling=pooling), replicates=replicates, seed=seed
    )
    print_json(found.table()) if json else print_sbc(found)
    if output is not None:
        from bayes_scaling.plots import plot_ranks, save_figure

        save_figure(plot_ranks(found.ranks, RANKED), output)
    if not found.uniform:
        raise typer.Exit(CHECKS_FAILED)
