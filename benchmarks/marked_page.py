"""Parts of a page of the docs that scripts write: each stands between two marks, by its name.

``<!-- graph -->`` and ``<!-- end of graph -->`` are such marks.
"""

from __future__ import annotations

import re


def part_of(text: str, name: str) -> str:
    """What stands between the marks of that name."""
    return re.findall(rf"<!-- {name} -->\n\n(.*?)\n\n<!-- end of {name} -->", text, re.DOTALL)[0]


def replaced(text: str, name: str, part: str) -> str:
    """The text with another part between the marks of that name."""
    return text.replace(part_of(text, name), part)
