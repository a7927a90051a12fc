"""The work of `figures`: those of a study, the posterior beside classical estimates."""

from __future__ import annotations

from pathlib import Path

from bayes_scaling.cli.reading import Reading
from bayes_scaling.cli.running.opening import open_fit
from bayes_scaling.cli.running.output import print_json
from bayes_scaling.cli.running.tables import quiet_runs
from bayes_scaling.cli.waiting import steps
from bayes_scaling.plots.study import save_figures
from bayes_scaling.printing.table import print_line


def draw_figures(
    fit: Path, runs: str | None, reading: Reading, output: Path, cost: str, formats: list[str], json: bool
) -> None:
    """Draw the figures of a study into a folder, and print their files.

    Parameters
    ----------
    fit : Path
    runs : str, optional
        Runs of the classical estimates; those of the fit where they are missing.
    reading : Reading
    output : Path
        The folder.
    cost : str
    formats : list of {"png", "pdf", "svg"}
    json : bool

    Raises
    ------
    BayesScalingError
        Bad runs, an unknown format, or a folder that cannot be written to.
    """
    loaded = open_fit(fit, json)
    table = None if runs is None else quiet_runs(runs, reading)
    with steps("Drawing") as told:
        drawn = save_figures(loaded, output, table, cost, formats=formats, told=told)
    if json:
        print_json([{"file": str(path)} for path in drawn.files])
        return
    for path in drawn.files:
        print_line(str(path))
    for name, reason in drawn.skipped.items():
        print_line(f"Note: no {name} figure: {reason}")
