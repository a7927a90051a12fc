"""The work of `cite`."""

from __future__ import annotations

from pathlib import Path

from bayes_scaling.cli.running.output import print_json
from bayes_scaling.posterior.citing import cite
from bayes_scaling.posterior.fit import load_fit
from bayes_scaling.printing.table import print_line


def show_citations(fit: Path | None, json: bool) -> None:
    """Print BibTeX of what a fit used, or of all."""
    text = cite(None if fit is None else load_fit(fit)).strip()
    if not json:
        print_line(text)
        return
    entries = text.split("\n\n")
    print_json({"key": entry[entry.index("{") + 1 : entry.index(",")], "bibtex": entry} for entry in entries)
