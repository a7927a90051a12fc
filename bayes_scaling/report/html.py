"""A page as HTML that needs nothing else: styles and figures are inside."""

from __future__ import annotations

import base64
import re
from html import escape
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bayes_scaling.report.blocks import Page, Picture
from bayes_scaling.report.pictures import darkened, data_uri, svg

ADDRESS = re.compile(r"https://[^\s<>\"]+")
PIXELS = 96  # CSS pixels of an inch


def render_html(page: Page) -> str:
    """The whole document.

    Parameters
    ----------
    page : Page

    Returns
    -------
    str
    """
    environment = templates(autoescape=True)
    environment.filters |= {"linked": linked, "images": images, "download": download}
    style = files("bayes_scaling.report").joinpath("page.css").read_text(encoding="utf-8")
    return environment.get_template("page.html.jinja").render(page=page, style=style)


def templates(autoescape: bool) -> Any:
    """The package's templates."""
    found = Environment(
        loader=PackageLoader("bayes_scaling.report", ""),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters["kind"] = lambda block: type(block).__name__
    return found


def linked(text: str) -> str:
    """Text as HTML, its addresses links."""
    return ADDRESS.sub(lambda found: f'<a href="{found[0]}">{found[0]}</a>', escape(text))


def download(text: str) -> str:
    """The address of a CSV file inside the page."""
    return f"data:text/csv;base64,{base64.b64encode(text.encode()).decode()}"


def images(picture: Picture) -> dict[str, Any]:
    """A figure's two addresses and its width in CSS pixels."""
    light = svg(picture.figure)
    width = round(float(picture.figure.get_figwidth()) * PIXELS)
    return {"light": data_uri(light), "dark": data_uri(darkened(light)), "width": width}
