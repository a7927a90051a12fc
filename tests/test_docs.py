"""The documentation names everything public, and its site knows every page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import bayes_scaling

ROOT = Path(__file__).parents[1]
PAGES = sorted(path.name for path in (ROOT / "docs").glob("*.md"))


def test_reference_has_every_public_name():
    named = re.findall(
        r"^::: bayes_scaling\.(\S+)\.(\w+)$", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE
    )
    assert {name: module for module, name in named} == bayes_scaling._PUBLIC
    assert len(named) == len(bayes_scaling._PUBLIC)


def test_site_has_every_page():
    listed = re.findall(r": (\w+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(listed) == PAGES


@pytest.mark.parametrize("page", [*PAGES, "../README.md"])
def test_links_lead_somewhere(page):
    path = ROOT / "docs" / page
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []
