"""What a check can say, and which of several statuses counts."""

from __future__ import annotations

from collections.abc import Iterable

PASS = "PASS"
REVIEW = "REVIEW"
FAIL = "FAIL"
_ORDER = (PASS, REVIEW, FAIL)


def severity(status: str) -> int:
    """0 of PASS, 1 of REVIEW, 2 of FAIL."""
    return _ORDER.index(status)


def worst(statuses: Iterable[str]) -> str:
    """The worst status; PASS of none."""
    return max(statuses, key=severity, default=PASS)
