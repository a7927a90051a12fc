"""Commands that need no fit: what data there are and what to cite."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling.cli.arguments import Json, RunsFile
from bayes_scaling.cli.failures import note
from bayes_scaling.cli.output import print_json
from bayes_scaling.cli.reading import PLAIN, Reading, describe_finding, quiet_runs, reads_runs


@reads_runs
def describe(file: RunsFile, reading: Reading = PLAIN, json: Json = False) -> None:
    """Describe a table of runs and what is odd in it."""
    from bayes_scaling.printing.runs import print_runs
    from bayes_scaling.printing.table import print_line

    runs = quiet_runs(file, reading)
    if json:
        print_json(runs.describe())
    else:
        print_runs(runs)
    for finding in runs.notes:
        (note if json else print_line)(describe_finding(finding))


def datasets(json: Json = False) -> None:
    """List the data sets known by name: shipped, fetched, imported."""
    from bayes_scaling.data.catalog import datasets as catalogue
    from bayes_scaling.printing.table import Column, print_table

    table = catalogue()
    if json:
        print_json(table)
        return
    shown = ("name", "kind", "description", "licence")
    print_table([Column(name, tuple(table[name].astype(str)), right=False) for name in shown])


def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name that `bayes-scaling datasets` lists.")],
    trust: Annotated[
        bool, typer.Option("--trust", help="Accept the first download of a set without a known checksum.")
    ] = False,
    json: Json = False,
) -> None:
    """Fetch a data set by name, check it and say where it lies."""
    from bayes_scaling.data.fetching import fetch as fetch_table
    from bayes_scaling.printing.table import print_line

    path = fetch_table(name, trust=trust)
    if json:
        print_json([{"name": name, "path": str(path)}])
    else:
        print_line(str(path))


def cite(
    fit: Annotated[
        Path | None, typer.Argument(metavar="FIT", help="Cite what this fit used. Default: all.")
    ] = None,
    json: Json = False,
) -> None:
    """Print BibTeX of the methods, laws and data used."""
    from bayes_scaling.posterior.citing import cite as bibtex
    from bayes_scaling.posterior.fit import load_fit
    from bayes_scaling.printing.table import print_line

    text = bibtex(None if fit is None else load_fit(fit)).strip()
    if not json:
        print_line(text)
        return
    entries = text.split("\n\n")
    print_json({"key": entry[entry.index("{") + 1 : entry.index(",")], "bibtex": entry} for entry in entries)
