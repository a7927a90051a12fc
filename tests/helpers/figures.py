"""What a reader of a figure would not see."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from matplotlib.figure import Figure
from matplotlib.text import Text

SLACK = 1.0  # pixels: boxes are a little larger than glyphs


def cut_texts(figure: Figure) -> list[str]:
    """Texts that reach over the edge of the paper, at the size at which a figure is made."""
    figure.draw_without_rendering()  # the layout settles
    paper = figure.bbox.padded(SLACK)
    boxes = [(text.get_text(), text.get_window_extent()) for text in drawn_texts(figure)]
    return [
        told
        for told, box in boxes
        if box.x0 < paper.x0 or box.y0 < paper.y0 or box.x1 > paper.x1 or box.y1 > paper.y1
    ]


def drawn_texts(figure: Figure) -> list[Text]:
    """The texts that are drawn: no ticks beyond an axis, nothing that is hidden or empty."""
    asked: list[Text] = []
    draw = Text.draw

    def noted(text: Text, renderer: Any) -> None:
        asked.append(text)
        draw(text, renderer)

    with patch.object(Text, "draw", noted):
        figure.draw_without_rendering()
    return [text for text in asked if text.get_visible() and text.get_text().strip()]
