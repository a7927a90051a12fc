"""Figures that show themselves, their panels, and where they are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from string import ascii_lowercase
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.faces.loss_unit import WRITTEN, in_loss_unit, own_unit, told_unit

COLUMN, PAGE = 3.25, 6.75  # inches: one and two columns of a paper, the widths of all figures
PANEL_HEIGHT = 2.0  # inches
NARROWEST = 1.6  # inches of a panel; many of them make a figure wider than a page
SCREEN_DPI = 192  # of pictures in notebooks, which show them at half that
TEXT, SMALL = 8, 8  # points, at the size at which figures are drawn


class Picture(Figure):
    """A figure that Jupyter shows, once, whether or not pyplot was imported.

    Its texts speak of nats per token; they are drawn in the unit in which losses were told when it was made.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.loss_unit = told_unit()

    def draw(self, renderer: Any) -> None:
        """As any figure, losses in their unit."""
        if self.loss_unit != WRITTEN:
            self._tell_losses()
        super().draw(renderer)

    def _tell_losses(self) -> None:
        with own_unit(self.loss_unit):
            for text in self.findobj(Text):
                text.set_text(in_loss_unit(text.get_text()))

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """The picture and the size at which it is shown."""
        drawn = BytesIO()
        self.savefig(drawn, format="png", dpi=SCREEN_DPI, facecolor="white")
        width, height = self.get_size_inches()
        size = {"width": int(width * SCREEN_DPI / 2), "height": int(height * SCREEN_DPI / 2)}
        return drawn.getvalue(), size


@dataclass(frozen=True)
class Place:
    """Where a figure is drawn.

    Attributes
    ----------
    ax : Axes, or as many as the figure has panels, optional
        Default: a figure of its own.
    figsize : tuple of float, optional
        Inches. Default: as wide as a column of a paper, or as a page where there are several panels.
    """

    ax: Any = None
    figsize: tuple[float, float] | None = None


def panels(
    rows: int, columns: int, place: Place, height: float = PANEL_HEIGHT, extra: float = 0.5, **share: Any
) -> tuple[Figure, Any]:
    """A figure and its axes, shape (rows, columns), in their place.

    Raises
    ------
    BayesScalingError
        Axes were given, and not as many as there are panels.
    """
    if place.ax is not None:
        axes = _given(place.ax, rows, columns)
        figure = axes.ravel()[0].figure
    else:
        width = COLUMN if columns == 1 else max(PAGE, NARROWEST * columns)
        figure = Picture(figsize=place.figsize or (width, height * rows + extra), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, **share)
    for ax in axes.ravel():
        tidy(ax)
    if place.ax is None and rows * columns > 1:
        _letter(axes)
    return figure, axes


def _given(ax: Any, rows: int, columns: int) -> Any:
    axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
    if len(axes) != rows * columns:
        raise BayesScalingError(
            f"this figure has {rows} x {columns} panels: give ax that many axes, or none, not {len(axes)}"
        )
    return axes.reshape(rows, columns)


def _letter(axes: Any) -> None:
    """a, b, c above the panels' left corners."""
    for letter, ax in zip(ascii_lowercase, axes.ravel(), strict=False):
        place = (-6, 6)  # on the line of the panel's title
        ax.annotate(
            letter,
            (0, 1),
            place,
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=TEXT,
            fontweight="bold",
            ha="right",
            annotation_clip=False,
        )


def tidy(ax: Axes) -> None:
    """Light grid, open frame, small ticks."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="#E4E4E4", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=SMALL)
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set_fontsize(TEXT)
        axis.get_offset_text().set_fontsize(SMALL)
