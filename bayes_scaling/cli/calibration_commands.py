"""Commands that ask whether intervals hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from bayes_scaling.cli.arguments import (
    DISCREPANCIES,
    ERRORS,
    LAWS,
    POOLINGS,
    Backends,
    Json,
    RunsFile,
    check_output,
    choices,
    numbers,
)
from bayes_scaling.cli.decision_arguments import OwnFigure, check_figure, draw
from bayes_scaling.cli.failures import CHECKS_FAILED, note
from bayes_scaling.cli.output import print_json
from bayes_scaling.cli.reading import PLAIN, Reading, quiet_runs, reads_runs
from bayes_scaling.cli.verdict import open_fit
from bayes_scaling.errors import BayesScalingError

if TYPE_CHECKING:
    from bayes_scaling.models.spec import Backend


@reads_runs
def sbc(
    file: RunsFile,
    replicates: Annotated[int, typer.Option(min=1, help="Simulated tables, each fitted.")] = 200,
    law: Annotated[str, typer.Option(help="The law.", **choices(*LAWS))] = "gamma",
    pooling: Annotated[
        str, typer.Option(help="How groups inform each other.", **choices(*POOLINGS))
    ] = "partial",
    discrepancy: Annotated[
        str, typer.Option(help="Whether losses deviate from the law.", **choices(*DISCREPANCIES))
    ] = "drift",
    errors: Annotated[str, typer.Option(help="How runs scatter.", **choices(*ERRORS))] = "symmetric",
    backend: Backends = "numpyro",
    seed: Annotated[int, typer.Option(help="Seed of the simulations.")] = 0,
    figure: OwnFigure = None,
    reading: Reading = PLAIN,
    json: Json = False,
) -> None:
    """Calibrate the fit on simulations at the runs' sizes; exit code 1 if ranks are not uniform."""
    from bayes_scaling.calibration.sbc import RANKED
    from bayes_scaling.calibration.sbc import sbc as calibrate
    from bayes_scaling.models.spec import ModelSpec
    from bayes_scaling.printing.calibration import print_sbc

    spec = ModelSpec(law=law, pooling=pooling, discrepancy=discrepancy, errors=errors)
    runs = quiet_runs(file, reading)
    found = calibrate(runs, spec, replicates=replicates, seed=seed, backend=cast("Backend", backend))
    print_json(found.table()) if json else print_sbc(found)
    if figure is not None:
        from bayes_scaling.plots import plot_ranks, save_figure

        save_figure(plot_ranks(found.ranks, RANKED), figure)
    if not found.uniform:
        raise typer.Exit(CHECKS_FAILED)


@reads_runs
def backtest(
    file: RunsFile,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            metavar="WHAT",
            help="compute (default), params, tokens_per_param, group, architecture or context. Repeatable.",
        ),
    ] = None,
    cuts: Annotated[
        list[str] | None, typer.Option("--cuts", metavar="VALUES", help="Such as 1e19,3e19. Repeatable.")
    ] = None,
    law: Annotated[str, typer.Option(help="The law.", **choices(*LAWS))] = "gamma",
    pooling: Annotated[
        str, typer.Option(help="How groups inform each other.", **choices(*POOLINGS))
    ] = "partial",
    discrepancy: Annotated[
        str, typer.Option(help="Whether losses deviate from the law.", **choices(*DISCREPANCIES))
    ] = "drift",
    backend: Backends = "numpyro",
    seed: Annotated[int, typer.Option()] = 0,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--backtest", "--folder", metavar="FOLDER", help="Keep forecasts there; go on with those kept."
        ),
    ] = None,
    figure: OwnFigure = None,
    reading: Reading = PLAIN,
    json: Json = False,
) -> None:
    """Fit part of the runs, predict the rest, score the intervals beside baselines."""
    from bayes_scaling.calibration.backtest import backtest as leave_out
    from bayes_scaling.models.spec import ModelSpec
    from bayes_scaling.printing.calibration import print_backtest

    check_figure(figure)
    found = leave_out(
        quiet_runs(file, reading),
        by or ["compute"],
        numbers(cuts, "--cuts"),
        ModelSpec(law=law, pooling=pooling, discrepancy=discrepancy),
        backend=cast("Backend", backend),
        seed=seed,
        folder=folder,
    )
    print_json(found.table(full=True)) if json else print_backtest(found)
    draw(found, figure)


def stack(
    fits: Annotated[list[Path], typer.Argument(metavar="FIT...", help="Two or more of the same runs.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FIT", help="Where to save (.nc).")],
    backtest: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOLDER", help="Folder of a back-test, one for each fit in order: weigh by runs beyond."
        ),
    ] = None,
    seed: Annotated[int, typer.Option()] = 0,
    json: Json = False,
) -> None:
    """Weigh several models by runs they have not seen, and mix their draws into one fit."""
    from bayes_scaling.calibration.backtest import load_backtest
    from bayes_scaling.posterior.stacking import stack as mix
    from bayes_scaling.printing.calibration import print_stack

    check_output(output)
    if backtest and len(backtest) != len(fits):
        raise BayesScalingError(f"{len(fits)} fits need as many --backtest folders, not {len(backtest)}")
    loaded = {str(path): open_fit(path, json) for path in fits}
    left_out = dict(zip(loaded, (load_backtest(f).rows for f in backtest), strict=True)) if backtest else None
    found = mix(loaded, left_out, seed)
    found.fit.save(output)
    note(f"Saved {output}")
    print_json(found.table) if json else print_stack(found.table)
