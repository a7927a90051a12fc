"""One look for all figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import BytesIO
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.files.whole import write_bytes

# Okabe and Ito 2008: told apart with any colour vision.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#8A8A8A"
BAND, INNER_BAND = 0.18, 0.30  # opacity of the 90% and 50% bands
PANEL_WIDTH, PANEL_HEIGHT = 3.1, 2.6  # inches
DPI = 300
TEXT, SMALL = 9, 8  # points
INTERVAL_LABELS = ("posterior median", "90% interval")
_SCALES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
_LARGEST = 1e15


def panels(rows: int, columns: int, extra_height: float = 0.6, **share: Any) -> tuple[Figure, Any]:
    """A figure and its axes, shape (rows, columns)."""
    figure = Figure(
        figsize=(PANEL_WIDTH * columns + 0.4, PANEL_HEIGHT * rows + extra_height), layout="constrained"
    )
    axes = figure.subplots(rows, columns, squeeze=False, **share)
    for ax in axes.ravel():
        tidy(ax)
    return figure, axes


def tidy(ax: Axes) -> None:
    """Light grid, open frame, small ticks."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="#E4E4E4", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=SMALL)
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set_fontsize(TEXT)
        axis.get_offset_text().set_fontsize(SMALL)


def colours(names: Iterable[Any]) -> dict[Any, str]:
    """A colour for each name, in order."""
    return dict(zip(names, cycle(PALETTE)))


def log_axis(ax: Axes, which: str, counts: bool = False, subs: Sequence[float] = (1, 3)) -> None:
    """A log axis; ``counts`` labels it 100M, 1B and the like, also inside a decade at ``subs``."""
    getattr(ax, f"set_{which}scale")("log")
    if not counts:
        return
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(FuncFormatter(lambda value, _: short_count(value)))
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
    """1e20, 3e19, 2.4e18."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


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


def legend_below(figure: Figure, handles: Sequence[Any], columns: int = 6) -> None:
    """A legend under all panels, where it covers nothing."""
    figure.legend(
        handles=list(handles),
        loc="outside lower center",
        ncols=min(columns, len(handles)),
        frameon=False,
        fontsize=SMALL,
    )


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
