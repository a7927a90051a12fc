"""Text from outside, such as names in a table, made safe to show on a terminal."""

from __future__ import annotations

import re

# Control characters but tab and newline, and those that turn the direction of writing.
_CONTROL = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069]")


def visible(text: str) -> str:
    r"""The text with every control character written out, as ``\x1b``: a terminal would obey it.

    Examples
    --------
    >>> print(visible("\x1b]0;title\x07name"))
    \x1b]0;title\x07name
    """
    return _CONTROL.sub(_written_out, text)


def visible_json(text: str) -> str:
    """JSON text with the control characters that JSON itself lets stand written out as JSON does."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _written_out(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
