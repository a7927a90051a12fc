"""The rooms of the package and the imports between them, read off the source: nothing is imported."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
BESIDE = ("models", "kernels", "data")  # folders beside the package that are sub-packages of it
DOOR = "bayes_scaling"
Arrows = Mapping[str, set[str]]


def sources() -> dict[str, str]:
    """Text of every module by its dotted name; a package by the name of its folder."""
    found = {}
    for folder in (DOOR, *BESIDE):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            parts = parts if folder == DOOR else (DOOR, *parts)
            name = ".".join(parts).removesuffix(".__init__")
            found[name] = path.read_text(encoding="utf-8")
    return found


def room(module: str) -> str:
    """The first folder below the package, or the loose module itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else DOOR


def arrows(modules: Mapping[str, str]) -> dict[str, set[str]]:
    """For each room those that it imports, wherever the import stands; what only types need is left out."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, text in modules.items():
        if room(name) == DOOR:
            continue
        for target in _imported(ast.parse(text), modules):
            if room(target) not in (room(name), DOOR):
                found[room(name)].add(room(target))
    return dict(found)


def cycles(between: Arrows) -> list[str]:
    """Rooms from which a way along the arrows leads back."""
    return sorted(start for start in between if start in _reached(start, between))


def _imported(tree: ast.AST, modules: Mapping[str, str]) -> Iterator[str]:
    only_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in only_types:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in modules else node.module for name in names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == DOOR)


def _reached(start: str, between: Arrows) -> set[str]:
    seen: set[str] = set()
    ahead = list(between.get(start, ()))
    while ahead:
        place = ahead.pop()
        if place not in seen:
            seen.add(place)
            ahead.extend(between.get(place, ()))
    return seen
