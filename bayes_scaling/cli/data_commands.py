"""Commands that need no fit: what data there are and what to cite."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling.cli.arguments import Json, RunsFile
from bayes_scaling.cli.reading import PLAIN, Reading, reads_runs


@reads_runs
def describe(file: RunsFile, reading: Reading = PLAIN, json: Json = False) -> None:
    """Describe a table of runs and what is odd in it."""
    from bayes_scaling.cli.running.catalogue import show_runs

    show_runs(file, reading, json)


def datasets(json: Json = False) -> None:
    """List the data sets known by name: shipped, fetched, imported."""
    from bayes_scaling.cli.running.catalogue import show_datasets

    show_datasets(json)


def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name that `bayes-scaling datasets` lists.")],
    trust: Annotated[
        bool, typer.Option("--trust", help="Accept the first download of a set without a known checksum.")
    ] = False,
    json: Json = False,
) -> None:
    """Fetch a data set by name, check it and say where it lies."""
    from bayes_scaling.cli.running.catalogue import fetch_dataset

    fetch_dataset(name, trust, json)


def cite(
    fit: Annotated[
        Path | None, typer.Argument(metavar="FIT", help="Cite what this fit used. Default: all.")
    ] = None,
    json: Json = False,
) -> None:
    """Print BibTeX of the methods, laws and data used."""
    from bayes_scaling.cli.running.citing import show_citations

    show_citations(fit, json)
