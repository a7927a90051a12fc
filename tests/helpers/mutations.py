"""Seeded damage to the bytes of a text file: what disks, editors and exports do to it, and worse."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

NUMBERS = (
    "1e400",
    "-1",
    "0",
    "nan",
    "inf",
    "9" * 400,
    "9" * 5000,
    "",
    "null",
    "true",
    '"x"',
    "1e308",
    "4.9e-324",
)
VALUES = (
    "3",
    "[]",
    "[[]]",
    "{}",
    '"a"',
    "true",
    "9" * 400,
    "1979-05-27",
    "[1, 'a']",
    "[" * 3000,
    "[{}]",
    "-0.0",
    '""',
)
KEYS = (
    "[x]",
    "[[x]]",
    "law = []",
    "priors = 3",
    "matches = 3",
    "compute = [[1e21], [1e21, 1e22]]",
    '"" = 1',
    "a.b.c = 1",
)
LETTERS = ("\u202e", "\x00", "\ufeff", "\x1b[31m", "\u2028", "😀")
PIECES = (b"", b"\n\n", b"\xff", b"[" * 200_000, b'{"a":' * 200_000, b"9" * 10**6, b'"', b",,,,")


def mutated(content: bytes, rng: random.Random) -> bytes:
    """One or two kinds of damage."""
    for _ in range(rng.choice((1, 1, 2))):
        content = rng.choice(KINDS)(content, rng) if content else rng.choice(PIECES)
    return content


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))]


def _bits(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 4, 40))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _twice(content: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(content))
    return content + content[start : start + rng.choice((1, 30, 1000))]


def _number(content: bytes, rng: random.Random) -> bytes:
    places = list(re.finditer(rb"\d[\d.e+]*", content))
    if not places:
        return content
    start, end = rng.choice(places).span()
    return content[:start] + rng.choice(NUMBERS).encode() + content[end:]


def _value(content: bytes, rng: random.Random) -> bytes:
    lines = content.split(b"\n")
    places = [number for number, line in enumerate(lines) if b"=" in line]
    if not places:
        return content
    place = rng.choice(places)
    lines[place] = lines[place].split(b"=")[0] + b"= " + rng.choice(VALUES).encode()
    return b"\n".join(lines)


def _key(content: bytes, rng: random.Random) -> bytes:
    lines = content.split(b"\n")
    lines[rng.randrange(len(lines))] = rng.choice(KEYS).encode()
    return b"\n".join(lines)


def _letter(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content))
    return content[:place] + rng.choice(LETTERS).encode() + content[place:]


def _piece(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content))
    return content[:place] + rng.choice(PIECES) + content[place:]


def _lines(content: bytes, rng: random.Random) -> bytes:
    lines = content.split(b"\n")
    rng.shuffle(lines)
    return b"\n".join(lines[: rng.randrange(len(lines)) + 1])


def _columns(content: bytes, rng: random.Random) -> bytes:
    rows = [line.split(b",") for line in content.split(b"\n")]
    one, other = rng.randrange(len(rows[0])), rng.randrange(len(rows[0]))
    for row in rows:
        if len(row) > max(one, other):
            row[one] = row[other]
    return b"\n".join(b",".join(row) for row in rows)


KINDS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(_cut, _bits, _twice, _number, _number, _value, _value, _key, _key, _letter, _piece, _lines, _columns),
)
