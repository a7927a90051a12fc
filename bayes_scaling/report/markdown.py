"""A page as Markdown, its figures in files beside it."""

from __future__ import annotations

from collections.abc import Iterator

from bayes_scaling.report.blocks import Page, Picture, Section
from bayes_scaling.report.html import templates


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
    return environment.get_template("page.md.jinja").render(page=page, folder=folder)


def cell(text: str) -> str:
    """Text that may stand in a table."""
    return " ".join(text.replace("|", "\\|").split())


def pictures(sections: tuple[Section, ...]) -> Iterator[Picture]:
    """All figures of a page."""
    for section in sections:
        yield from (block for block in section.blocks if isinstance(block, Picture))
        yield from pictures(section.parts)
