"""Figures as images inside a page, for light and for dark."""

from __future__ import annotations

import base64
import re
from io import BytesIO, StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b")
INK, PAPER = "#e6e8eb", "#15181d"
# What figures draw in, and what stands for it on dark paper; other colours stay.
DARK = {
    "#000000": INK,
    "#ffffff": PAPER,
    "#e4e4e4": "#343a42",
    "#f0f0f0": "#22272e",
    "#0072b2": "#4aa8e0",
    "#d55e00": "#f08033",
    "#009e73": "#2fc49a",
    "#8a8a8a": "#9da5ae",
}


def svg(figure: Figure) -> str:
    """A figure as SVG text: glyphs as paths, no date, the same on every machine."""
    from matplotlib import rc_context

    image = StringIO()
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": "bayes_scaling"}):
        figure.savefig(image, format="svg", transparent=True, metadata={"Date": None})
    text = image.getvalue()
    return text[text.index("<svg") :]


def darkened(text: str) -> str:
    """An SVG that `svg` drew, in colours for dark paper.

    Matplotlib leaves black out where it fills, so the root's fill is what text is drawn in.
    """
    recoloured = COLOUR.sub(lambda found: DARK.get(found[0].lower(), found[0]), text)
    return recoloured.replace("<svg ", f'<svg fill="{INK}" ', 1)


def data_uri(text: str) -> str:
    """An SVG as an address that needs no network."""
    return f"data:image/svg+xml;base64,{base64.b64encode(text.encode()).decode()}"


def png(figure: Figure) -> bytes:
    """A figure as PNG on white, for pages whose figures are files."""
    image = BytesIO()
    figure.savefig(image, format="png", dpi=150, facecolor="white")
    return image.getvalue()
