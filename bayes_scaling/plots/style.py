"""One look for all figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from io import BytesIO
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.faces.loss_unit import own_unit, unit_of
from bayes_scaling.files.whole import write_bytes
from bayes_scaling.plots.panels import COLUMN, PAGE, SMALL, TEXT, Picture, Place, panels, tidy
from bayes_scaling.plots.ticks import log_axis, short_count, short_power
from bayes_scaling.runs.reach import column_of

__all__ = [
    "COLUMN",
    "PAGE",
    "SMALL",
    "TEXT",
    "Picture",
    "Place",
    "log_axis",
    "panels",
    "short_count",
    "short_power",
    "tidy",
]

# Okabe and Ito 2008: told apart with any colour vision.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#8A8A8A"
BAND, INNER_BAND = 0.18, 0.30  # opacity of the 90% and 50% bands
DPI = 300
BEYOND = "#F0F0F0"  # the ground where the runs end
LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (5, 1, 1, 1)))
USUAL = {"transformer": 0, "llama": 0, "xlstm": 1, "mamba2": 2, "mamba": 2}  # places in the palette
INTERVAL_LABELS = ("posterior median", "90% interval")


def in_own_unit[**Given](plot: Callable[Given, Figure]) -> Callable[Given, Figure]:
    """A function that draws a result in the unit of its losses, its first argument, where that tells one."""

    @wraps(plot)
    def told(*given: Given.args, **named: Given.kwargs) -> Figure:
        drawn = next(iter((*given, *named.values())), None)
        with own_unit(unit_of(drawn)):
            return plot(*given, **named)

    return told


def colours(names: Iterable[Any]) -> dict[Any, str]:
    """A colour for each name: that which is usual for an architecture, else the next that is free."""
    found: dict[Any, str] = {}
    names = list(dict.fromkeys(names))
    for name in names:
        usual = PALETTE[USUAL[name]] if name in USUAL else None
        if usual is not None and usual not in found.values():
            found[name] = usual
    free = cycle([colour for colour in PALETTE if colour not in found.values()] or PALETTE)
    return {name: found.get(name) or next(free) for name in names}


def lines(context_lengths: Iterable[int]) -> dict[int, Any]:
    """A line style for each context length, from the shortest."""
    return dict(zip(sorted(set(context_lengths)), cycle(LINES)))


def title(ax: Axes, text: str) -> None:
    """Above the panel, to the left."""
    ax.set_title(text, loc="left", fontsize=TEXT)


def beyond(ax: Axes, edge: float | None) -> None:
    """Grey ground to the right of where the runs end, if they do."""
    if edge is not None:
        end = ax.get_xlim()[1]
        ax.axvspan(edge, end, color=BEYOND, zorder=0, lw=0)
        ax.set_xlim(right=end)


def runs_end(table: pd.DataFrame) -> float | None:
    """Largest budget of a table within the runs of a group; None where all are, or none is."""
    name = column_of("compute")
    if name not in table:
        return None
    reach = table.groupby("compute")[name].min()
    inside = reach[reach == 0].index
    if not len(inside) or inside.max() == reach.index.max():
        return None
    return float(inside.max())


def beyond_entry(table: pd.DataFrame) -> list[Any]:
    """The legend entry of the grey ground, where a table has any."""
    ends = (runs_end(part) for _, part in table.groupby("context_length"))
    return [band_swatch(BEYOND, "beyond the runs", 1.0)] if any(end is not None for end in ends) else []


def full_table(found: Any) -> pd.DataFrame:
    """The table to draw: a frame as it is, of a result all of its columns."""
    return found if isinstance(found, pd.DataFrame) else found.table(full=True)


def tokens_label(context_length: int) -> str:
    """How a context length is called."""
    return f"context {int(context_length):,}"


def swatch(colour: str, label: str) -> Line2D:
    """A legend entry for a line."""
    return Line2D([], [], color=colour, linewidth=1.8, label=label)


def band_swatch(colour: str = GREY, label: str = INTERVAL_LABELS[1], alpha: float = 2 * BAND) -> Patch:
    """A legend entry for a band."""
    return Patch(color=colour, alpha=alpha, linewidth=0, label=label)


def inside_entries(inside: float, what: str, band: str) -> list[Any]:
    """Legend entries for points in and outside their intervals; ``inside`` is the share in them."""
    dot: dict[str, Any] = {"marker": "o", "ls": "", "ms": 4.5}
    return [
        Line2D([], [], color=GREY, label=f"{what} inside ({inside:.0%})", **dot),
        Line2D([], [], mfc="white", mec=GREY, label=f"{what} outside ({1 - inside:.0%})", **dot),
        band_swatch(label=band),
    ]


def legend_below(figure: Figure, handles: Sequence[Any], place: Place, columns: int = 4) -> None:
    """A legend under all panels, no wider than the figure; in axes that were given, within them.

    It has ``columns`` columns, or as many fewer as the width asks for.
    """
    if place.ax is not None:
        last = np.atleast_1d(np.asarray(place.ax, dtype=object)).ravel()[-1]
        last.legend(handles=list(handles), frameon=False, fontsize=SMALL)
        return
    narrow = figure.get_figwidth() < PAGE - 1
    columns = min(columns, 2) if narrow else columns
    for tried in range(min(columns, len(handles)), 0, -1):
        legend = figure.legend(
            handles=list(handles),
            loc="outside lower center",
            ncols=tried,
            frameon=False,
            fontsize=SMALL,
        )
        if tried == 1 or legend.get_window_extent().width <= figure.bbox.width:
            return
        legend.remove()


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure, 300 dots an inch, in the format its name says; whole or not at all.

    Raises
    ------
    BayesScalingError
        The format is unknown, or the file cannot be written.
    """
    target = Path(path)
    kind = target.suffix.lstrip(".").lower()
    known = sorted(figure.canvas.get_supported_filetypes())
    if kind not in known:
        raise BayesScalingError(f"{target}: name a format that can be drawn: {', '.join(known)}")
    image = BytesIO()
    figure.savefig(image, format=kind, dpi=DPI, facecolor="white")
    write_bytes(target, image.getvalue())
    return target


def open_folder(path: str | Path) -> Path:
    """The folder, made if it is missing and known to be open for writing.

    Raises
    ------
    BayesScalingError
        It cannot be made or written to.
    """
    folder = Path(path).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        reason = error.strerror or error
        raise BayesScalingError(f"{folder}: no folder to write in ({reason}); name another") from None
    return folder
