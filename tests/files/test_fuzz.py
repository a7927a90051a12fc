"""Damaged files of every small kind: read as they are, or an error of the package; never anything else."""

from __future__ import annotations

import os
import random
import time
import warnings
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.bench.rows import load_bench
from bayes_scaling.cli.running.fits import model_of
from bayes_scaling.data.catalog import FOLDER
from bayes_scaling.errors import BayesScalingError
from bayes_scaling.roofline.devices import read_devices
from bayes_scaling.sweep.results import read_results
from bayes_scaling.sweep.verdict import RECORD, judge_sweep
from tests.calibration.test_kept import made
from tests.helpers.mutations import mutated
from tests.helpers.synthetic import synthetic_fit

LONGEST = 10.0  # seconds
PLAN = """[defaults]
context_length = 16384
cost = "accounted"
tolerance = 0.01
utility = "mean"

[[scenario]]
name = "large"
compute = [1e21, 1e22]
architecture = ["transformer"]

[[scenario]]
name = "quick"
compute = 1e22
limits = { step_time_ms = 20.0, batch_size = 8, prefill = 16384 }
"""
SPEC = bs.ModelSpec(priors={"E": {"median": 1.5, "scale": 0.2}}, offsets=("q",)).to_toml()


def head(path: Path, rows: int) -> bytes:
    return b"\n".join(path.read_bytes().split(b"\n")[: rows + 1]) + b"\n"


def judged(path: Path) -> None:
    judge_sweep(RECORD, read_results(path))


def load_folder(path: Path) -> None:
    found = bs.load_backtest(path.parent)
    assert len(found.rows) == 12


KINDS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "plan": ("a.toml", bs.load_plan),
    "devices": ("a.toml", read_devices),
    "spec": ("a.toml", lambda path: model_of(path, {})),
    "bench": ("a.csv", load_bench),
    "record": ("a.json", lambda path: judge_sweep(path, measured())),
    "results": ("a.csv", judged),
    "back-test": ("a.csv", load_folder),
    "fit": ("a.nc", bs.load_fit),
    "runs": ("a.csv", bs.load_runs),
    "timings": ("a.csv", bs.latency.load_timings),
}


@cache
def measured() -> pd.DataFrame:
    return bs.load_runs("measured").frame


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    made(folder)
    return {
        "plan": PLAN.encode(),
        "devices": (FOLDER / "devices.toml").read_bytes(),
        "spec": SPEC.encode(),
        "bench": head(FOLDER / "bench_host.csv", 40),
        "record": RECORD.read_bytes(),
        "results": (FOLDER / "measured_runs.csv").read_bytes(),
        "back-test": next(folder.glob("*.csv")).read_bytes(),
        "fit": synthetic_fit(per_group=4, chains=2, draws=20).save(folder / "fit.nc").read_bytes(),
        "runs": head(FOLDER / "simulated_runs.csv", 30),
        "timings": head(FOLDER / "host_timings.csv", 30),
    }


def survives(read: Callable[[Path], object], path: Path) -> bool:
    """Whether it is read; anything but an error of the package, a change of the file or a wait fails."""
    before = path.read_bytes()
    begun = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read(path)
        except BayesScalingError:
            accepted = False
        else:
            accepted = True
    assert time.monotonic() - begun < LONGEST
    assert path.read_bytes() == before
    return accepted


def damage(tmp_path: Path, whole: dict[str, bytes], kind: str, count: int) -> None:
    name, read = KINDS[kind]
    path = tmp_path / name
    path.write_bytes(whole[kind])
    assert survives(read, path)  # the negative control: undamaged, it is read
    refused = 0
    for number in range(count):
        content = mutated(whole[kind], random.Random(f"{kind} {number}"))
        path.write_bytes(content)
        try:
            refused += not survives(read, path)
        except BaseException as error:
            error.add_note(f"{kind} {number}: {content[:300]!r}")
            raise
    assert refused > count / 4


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_read_or_refused(tmp_path, whole, kind) -> None:
    damage(tmp_path, whole, kind, 40)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_damaged_files_are_read_or_refused(tmp_path, whole, kind) -> None:
    damage(tmp_path, whole, kind, 1300)


PLACES = ("missing", "folder", "pipe", "device", "loop", "long")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", KINDS)
def test_places_that_are_no_files_are_refused(tmp_path, kind, place) -> None:
    name, read = KINDS[kind]
    path = tmp_path / ("x" * 300 + name if place == "long" else name)
    make = {
        "folder": path.mkdir,
        "pipe": partial(os.mkfifo, path),
        "device": partial(path.symlink_to, "/dev/zero"),
        "loop": partial(path.symlink_to, path),
    }
    make.get(place, lambda: None)()
    begun = time.monotonic()
    with pytest.raises(BayesScalingError):
        read(path)
    assert time.monotonic() - begun < LONGEST
