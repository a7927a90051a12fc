"""Numbers as people read them."""

from __future__ import annotations

import math
from typing import Any

_SUFFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
_LARGEST = 1e15


def count(value: float) -> str:
    """A count with three significant digits, such as 354M or 14.1B; powers of ten beyond 1e15."""
    if not math.isfinite(value):
        return plain(value)
    rounded = float(f"{value:.3g}")
    if abs(rounded) >= _LARGEST:
        return power(value)
    for scale, suffix in _SUFFIXES:
        if abs(rounded) >= scale:
            return f"{_three_digits(rounded / scale)}{suffix}"
    return _three_digits(rounded)


def power(value: float) -> str:
    """FLOPs and the like, such as 1e20 or 2.04e16."""
    if not math.isfinite(value):
        return plain(value)
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def loss(value: float) -> str:
    """Nats per token, four decimals."""
    return f"{value:.4f}" if math.isfinite(value) else plain(value)


def signed_loss(value: float) -> str:
    """A difference in nats per token, its sign always shown."""
    return f"{value:+.4f}" if math.isfinite(value) else plain(value)


def factor(value: float) -> str:
    """A multiplier, such as 1.37x."""
    return f"{_three_digits(float(f'{value:.3g}'))}x" if math.isfinite(value) else plain(value)


def plain(value: Any) -> str:
    """Four significant digits; a dash for what is not there."""
    if isinstance(value, float) or hasattr(value, "dtype"):
        if math.isnan(value):
            return "-"
        return f"{value:.4g}"
    return str(value)


def probability(value: float) -> str:
    """Two decimals, and never a certainty that a few thousand draws cannot show."""
    if value < 0.005:
        return "< 0.01"
    return "> 0.99" if value > 0.995 else f"{value:.2f}"


def interval(low: str, high: str) -> str:
    """Both ends of an interval."""
    return f"{low} to {high}"


def _three_digits(value: float) -> str:
    size = abs(value)
    return f"{value:.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"
