"""Advice in the command line's own words: options in place of Python's keywords."""

from __future__ import annotations

import re

_OFFERS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r'columns=\{"(\w+)": "([^"]*)"\}'), r"--column \1=\2"),
    (re.compile(r"columns=\{\.\.\.\}"), "--column NAME=COLUMN"),
    (re.compile(r'constants=\{"(\w+)": "?([^"}]*)"?\}'), r"--set \1=\2"),
    (re.compile(r'take="(\w+)" and within=\["params", "tokens"\]'), r"--take \1 --within params,tokens"),
    (re.compile(r'take="(\w+)"'), r"--take \1"),
    (re.compile(r'offsets=\["([^"]*)"\]'), r"--offset \1"),
    (re.compile(r'errors="(\w+)"'), r"--errors \1"),
    (re.compile(r'cost="(\w+)"'), r"--cost \1"),
    (re.compile(r"fit\.save\(path\)"), "--output of the command fit"),
)
_CONDITION = re.compile(r"""where=(["'])(.*?)\1""")


def as_options(text: str) -> str:
    """A message with every keyword of Python's that it offers written as the option of the same meaning."""
    for keyword, option in _OFFERS:
        text = keyword.sub(option, text)
    return _CONDITION.sub(lambda found: f"--where {_for_shell(found[2])}", text)


def _for_shell(condition: str) -> str:
    """A condition in quotes that a shell takes off again and leaves the rest alone."""
    if "'" not in condition:
        return f"'{condition}'"
    escaped = condition.replace("`", "\\`")
    return f'"{escaped}"'
