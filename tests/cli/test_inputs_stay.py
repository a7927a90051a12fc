"""No command that reads changes, adds or removes a file of the user's."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from bayes_scaling.data.catalog import FOLDER
from bayes_scaling.sweep.verdict import RECORD
from tests.calibration.test_kept import made
from tests.helpers.command_line import PLANNED, run
from tests.helpers.synthetic import synthetic_fit, synthetic_frame

PLAN = '[[scenario]]\nname = "a"\ncompute = 1e20\ncontext_length = 8192\n'
READING = (
    *(("summary", "fit.nc"), ("check", "fit.nc"), ("cite", "fit.nc"), ("loo", "fit.nc")),
    *(("frontier", "fit.nc", "--compute", "1e20"), ("compare", "fit.nc", "--compute", "1e20")),
    *(("context", "fit.nc", "--compute", "1e20"), ("iso-loss", "fit.nc", "--loss", "3.0")),
    *(("optimal-params", "fit.nc", "--params", "1e8"), ("predict", "fit.nc", "new.csv")),
    *(("decide", "fit.nc", "--compute", "1e20"), ("plan", "fit.nc", "plan.toml")),
    *(("describe", "runs.csv"), ("classical", "runs.csv"), ("datasets",), ("sweep", "plan")),
    *(("sweep", "judge", "record.json", "results.csv"), ("sweep", "judge", "record.json", "torn.csv")),
    *(("sweep", "judge", "record.json", "fit.nc"), ("sweep", "judge", "fit.nc", "results.csv")),
    *(("summary", "runs.csv"), ("describe", "fit.nc"), ("predict", "fit.nc", "fit.nc")),
    *(("plan", "fit.nc", "runs.csv"), ("check", "plan.toml"), ("loo", "torn.csv")),
)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    synthetic_fit(per_group=8, chains=2, draws=50).save(folder / "fit.nc")
    synthetic_frame(8).to_csv(folder / "runs.csv", index=False)
    (folder / "new.csv").write_text(PLANNED)
    (folder / "plan.toml").write_text(PLAN)
    (folder / "record.json").write_bytes(RECORD.read_bytes())
    results = (FOLDER / "measured_runs.csv").read_bytes()
    (folder / "results.csv").write_bytes(results)
    (folder / "torn.csv").write_bytes(results[:-20])
    made(folder / "kept")
    return folder


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_reading_command_leaves_every_file_as_it_was(files, monkeypatch, command) -> None:
    monkeypatch.chdir(files)
    before = hashes(files)
    result = run(*command)
    assert result.exit_code in (0, 1, 2), result.exception
    assert hashes(files) == before


def test_a_writing_command_is_seen(files, monkeypatch) -> None:
    """The negative control."""
    monkeypatch.chdir(files)
    before = hashes(files)
    assert run("frontier", "fit.nc", "--compute", "1e20").exit_code == 0
    Path("runs.csv").open("a").close()
    assert hashes(files) == before
    Path("runs.csv").write_text(Path("runs.csv").read_text() + "\n")
    assert hashes(files) != before
