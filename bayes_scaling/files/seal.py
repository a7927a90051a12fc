"""The seal of a saved file: its digest, behind the content that it is taken of.

A seal is looked at before any parser sees the content, so that a damaged file cannot lead a parser astray.
HDF5 ignores what follows the end that its own header names: a sealed NetCDF file opens everywhere.
"""

from __future__ import annotations

import hashlib

from bayes_scaling.errors import FitFileError

MARK = b"\nbayes_scaling seal 1 sha256 "
LENGTH = len(MARK) + 64 + 1  # the mark, the digest in hex, a newline
AGAIN = "fit again and save, or restore the file from a copy"
SIGNATURE = b"\x89HDF\r\n\x1a\n"
_END_AT = {0: 40, 1: 44, 2: 28, 3: 28}  # where a superblock of each version names the file's end


def seal_of(content: bytes) -> bytes:
    """What is written behind a content."""
    return MARK + hashlib.sha256(content).hexdigest().encode() + b"\n"


def opened(content: bytes, place: str) -> tuple[bytes, bool]:
    """The content in front of a seal, and whether there was one.

    Parameters
    ----------
    content : bytes
        Of a whole file.
    place : str
        Its name, for messages.

    Returns
    -------
    content : bytes
    sealed : bool
        False for a whole HDF5 file of before there were seals.

    Raises
    ------
    FitFileError
        The content does not have the digest of its seal, or it has no seal and is not an HDF5 file that ends
        where its header says.
    """
    if content[-LENGTH:].startswith(MARK):
        inner = content[:-LENGTH]
        if content[-LENGTH:] != seal_of(inner):
            raise FitFileError(f"{place}: its content is not what was saved (checksum differs); {AGAIN}")
        return inner, True
    if not content.startswith(SIGNATURE):
        raise FitFileError(f"{place}: not a NetCDF-4 file; {AGAIN}")
    if _named_end(content) != len(content):
        raise FitFileError(
            f"{place}: not a NetCDF-4 file, or cut short (its end is not where its header says); {AGAIN}"
        )
    return content, False


def _named_end(content: bytes) -> int:
    """The length that an HDF5 header names; -1 where it has none."""
    at = _END_AT.get(content[8], len(content)) if len(content) > 8 else len(content)
    field = content[at : at + 8]
    return int.from_bytes(field, "little") if len(field) == 8 else -1
