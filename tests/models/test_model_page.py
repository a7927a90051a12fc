"""docs/model.md shows the graph, the priors and the constants that the code has."""

from __future__ import annotations

import re

import pytest

from benchmarks import model_page
from benchmarks.marked_page import part_of, replaced


@pytest.fixture(scope="module")
def page() -> str:
    return model_page.PAGE.read_text(encoding="utf-8")


def edges(graph: str) -> set[tuple[str, str]]:
    return set(re.findall(r"^(\w+) --> (\w+)$", graph, re.MULTILINE))


def nodes(graph: str) -> set[str]:
    return set(re.findall(r"^(\w+)\(\[", graph, re.MULTILINE))


def test_the_graph_is_that_of_the_model(page: str) -> None:
    shown = part_of(page, "graph")
    made = model_page.graph()
    assert ("natural", "law") in edges(shown)
    assert edges(shown) == edges(made)
    assert nodes(shown) == nodes(made)


@pytest.mark.parametrize("name", ["priors", "constants"])
def test_tables_are_those_of_the_code(page: str, name: str) -> None:
    assert part_of(page, name) == getattr(model_page, name)()


def test_a_changed_constant_is_seen(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: a table that is out of date differs, and is replaced."""
    monkeypatch.setattr(model_page, "OFFSET", 0.02)
    changed = model_page.constants()
    assert part_of(page, "constants") != changed
    assert part_of(replaced(page, "constants", changed), "constants") == changed
