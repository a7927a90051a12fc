"""How a command ends as a process of its own: Ctrl-C at any time, and a reader who leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bayes_scaling.cli.interrupts import MESSAGE
from tests.helpers.fits import small_fit
from tests.helpers.synthetic import synthetic_fit

COMMAND = (sys.executable, "-m", "bayes_scaling.cli")
LONGEST = 4.0  # seconds from Ctrl-C to the end, of a busy machine; half of that when nothing else runs
STAGES = (  # back end and seconds: from the first imports over compiling to sampling
    ("numpyro", 0.0),
    ("numpyro", 0.5),
    ("numpyro", 2.0),
    ("numpyro", 12.0),
    ("pymc", 12.0),
)
needs_signals = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
ENDLESS = """
import sys, tempfile, time
from pathlib import Path
from bayes_scaling.cli import commands, main

@commands.app.command()
def wait(folder: str) -> None:
    file = Path(folder) / "temporary"
    try:
        file.touch()
        print("ready", flush=True)
        {body}
    finally:
        time.sleep(0.5)
        file.unlink()

main()
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("process")
    small_fit().save(folder / "failed.nc")
    synthetic_fit().save(folder / "sound.nc")
    return folder


def started(*command):
    """A process that has begun to listen for Ctrl-C."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    threads = Path(f"/proc/{process.pid}/task")
    while threads.exists() and len(list(threads.iterdir())) < 2:
        time.sleep(0.01)
    if not threads.exists():
        time.sleep(1)
    return process


def interrupted(process, times=1):
    """Exit code, both outputs, and the seconds until the end."""
    begun = time.monotonic()
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err, time.monotonic() - begun


@needs_signals
@pytest.mark.parametrize(("backend", "after"), STAGES)
def test_ctrl_c_ends_a_fit_at_any_time(tmp_path, backend, after):
    asked = ("fit", "simulated", "-o", str(tmp_path / "x.nc"), "--backend", backend, "--draws", "200000")
    process = started(*COMMAND, *asked)
    time.sleep(after)
    assert process.poll() is None, "it ended before it was interrupted"
    code, out, err, seconds = interrupted(process)
    assert (code, out) == (130, "") and err.strip().splitlines()[-1] == MESSAGE
    assert "Traceback" not in err and "Exception ignored" not in err
    assert seconds < LONGEST
    assert list(tmp_path.iterdir()) == []


@needs_signals
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize(
    "body",
    [
        "time.sleep(60)",
        "try:\n            time.sleep(60)\n        except KeyboardInterrupt as e: raise ValueError from e",
    ],
)
def test_cleaning_up_is_finished_however_often_ctrl_c_comes(tmp_path, body, times):
    process = started(sys.executable, "-c", ENDLESS.format(body=body), "wait", str(tmp_path))
    assert process.stdout.readline() == "ready\n" and list(tmp_path.iterdir())
    code, out, err, seconds = interrupted(process, times)
    assert (code, out, err) == (130, "", f"{MESSAGE}\n") and seconds < LONGEST
    assert list(tmp_path.iterdir()) == []


@needs_signals
def test_code_that_does_not_listen_is_ended_too(tmp_path):
    deaf = "while True:\n            try: time.sleep(60)\n            except KeyboardInterrupt: pass"
    process = started(sys.executable, "-c", ENDLESS.format(body=deaf), "wait", str(tmp_path))
    assert process.stdout.readline() == "ready\n"
    code, out, err, seconds = interrupted(process)
    assert (code, out, err) == (130, "", f"{MESSAGE}\n") and seconds < LONGEST


def test_errors_without_ctrl_c_keep_their_traceback(tmp_path):
    """The negative control: nothing is hushed up."""
    process = started(
        sys.executable, "-c", ENDLESS.format(body="raise ValueError('odd')"), "wait", str(tmp_path)
    )
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1 and "ValueError: odd" in err and MESSAGE not in err


@needs_signals
@pytest.mark.parametrize(
    "question",
    [
        ("summary", "failed.nc"),
        ("summary", "failed.nc", "--json"),
        ("frontier", "sound.nc", "--compute", "1e20"),
        ("check", "failed.nc"),
        ("cite",),
        ("--help",),
        ("fit", "--help"),
    ],
)
def test_a_reader_who_leaves_ends_a_command_quietly(files, question):
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [*COMMAND, *question], stdout=writer, stderr=subprocess.PIPE, text=True, cwd=files
    )
    os.close(writer)
    os.close(reader)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (141, "")


@needs_signals
def test_a_reader_of_both_outputs_may_leave(files):
    for question, code in ((("summary", "sound.nc"), 141), (("summary", "sound.nc", "--nothing"), 141)):
        reader, writer = os.pipe()
        process = subprocess.Popen([*COMMAND, *question], stdout=writer, stderr=writer, cwd=files)
        os.close(writer)
        os.close(reader)
        assert process.wait(timeout=60) == code


def test_a_reader_who_stays_gets_everything(files):
    """The negative control."""
    done = subprocess.run(
        [*COMMAND, "summary", "sound.nc"], capture_output=True, text=True, cwd=files, check=True
    )
    assert "R-hat" in done.stdout and done.stderr == ""
    failed = subprocess.run(
        [*COMMAND, "check", "failed.nc"], capture_output=True, text=True, cwd=files, check=False
    )
    assert failed.returncode == 1 and "overall: FAIL" in failed.stdout
