"""A process apart reads its file and can do nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bayes_scaling.errors import RunsError
from bayes_scaling.files.apart import run_apart

HARM = {
    **dict.fromkeys(
        ("write", "run", "system", "connect", "other", "remove"), "asks for more than to be read"
    ),
    "hang": "takes more than 3 s",
    "grow": "too large or too deep",
    "die": "the process that read it died",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "other").write_text("secret")
    path = tmp_path / "file"
    path.write_text("content")
    return path


@pytest.mark.parametrize("name", HARM)
def test_harm_is_an_error_here(file: Path, name: str) -> None:
    seconds = 3.0 if name == "hang" else 60.0
    with pytest.raises(RunsError, match=HARM[name]):
        run_apart(f"tests.helpers.harm:{name}", file, error=RunsError, seconds=seconds)
    assert sorted(os.listdir(file.parent)) == ["file", "other"] and file.read_text() == "content"


def test_reading_is_allowed(file: Path) -> None:
    """The negative control."""
    assert run_apart("tests.helpers.harm:fine", file) == ["content", 0.1, None]
