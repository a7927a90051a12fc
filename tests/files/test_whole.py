"""A file appears whole or not at all, and what was there before stays until then."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest

from bayes_scaling.errors import BayesScalingError, RunsError
from bayes_scaling.files import whole as module
from bayes_scaling.files.whole import whole, write_bytes, write_text

FAILURES = (ValueError("first"), KeyboardInterrupt("first"), MemoryError("first"))


def fail(error: BaseException) -> None:
    raise error


def write_half(target: Path, error: BaseException, once: bool = False) -> None:
    with whole(target, once=once) as part:
        part.write_text("half")
        raise error


def write_late(target: Path) -> None:
    """Another writer comes first."""
    with whole(target, once=True) as part:
        part.write_text("late")
        target.write_text("early")


def write_plainly(target: Path) -> None:
    with target.open("w") as file:
        file.write("ne")
        raise ValueError("first")


def test_text_and_bytes_come_as_they_are(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "é\r\nb\n")
    write_bytes(tmp_path / "b.bin", b"\x00\xff")
    assert (tmp_path / "a.txt").read_bytes() == "é\r\nb\n".encode()
    assert (tmp_path / "b.bin").read_bytes() == b"\x00\xff"
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "b.bin"]


def test_nothing_is_seen_before_the_end(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    write_text(target, "old")
    with whole(target) as part:
        part.write_text("new")
        assert target.read_text() == "old"
        assert list(tmp_path.glob("*.csv")) == [target]
    assert target.read_text() == "new"


def test_a_plain_writing_leaves_half_a_file(tmp_path: Path) -> None:
    """The negative control of the next."""
    target = tmp_path / "a.csv"
    target.write_text("old")
    with pytest.raises(ValueError, match="first"):
        write_plainly(target)
    assert target.read_text() == "ne"


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
def test_a_block_that_raises_leaves_the_folder_as_it_was(tmp_path: Path, error, once) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("old")
    target = tmp_path / "new.txt" if once else kept
    with pytest.raises(type(error), match="first"):
        write_half(target, error, once)
    assert os.listdir(tmp_path) == ["kept.txt"] and kept.read_text() == "old"


def test_the_name_is_kept_for_libraries_that_read_it(tmp_path: Path) -> None:
    with whole(tmp_path / "table.csv.gz") as part:
        assert part.name == "table.csv.gz" and part.parent.parent == tmp_path
        assert not part.exists()
        part.touch()
    assert os.listdir(tmp_path) == ["table.csv.gz"]


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    with whole(target) as one, whole(target) as other:
        assert one != other
        one.write_text("one")
        other.write_text("other")
    assert target.read_text() == "one"  # the outer block ends last
    assert os.listdir(tmp_path) == ["a.txt"]


def test_the_content_is_on_the_disk_before_the_name(tmp_path: Path, monkeypatch) -> None:
    steps: list[str] = []
    sync, move = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (steps.append("sync"), sync(number)))
    monkeypatch.setattr(os, "replace", lambda *names: (steps.append("move"), move(*names)))
    write_text(tmp_path / "a.txt", "a")
    assert steps == ["sync", "move"]


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_is_an_error_of_the_package(tmp_path: Path, monkeypatch, step: str, once: bool) -> None:
    monkeypatch.setattr(os, step, lambda *_: fail(OSError(28, "No space left on device")))
    monkeypatch.setattr(os, "link", lambda *_: fail(OSError(95, "Operation not supported")))
    with pytest.raises(RunsError, match=r"a\.txt: cannot be written \(No space left on device\); buy a disk"):
        write_text(tmp_path / "a.txt", "a", once=once, error=RunsError, remedy="buy a disk")
    assert os.listdir(tmp_path) == []


def test_a_removal_that_fails_does_not_hide_the_first_error(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(os, "unlink", lambda *_, **__: fail(OSError("second")))
    monkeypatch.setattr(os, "rmdir", lambda *_, **__: fail(OSError("second")))
    with pytest.raises(ValueError, match="first"):
        write_half(tmp_path / "a.txt", ValueError("first"))
    monkeypatch.undo()
    assert len(os.listdir(tmp_path)) == 1  # the removal did fail


def test_places_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    entered = []
    for name, message in ((".", "a folder; give a file name"), ("no/a.txt", "does not exist; make it first")):
        with pytest.raises(BayesScalingError, match=message), whole(tmp_path / name):
            entered.append(name)
    (tmp_path / "file").touch()
    with pytest.raises(BayesScalingError, match="does not exist"), whole(tmp_path / "file" / "a.txt"):
        entered.append("file")
    assert entered == [] and os.listdir(tmp_path) == ["file"]


def test_a_closed_folder_is_refused(tmp_path: Path, monkeypatch) -> None:
    """As a closed folder would: the permissions of a test's own folder do not stop root."""
    denied = PermissionError(13, "Permission denied")
    monkeypatch.setattr(module, "mkdtemp", lambda **_: fail(denied))
    with pytest.raises(BayesScalingError, match=r"cannot be written \(Permission denied\)") as caught:
        write_text(tmp_path / "a.txt", "a")
    assert caught.value.__cause__ is denied


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BayesScalingError, match="cannot be written"), whole(tmp_path / "a.txt"):
        pass
    assert os.listdir(tmp_path) == []


def test_once_never_replaces(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_text(target, "first", once=True)
    entered = []
    with (
        pytest.raises(RunsError, match=r"a\.txt: is there already"),
        whole(target, once=True, error=RunsError) as part,
    ):
        entered.append(part)
    assert not entered and target.read_text() == "first"
    write_text(target, "second")  # the negative control: it is `once` that refuses
    assert target.read_text() == "second"


@pytest.mark.parametrize("links", [True, False])
def test_once_refuses_what_came_meanwhile(tmp_path: Path, monkeypatch, links: bool) -> None:
    if not links:
        monkeypatch.setattr(os, "link", lambda *_: fail(OSError(95, "Operation not supported")))
    target = tmp_path / "a.txt"
    with pytest.raises(BayesScalingError, match="written once"):
        write_late(target)
    assert target.read_text() == "early" and os.listdir(tmp_path) == ["a.txt"]
    with whole(target) as part:  # the negative control
        part.write_text("late")
    assert target.read_text() == "late"
    write_text(tmp_path / "b.txt", "b", once=True)
    assert (tmp_path / "b.txt").read_text() == "b"


def test_a_link_is_followed(tmp_path: Path) -> None:
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("old")
    link.symlink_to(real)
    write_text(link, "new")
    assert link.is_symlink() and real.read_text() == "new"


def test_a_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_text(pipe, "through")
    reader.join(10)
    assert read == ["through"] and stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_file_has_the_usual_permissions(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "a")
    (tmp_path / "b.txt").write_text("b")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "b.txt").stat().st_mode


KILLED = """
import os, signal, sys
from bayes_scaling.files.whole import whole
with whole(sys.argv[1]) as part:
    part.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(target: Path) -> Path:
    """What a writer leaves that is killed, an hour ago."""
    subprocess.run([sys.executable, "-c", KILLED, str(target)], check=False, timeout=60)
    (left,) = target.parent.glob(f".{target.name}.*.tmp")
    os.utime(left, (time.time() - 3600,) * 2)
    return left


def test_what_dead_writers_left_is_swept(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    left = killed(target)
    assert (left / "a.txt").read_text() == "half" and not target.exists()
    write_text(target, "new")
    assert os.listdir(tmp_path) == ["a.txt"]


def test_what_living_writers_hold_and_others_wrote_stays(tmp_path: Path) -> None:
    """The negative control: an old folder that is held, and one of another target."""
    target = tmp_path / "a.txt"
    other = killed(tmp_path / "b.txt")
    with whole(target) as part:
        os.utime(part.parent, (time.time() - 3600,) * 2)
        write_text(target, "second")
        part.write_text("first")
    assert target.read_text() == "first" and other.is_dir()
