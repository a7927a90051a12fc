"""One page about a fit: its content as data, then as HTML or Markdown."""

from __future__ import annotations

from bayes_scaling.report.writing import write_report

__all__ = ["write_report"]
