"""A progress bar of sampling on standard error: the stage, its transitions, R-hat and the smallest ESS."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from bayes_scaling.models.rounds import Progress, Silence


class Lines:
    """One line a stage, where a bar cannot be redrawn."""

    def stage(self, name: str, transitions: int) -> None:
        """Say that a stage of so many transitions begins."""
        print(f"{name}: {transitions:,} transitions", file=sys.stderr, flush=True)

    def advance(self, done: int) -> None:
        """Say nothing."""


@dataclass
class Bar:
    """One line that tells the stage."""

    progress: Any
    task: Any

    def stage(self, name: str, transitions: int) -> None:
        """Begin a stage of so many transitions."""
        self.progress.update(self.task, description=name, total=transitions, completed=0)

    def advance(self, done: int) -> None:
        """Show how many are made."""
        self.progress.update(self.task, completed=done)


@contextmanager
def sampling_progress(shown: bool) -> Iterator[Progress]:
    """A bar for as long as sampling goes on, lines where standard error is no terminal, or nothing."""
    if not shown:
        yield Silence()
        return

    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines()
        return

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("transitions"),
        TimeElapsedColumn(),
    )
    with RichProgress(*columns, console=console, transient=True) as progress:
        yield Bar(progress, progress.add_task("mode and compilation", total=None))
