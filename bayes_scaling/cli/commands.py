"""All commands of ``bayes-scaling`` in one application."""

from __future__ import annotations

import typer

from bayes_scaling import __version__
from bayes_scaling.cli.answer_command import answer
from bayes_scaling.cli.bench_command import bench
from bayes_scaling.cli.calibration_commands import backtest, sbc, stack
from bayes_scaling.cli.compare_runs_command import compare_runs
from bayes_scaling.cli.data_commands import cite, datasets, describe, fetch
from bayes_scaling.cli.decision_commands import decide, lifetime, plan
from bayes_scaling.cli.demo_command import demo
from bayes_scaling.cli.dressing import dressed
from bayes_scaling.cli.failures import GuardedGroup
from bayes_scaling.cli.fit_commands import at, check, fit, loo, summary
from bayes_scaling.cli.latency_commands import latency
from bayes_scaling.cli.next_commands import design, map_
from bayes_scaling.cli.prediction_commands import judge, preregister
from bayes_scaling.cli.query_commands import (
    compare,
    context,
    epochs,
    frontier,
    iso_loss,
    optimal_params,
    predict,
)
from bayes_scaling.cli.report_command import report
from bayes_scaling.cli.study_commands import classical, figures
from bayes_scaling.cli.sweep_commands import sweep

EXIT_CODES = (
    "Exit codes: 0 fine, whatever the verdict on a fit that was asked; 1 the checks failed, or no choice "
    "keeps to the limits; 2 bad input; 130 interrupted; 141 the reader of a pipe left."
)

app = typer.Typer(
    name="bayes-scaling",
    help="Bayesian scaling laws: joint posteriors, compute-optimal frontiers and comparisons.",
    epilog=EXIT_CODES,
    cls=GuardedGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback(invoke_without_command=True)
def _root(
    version: bool = typer.Option(False, "--version", help="Print the version and exit.", is_eager=True),
) -> None:
    """Bayesian scaling laws: joint posteriors, compute-optimal frontiers and comparisons."""
    if version:
        typer.echo(f"bayes-scaling {__version__}")
        raise typer.Exit


COMMANDS = {
    "Start": (demo, answer, describe, datasets, fetch, fit, check, summary),
    "Ask a fit": (
        *(predict, frontier, compare, compare_runs, map_),
        *(at, context, iso_loss, optimal_params, epochs, loo),
    ),
    "Decide": (decide, plan, design, lifetime, report, figures),
    "Test": (preregister, judge, backtest, sbc, stack, classical, cite),
    "Latency and sweeps": (bench,),
}
WITH_INTERVALS = (predict, frontier, compare, context, iso_loss, optimal_params, epochs, summary, lifetime)
WAITING = (
    *(check, predict, frontier, compare, compare_runs, map_, context, iso_loss, optimal_params, epochs, loo),
    *(decide, plan, design, lifetime, report, figures, preregister, judge, summary, stack),
)
for panel, commands in COMMANDS.items():
    for command in commands:
        name = command.__name__.strip("_").replace("_", "-")
        whole = dressed(command, command in WITH_INTERVALS, command in WAITING)
        app.command(name, rich_help_panel=panel)(whole)
app.add_typer(latency, rich_help_panel=panel)
app.add_typer(sweep, rich_help_panel=panel)
