"""The command that writes a page about a fit."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling.cli.arguments import ContextLengths, Cost, Extrapolate, FitFile, Json, numbers
from bayes_scaling.cli.decision_arguments import Latency, Limits, limits_of


def report(
    fit: FitFile,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The page: .html, or .md with its figures.")
    ] = Path("report.html"),
    compute: Annotated[
        list[str] | None,
        typer.Option(
            "--compute",
            metavar="FLOPS",
            help="Training budgets: 1e21,1e22. Default: that of the largest run and ten times it.",
        ),
    ] = None,
    context_length: ContextLengths = None,
    limit: Limits = None,
    latency: Latency = None,
    plan: Annotated[
        Path | None, typer.Option(metavar="TOML", help="Scenarios to decide side by side.")
    ] = None,
    backtest: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder of a back-test: how often intervals held.")
    ] = None,
    next_runs: Annotated[
        int, typer.Option("--next", min=0, metavar="N", help="How many runs to choose that would teach most.")
    ] = 0,
    cost: Cost = "6ND",
    extrapolate: Extrapolate = False,
    json: Json = False,
) -> None:
    """Write one page: what to train, how sure that is, and why; exit code 1 if the checks failed."""
    from bayes_scaling.cli.running.pages import write_page

    question = {
        "compute": numbers(compute, "--compute"),
        "context_length": numbers(context_length, "--context-length"),
        "limits": limits_of(limit),
        "cost": cost,
        "plan": plan,
        "next_runs": next_runs,
        "extrapolate": extrapolate,
        "command": shlex.join(["bayes-scaling", *sys.argv[1:]]),
    }
    write_page(fit, output, latency, backtest, question, json)
