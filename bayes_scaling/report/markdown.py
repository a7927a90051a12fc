"""A page as Markdown, its figures in files beside it."""

from __future__ import annotations

from collections.abc import Iterator

from bayes_scaling.printing.visible import visible
from bayes_scaling.report.blocks import Page, Picture, Section
from bayes_scaling.report.html import templates

FENCE = "```"


def render_markdown(page: Page, folder: str) -> str:
    """The whole document.

    Parameters
    ----------
    page : Page
    folder : str
        Of the figures, as the document names it.

    Returns
    -------
    str
    """
    environment = templates(autoescape=False)
    environment.filters["cell"] = cell
    return harmless(environment.get_template("page.md.jinja").render(page=page, folder=folder))


def harmless(text: str) -> str:
    """Markdown in which names from outside are no HTML and no control characters; code stays as it is."""
    parts = visible(text).split(FENCE)
    parts[::2] = [part.replace("<", "&lt;") for part in parts[::2]]
    return FENCE.join(parts)


def cell(text: str) -> str:
    """Text that may stand in a table."""
    return " ".join(text.replace("|", "\\|").split())


def pictures(sections: tuple[Section, ...]) -> Iterator[Picture]:
    """All figures of a page."""
    for section in sections:
        yield from (block for block in section.blocks if isinstance(block, Picture))
        yield from pictures(section.parts)
