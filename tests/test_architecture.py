"""ARCHITECTURE.md tells of the code as it is: its rooms, what each imports, and that no way leads back."""

from __future__ import annotations

import re

import pytest

from tests.helpers.rooms import DOOR, ROOT, arrows, cycles, room, sources

LOOSE = {"draws", "errors", "lazy", "parallel", "streams"}


@pytest.fixture(scope="module")
def modules() -> dict[str, str]:
    return sources()


def inventory() -> dict[str, set[str]]:
    """Rooms and their imports as the page lists them."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = text.split("## Rooms", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]*) \|$", table, re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", imports)) for name, imports in rows}


def test_the_page_lists_the_rooms_and_what_each_imports(modules) -> None:
    found = arrows(modules)
    rooms = {room(name) for name in modules} - {DOOR}
    assert inventory() == {name: found.get(name, set()) for name in rooms}


def test_no_room_imports_itself_through_others(modules) -> None:
    assert cycles(arrows(modules)) == []


def test_few_modules_stand_outside_the_rooms(modules) -> None:
    packages = {name.rpartition(".")[0] for name in modules}
    loose = {name.split(".")[1] for name in modules if name.count(".") == 1 and name not in packages}
    assert loose == LOOSE


@pytest.mark.parametrize(
    "line",
    [
        "from bayes_scaling.cli import main",
        "def late():\n    from bayes_scaling.posterior.fitting import fit",
        "def late():\n    import bayes_scaling.questions.frontier",
    ],
)
def test_an_import_that_leads_back_is_seen(modules, line: str) -> None:
    """The negative control, inside a function too."""
    broken = modules | {"bayes_scaling.laws.extra": line}
    assert "laws" in cycles(arrows(broken))
    assert arrows(broken) != arrows(modules)


def test_what_only_types_need_is_no_arrow(modules) -> None:
    line = "if TYPE_CHECKING:\n    from bayes_scaling.cli import main"
    assert arrows(modules | {"bayes_scaling.laws.extra": line}) == arrows(modules)
