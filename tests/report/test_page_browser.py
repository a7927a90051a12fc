"""The page in a browser: headless Chromium at the widths of a phone and of a desk, light and dark."""

from __future__ import annotations

import base64
import re

import pytest

from bayes_scaling.report.writing import save_page
from tests.helpers.browser import chromium, screenshot, show
from tests.helpers.pages import served_page, small_page

PHONE, DESK = 390, 1280
OVERFLOW = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
GROUND = "return getComputedStyle(document.body).backgroundColor"
SHOWN = """return [...document.querySelectorAll('img')].map(
    image => [image.complete && image.naturalWidth > 0, image.currentSrc.startsWith('data:image/svg+xml')])"""
SOURCES = "return [...document.querySelectorAll('img')].map(image => image.currentSrc)"

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # the driver's sockets


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return save_page(served_page(), tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="module")
def window():
    with chromium() as opened:
        yield opened


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_fits_and_is_silent(window, page, width, scheme, tmp_path):
    show(window, page, width, scheme)
    assert window.execute_script("return innerWidth") == width
    assert window.execute_script(OVERFLOW) == 0
    assert window.get_log("browser") == []
    shown = window.execute_script(SHOWN)
    assert shown and all(all(image) for image in shown)
    dark = window.execute_script(GROUND) == "rgb(21, 24, 29)"
    assert dark == (scheme == "dark")
    screenshot(window, tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 50_000


def test_figures_follow_the_scheme(window, page):
    show(window, page, DESK, "light")
    light = window.execute_script(SOURCES)
    show(window, page, DESK, "dark")
    dark = window.execute_script(SOURCES)
    assert len(light) == len(dark) > 4
    assert not set(light) & set(dark)


def test_overflow_and_errors_are_seen(window, tmp_path):
    broken = tmp_path / "broken.html"
    broken.write_text(
        "<!doctype html><meta name=viewport content='width=device-width'>"
        "<div style='width: 900px'>wide</div><script>nothing.here()</script>"
    )
    show(window, broken, PHONE, "light")
    assert window.execute_script("return document.documentElement.scrollWidth") > PHONE
    assert any("nothing is not defined" in line["message"] for line in window.get_log("browser"))


def printed_pages(window, page) -> int:
    """How many sheets a page takes."""
    window.get(page.absolute().as_uri())
    given = window.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    return len(re.findall(rb"/Type\s*/Page\b", base64.b64decode(given["data"])))


@pytest.mark.slow
def test_a_report_prints_on_six_sheets(window, tmp_path):
    page = save_page(small_page(), tmp_path / "report.html")
    raw = tmp_path / "raw.html"
    raw.write_text(page.read_text().replace("@media print", "@media speech"))
    assert printed_pages(window, page) <= 6
    assert printed_pages(window, raw) > 8  # the control: as on a screen
