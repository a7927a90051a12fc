"""The verdict on a fit stands by every answer it gives: FAIL above it, REVIEW below, a field in JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bayes_scaling.cli.waiting import hush
from bayes_scaling.faces.loss_unit import WRITTEN, own_unit

if TYPE_CHECKING:
    from bayes_scaling.posterior.checks import Checks

FIT, LATENCY = "fit_status", "latency_status"
ANSWERED = (0, 1)  # exit codes of commands that printed their answer


@dataclass(frozen=True)
class Verdict:
    """What the checks of one file say.

    Attributes
    ----------
    field : str
        Its name in JSON records: `FIT` or `LATENCY`.
    path : Path
    checks : Checks
    told : bool
        Whether the answer says it itself: in a field of its JSON, or on its page.
    """

    field: str
    path: Path
    checks: Checks
    told: bool

    @property
    def command(self) -> str:
        """The command that tells more."""
        return f"bayes-scaling {'check' if self.field == FIT else 'latency summary'} {self.path}"

    def named(self, status: str) -> str:
        """The checks of a status, with their values."""
        found = [row for row in self.checks if row.status == status]
        return ", ".join(f"{row.name} {row.value:.4g}, needs {row.rule} {row.threshold:g}" for row in found)


_ASKED: ContextVar[list[Verdict] | None] = ContextVar("asked", default=None)


def asked() -> list[Verdict]:
    """The verdicts on all fits that the running command asked."""
    return _ASKED.get() or []


class _Announcing:
    """A stream that writes what is pending before anything else; an error writes nothing to it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.pending: list[str] = []

    def write(self, text: str) -> int:
        """Write what is pending, then the text; nothing else is shown from here on."""
        hush()
        if self.pending:
            self._tell()
        return int(self._stream.write(text))

    def _tell(self) -> None:
        from bayes_scaling.printing.table import folded

        lines, self.pending = self.pending, []
        for line in lines:
            self._stream.write(folded(line) + "\n")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def verdicts() -> Iterator[None]:
    """While a command runs: a failure stands above its answer, a review below; neither by an error."""
    if _ASKED.get() is not None:  # a group of commands within the group
        yield
        return
    token = _ASKED.set([])
    stream = sys.stdout
    sys.stdout = _Announcing(stream)
    try:
        with own_unit(WRITTEN):
            yield
        _say_below()
    except typer.Exit as leaving:
        if leaving.exit_code in ANSWERED:
            _say_below()
        raise
    finally:
        sys.stdout = stream
        _ASKED.reset(token)


def _say_below() -> None:
    """One line for each fit that asks for review."""
    from bayes_scaling.printing.table import print_line

    for verdict in asked():
        if verdict.checks.status == "REVIEW" and not verdict.told:
            named = ", ".join(row.name for row in verdict.checks if row.status == "REVIEW")
            print_line(f"Review: {named}. For advice run {verdict.command}")


def remember(verdict: Verdict) -> None:
    """Keep it for the answer of the running command."""
    kept = _ASKED.get()
    if kept is None:
        return
    kept.append(verdict)
    if verdict.checks.status == "FAIL" and not verdict.told and isinstance(sys.stdout, _Announcing):
        sys.stdout.pending.append(
            f"FAIL: {verdict.path} failed its checks ({verdict.named('FAIL')}); the numbers below may be "
            f"wrong. Run {verdict.command}"
        )
