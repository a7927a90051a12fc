"""The work of the commands that need no fit: what data there are, and how a table of runs is read."""

from __future__ import annotations

from bayes_scaling.cli.failures import note
from bayes_scaling.cli.reading import Reading
from bayes_scaling.cli.running.output import print_json
from bayes_scaling.cli.running.tables import describe_finding, quiet_runs
from bayes_scaling.data.catalog import datasets
from bayes_scaling.data.fetching import fetch
from bayes_scaling.printing.runs import print_runs
from bayes_scaling.printing.table import Column, print_line, print_table


def show_runs(file: str, reading: Reading, json: bool) -> None:
    """Print what a table of runs holds and what is odd in it."""
    runs = quiet_runs(file, reading)
    if json:
        print_json(runs.describe())
    else:
        print_runs(runs)
    for finding in runs.notes:
        (note if json else print_line)(describe_finding(finding))


def show_datasets(json: bool) -> None:
    """Print the data sets known by name."""
    table = datasets()
    if json:
        print_json(table)
        return
    shown = ("name", "kind", "description", "licence")
    print_table([Column(name, tuple(table[name].astype(str)), right=False) for name in shown])


def fetch_dataset(name: str, trust: bool, json: bool) -> None:
    """Fetch a data set and print where it lies."""
    path = fetch(name, trust=trust)
    if json:
        print_json([{"name": name, "path": str(path)}])
    else:
        print_line(str(path))
