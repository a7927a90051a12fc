"""Headless Chromium for tests of pages; skipped with a reason where it is not installed."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

WHERE = "Debian: apt-get install chromium chromium-driver"


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser that is closed afterwards."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (browser and driver):
        pytest.skip(f"no chromium with chromedriver here ({WHERE})")
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    options = ChromeOptions()
    options.binary_location = browser
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    window = Chrome(options, ChromeService(driver))
    try:
        yield window
    finally:
        window.quit()


def show(window: Any, page: Path, width: int, scheme: str, height: int = 844) -> None:
    """Open a page in a window of that width, light or dark."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    window.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    window.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    window.get(page.absolute().as_uri())


def screenshot(window: Any, target: Path) -> None:
    """The whole page as PNG."""
    shot = window.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
    target.write_bytes(base64.b64decode(shot["data"]))
