"""What a page is made of, as plain data that any renderer can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.faces.loss_unit import WRITTEN
from bayes_scaling.printing.table import Column

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Text:
    """A paragraph.

    Attributes
    ----------
    text : str
    kind : {"plain", "note", "warning"}
    """

    text: str
    kind: str = "plain"


@dataclass(frozen=True)
class Items:
    """A list.

    Attributes
    ----------
    items : tuple of str
    """

    items: tuple[str, ...]


@dataclass(frozen=True)
class Card:
    """One answer.

    Attributes
    ----------
    title, answer : str
    facts : tuple of (str, str)
        Name and value.
    flags : tuple of str
        What to beware of.
    rivals : Table, optional
        What could be trained instead, side by side.
    """

    title: str
    answer: str
    facts: tuple[tuple[str, str], ...]
    flags: tuple[str, ...] = ()
    rivals: Table | None = None


@dataclass(frozen=True)
class Table:
    """Columns under a caption.

    Attributes
    ----------
    caption : str
    columns : tuple of Column
    folded : bool
        Shown when asked for.
    csv : str
        The numbers in full, to be taken away; empty where there is nothing to take.
    """

    caption: str
    columns: tuple[Column, ...]
    folded: bool = False
    csv: str = ""

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The cells, row by row."""
        return list(zip(*(column.cells for column in self.columns), strict=True))


@dataclass(frozen=True)
class Cell:
    """A field of a map.

    Attributes
    ----------
    winner : str
    probability : str
    series : int
        Place of the winner among the architectures, from 0.
    strength : int
        Percent between a coin's toss, 0, and certainty, 100.
    outside : bool
        Beyond the fitted runs.
    """

    winner: str
    probability: str
    series: int
    strength: int
    outside: bool


@dataclass(frozen=True)
class Map:
    """Cells over two axes.

    Attributes
    ----------
    caption, corner : str
        ``corner`` names both axes.
    across, down : tuple of str
    cells : tuple of tuple of Cell
        Row by row.
    """

    caption: str
    corner: str
    across: tuple[str, ...]
    down: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure.

    Attributes
    ----------
    name : str
        Of its file, where it gets one.
    figure : Figure
    alt, caption : str
        What it shows to who cannot see it; what to see in it.
    """

    name: str
    figure: Figure
    alt: str
    caption: str


@dataclass(frozen=True)
class Code:
    """Text kept as it is, folded away under a summary.

    Attributes
    ----------
    summary, text, language : str
    """

    summary: str
    text: str
    language: str


Block = Text | Items | Card | Table | Map | Picture | Code


@dataclass(frozen=True)
class Section:
    """A heading with what stands under it.

    Attributes
    ----------
    title : str
    blocks : tuple of Block
    parts : tuple of Section
        One level down.
    """

    title: str
    blocks: tuple[Block, ...]
    parts: tuple[Section, ...] = ()

    @property
    def anchor(self) -> str:
        """The title as an address within the page."""
        return "-".join("".join(c if c.isalnum() else " " for c in self.title.lower()).split())


@dataclass(frozen=True)
class Page:
    """All of it.

    Attributes
    ----------
    title : str
        The question.
    lines : tuple of str
        What it is asked of.
    status : str
        PASS, REVIEW or FAIL.
    verdict : str
        The status in words.
    sections : tuple of Section
        The answer first.
    loss_unit : str
        Of the losses, which texts and figures give in nats per token until they are written.
    """

    title: str
    lines: tuple[str, ...]
    status: str
    verdict: str
    sections: tuple[Section, ...]
    loss_unit: str = WRITTEN


def table(
    caption: str, columns: Sequence[Column], folded: bool = False, data: pd.DataFrame | None = None
) -> Table:
    """A table of any sequence of columns; ``data`` are its numbers in full."""
    return Table(caption, tuple(columns), folded, "" if data is None else data.to_csv(index=False))


def picture(name: str, alt: str, caption: str, draw: Any) -> tuple[Picture, ...]:
    """A picture, or none where these runs do not allow it."""
    try:
        return (Picture(name, draw(), alt, caption),)
    except BayesScalingError:
        return ()
