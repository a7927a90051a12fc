"""Ticks of logarithmic axes: few, at round numbers, labelled as tables write them."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, Locator, MaxNLocator, NullFormatter, NullLocator

_STEPS: tuple[tuple[float, ...], ...] = (
    (1,),
    (1, 3),
    (1, 2, 5),
    (1, 1.5, 2, 3, 5, 7),
    (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9),
)
_FEWEST = 3
_MOST = 5
_SCALES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
_LARGEST = 1e15
_NOMINAL = 0.02  # relative distance at which a budget is called by its round number


class RoundNumbers(Locator):
    """The coarsest round numbers of which three or more lie on the axis."""

    def __call__(self) -> Any:
        """Ticks within the view."""
        assert self.axis is not None
        low, high = sorted(self.axis.get_view_interval())
        return self.tick_values(low, high)

    def tick_values(self, vmin: float, vmax: float) -> Any:
        """Ticks between two values."""
        if not 0 < vmin < vmax:
            return []
        first = int(np.floor(np.log10(vmin)))
        decades = range(first, int(np.ceil(np.log10(vmax))) + 1)
        for steps in _STEPS:
            ticks = np.array([step * 10.0**decade for decade in decades for step in steps])
            inside = ticks[(ticks >= vmin * (1 - 1e-9)) & (ticks <= vmax * (1 + 1e-9))]
            if len(inside) >= _FEWEST:
                return inside[:: -(-len(inside) // _MOST)]
        return MaxNLocator(3).tick_values(vmin, vmax)


def log_axis(ax: Axes, which: str, form: Any = None) -> None:
    """A log axis labelled by ``form``: `short_power` by default, `short_count` for params and tokens."""
    getattr(ax, f"set_{which}scale")("log")
    axis = ax.xaxis if which == "x" else ax.yaxis
    told = form or short_power
    axis.set_major_locator(RoundNumbers())
    axis.set_major_formatter(FuncFormatter(lambda value, _: told(value)))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def short_count(value: float) -> str:
    """160M, 1.5B; powers of ten beyond 1e15."""
    if value >= _LARGEST:
        return short_power(value)
    for scale, suffix in _SCALES:
        if value >= scale * (1 - 1e-9):
            return f"{value / scale:.3g}{suffix}"
    return f"{value:.3g}"


def short_power(value: float) -> str:
    """1e20, 3e19, 6.25e10; a value near a round one by that: 6e18 for 6.1e18."""
    if not value > 0:
        return f"{value:g}"
    rounded = float(f"{value:.0e}")
    near = abs(value / rounded - 1) < _NOMINAL
    mantissa, exponent = f"{rounded if near else value:.2e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"
