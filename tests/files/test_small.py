"""Small files: what is not a regular, readable, small file of its kind is an error of the package."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bayes_scaling.errors import BayesScalingError, SpecError, SweepError
from bayes_scaling.files.locking import only_writer
from bayes_scaling.files.small import read_json, read_small, read_small_text, read_toml, understood
from bayes_scaling.files.small_csv import read_csv


def places(folder: Path) -> dict[str, Path | str]:
    os.mkfifo(folder / "pipe")
    (folder / "zero").symlink_to("/dev/zero")
    (folder / "loop").symlink_to(folder / "loop")
    return {
        "missing": folder / "none",
        "folder": folder,
        "pipe": folder / "pipe",
        "device": folder / "zero",
        "loop": folder / "loop",
        "long": folder / ("x" * 300),
        "null": "a\0b",
    }


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "device", "loop", "long", "null"])
def test_only_regular_files_are_read(tmp_path: Path, kind: str) -> None:
    with pytest.raises(SweepError, match="give another file"):
        read_small(places(tmp_path)[kind], error=SweepError)


def test_the_limit_holds_to_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 100)
    assert len(read_small(path, limit=100)) == 100
    with pytest.raises(BayesScalingError, match="larger than"):
        read_small(path, limit=99)


def test_a_byte_that_is_no_text_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes("\ufeffé\n".encode() + b"\xff")
    with pytest.raises(BayesScalingError, match="line 2 is not UTF-8 text .byte 0xff."):
        read_small_text(path)
    path.write_bytes("\ufeffé\n".encode())
    assert read_small_text(path) == "é\n"


@pytest.mark.parametrize("text", ["x = " + "[" * 3000, "x = " + "9" * 5000, "x", "a = 1\na = 2", "[a]\n[a]"])
def test_text_that_toml_cannot_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(SpecError, match=r"a\.toml: not a plan \(.*\); mend it"):
        read_toml(path, dict, "a plan", error=SpecError)


@pytest.mark.parametrize("text", ["[" * 200_000, "9" * 5000, "", "{", '{"a":'])
def test_text_that_json_cannot_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(SpecError, match=r"a\.json: not a record"):
        read_json(path, dict, "a record", error=SpecError)


@pytest.mark.parametrize("text", ["", '"a', "a,a\n1,2\n", "a,b\n1,2,3\n", "\n\n"])
def test_text_that_csv_cannot_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(SpecError, match=r"a\.csv: "):
        read_csv(path, "a table", error=SpecError)


def test_what_can_be_read_is(tmp_path: Path) -> None:
    """The negative control."""
    path = tmp_path / "a"
    path.write_text("x = 1")
    assert read_toml(path, dict, "a plan") == {"x": 1}
    path.write_text('{"x": 1}')
    assert read_json(path, dict, "a record") == {"x": 1}
    path.write_text("x,y\n1,2\n")
    assert read_csv(path, "a table").to_dict("records") == [{"x": 1, "y": 2}]


@pytest.mark.parametrize(
    "broken", [TypeError("t"), KeyError("k"), OverflowError("o"), RecursionError("r"), AttributeError("a")]
)
def test_whatever_content_raises_names_the_file(broken: Exception) -> None:
    with (
        pytest.raises(SpecError, match=r"a\.toml: not a plan \(.*\); mend it") as caught,
        understood("a.toml", "a plan", error=SpecError),
    ):
        raise broken
    assert caught.value.__cause__ is broken


def test_an_error_of_the_package_keeps_its_type_and_gets_the_name_once() -> None:
    for text in ("law unknown", "a.toml: law unknown"):
        with pytest.raises(SpecError, match=r"^a\.toml: law unknown$"), understood("a.toml", "a plan"):
            raise SpecError(text)


def test_an_interruption_goes_through() -> None:
    with pytest.raises(KeyboardInterrupt), understood("a.toml", "a plan"):
        raise KeyboardInterrupt


def test_a_lock_is_held_by_one_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lock = tmp_path / "a.csv.lock"
    lock.write_text("somebody's")
    with only_writer(path):
        with (
            pytest.raises(SweepError, match=r"a\.csv: another process writes to it"),
            only_writer(path, error=SweepError),
        ):
            pass
        assert lock.exists()
    with only_writer(path):  # the negative control: free again
        pass
    assert lock.read_text() == "somebody's"
    with (
        pytest.raises(SweepError, match="cannot be made"),
        only_writer(tmp_path / "no" / "a", error=SweepError),
    ):
        pass
