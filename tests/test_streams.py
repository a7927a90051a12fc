"""Every use of random numbers has a number of its own, and its name stands where it is used."""

from __future__ import annotations

import ast
import re

import numpy as np
import pytest

from bayes_scaling.streams import Stream
from tests.helpers.rooms import sources

KEYED = {"default_rng", "SeedSequence", "fold_in"}


def bare_integers(text: str) -> list[int]:
    """Lines on which a seed is joined with an integer, or with a module's name for one."""
    tree = ast.parse(text)
    named = {
        target.id
        for line in tree.body
        if isinstance(line, ast.Assign) and _is_integer(line.value, set())
        for target in line.targets
        if isinstance(target, ast.Name)
    }
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _name(node) in KEYED]
    return [call.lineno for call in calls if any(_is_integer(part, named) for part in _parts(call))]


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _parts(call: ast.Call) -> list[ast.expr]:
    """What a key is made of: the elements of a list or tuple, and what is folded in.

    One number alone is a fixed seed, which is joined with nothing.
    """
    given = [*call.args, *(word.value for word in call.keywords)]
    elements = [e for a in given if isinstance(a, ast.List | ast.Tuple) for e in a.elts]
    return elements + (given if _name(call) == "fold_in" else [])


def _is_integer(node: ast.expr, named: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in named
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


def test_no_seed_is_joined_with_a_bare_integer() -> None:
    found = {name: bare_integers(text) for name, text in sources().items()}
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "line",
    [
        "rng = np.random.default_rng([seed, 7])",
        "rng = np.random.default_rng((seed, 7, i))",
        "root = SeedSequence([seed, 13])",
        "root = np.random.SeedSequence(entropy=[seed, 13])",
        "key = jax.random.fold_in(key, 3)",
        "NOISE = 5\nrng = np.random.default_rng([seed, NOISE])",
    ],
)
def test_a_bare_integer_is_seen(line: str) -> None:
    """The negative control."""
    assert bare_integers(line)


@pytest.mark.parametrize(
    "line", ["default_rng(seed)", "default_rng(0)", "default_rng([seed, Stream.SCATTER, int(x) % 2**31])"]
)
def test_what_has_a_name_is_let_pass(line: str) -> None:
    assert bare_integers(line) == []


def test_no_two_streams_are_equal() -> None:
    """Members with one number would be one member with two names."""
    assert len(Stream) == len(Stream.__members__)


def test_a_stream_is_used_or_gone() -> None:
    used = {name for text in sources().values() for name in re.findall(r"\bStream\.([A-Z_]+)\b", text)}
    assert used == set(Stream.__members__)


def test_streams_of_one_seed_differ() -> None:
    drawn = {tuple(np.random.default_rng([1, stream]).integers(2**31, size=4)) for stream in Stream}
    assert len(drawn) == len(Stream)


def test_a_stream_draws_what_its_number_draws() -> None:
    named = np.random.default_rng([1, Stream.SAMPLING]).integers(2**31, size=4)
    assert named.tolist() == np.random.default_rng([1, 13]).integers(2**31, size=4).tolist()
