"""The catalogue and what is fetched: checked by content, kept, and told where to put by hand."""

from __future__ import annotations

import json
from zipfile import ZipFile

import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.cite import entries
from bayes_scaling.data import fetching
from bayes_scaling.data.catalog import FIELDS, NAMES, dataset_path, entry_of
from bayes_scaling.data.gadre import read_gadre
from bayes_scaling.errors import RunsError

EVALUATIONS = ("c4_val/shard-0.tar", "val_tok_mult/paloma_ptb/1.tar")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(fetching.VARIABLE, str(tmp_path))
    return tmp_path


def archive(path, sizes=((10**7, 2 * 10**8), (10**8, 2 * 10**9), (10**9, 2 * 10**10))):
    """A small repository in the layout of the real one."""
    with ZipFile(path, "w") as file:
        file.writestr("scaling-041eb2f/README.md", "text")
        for i, (params, tokens) in enumerate(sizes):
            model = {
                "name": f"c4-{i}",
                "dataset_name": "c4_original",
                "hyperparameters": {"params": params, "tokens": tokens, "lr": 0.003},
                "results": [{"loss": 3.5 - 0.3 * i, "val_data": [f"eval/{e}"]} for e in EVALUATIONS],
            }
            file.writestr(f"scaling-041eb2f/exp_data/models/c4-{i}.json", json.dumps(model))
    return path


def put(folder, monkeypatch, wanted=None):
    """The archive by hand, and its content's hash in the catalogue."""
    path = archive(folder / entry_of("gadre")["file"])
    known = wanted or fetching.content_hash(read_gadre(path))
    monkeypatch.setattr(fetching, "entry_of", lambda name: entry_of(name) | {"sha256": known})
    return path


def test_table_of_all_sets() -> None:
    table = bs.datasets()
    assert tuple(table.columns) == FIELDS and tuple(table["name"]) == NAMES
    assert set(table["kind"]) == {"shipped", "fetched", "imported", "by hand"}
    for column in ("description", "units", "licence", "source"):
        assert (table[column].str.len() > 2).all()
    assert set(table.loc[table["citation"] != "", "citation"]) <= set(entries())


def test_an_archive_put_by_hand_is_read_checked_and_kept(folder, monkeypatch) -> None:
    put(folder, monkeypatch)
    path = fetching.fetch("gadre")
    frame = pd.read_csv(path)
    assert path == folder / "gadre.csv" and len(frame) == 3
    assert {"loss", "loss_paloma_ptb", "params", "tokens"} <= set(frame)
    assert not list(folder.glob("*.part"))
    (folder / entry_of("gadre")["file"]).unlink()
    assert fetching.fetch("gadre") == path


@pytest.mark.filterwarnings("ignore::bayes_scaling.errors.RunsWarning")
def test_load_runs_by_name(folder, monkeypatch) -> None:
    put(folder, monkeypatch)
    runs = bs.load_runs("gadre")
    assert runs.architectures == ("c4_original",) and len(runs) == 3
    assert runs.frame["flops"].iloc[0] == 6 * 10**7 * 2 * 10**8


def test_another_content_is_refused(folder, monkeypatch) -> None:
    put(folder, monkeypatch, wanted="0" * 64)
    with pytest.raises(RunsError, match="not the known one"):
        fetching.fetch("gadre")
    assert not (folder / "gadre.csv").exists()


def test_the_known_content_is_that_of_the_reference_table(reference_data) -> None:
    frame = pd.read_csv(reference_data("gadre.csv"))
    assert fetching.content_hash(frame) == entry_of("gadre")["sha256"]
    assert fetching.content_hash(frame.sample(frac=1, random_state=1)) == entry_of("gadre")["sha256"]
    frame.loc[0, "loss"] += 1e-4
    assert fetching.content_hash(frame) != entry_of("gadre")["sha256"]


def test_without_a_network_the_remedy_names_file_and_folder(folder, monkeypatch) -> None:
    import pooch

    def offline(*_: object, **__: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(pooch, "retrieve", offline)
    with pytest.raises(RunsError) as error:
        bs.load_runs("gadre")
    assert str(folder / entry_of("gadre")["file"]) in str(error.value)
    assert entry_of("gadre")["url"] in str(error.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04broken", b"<html>"])
def test_a_broken_archive_is_refused(folder, content: bytes) -> None:
    (folder / entry_of("gadre")["file"]).write_bytes(content)
    with pytest.raises(RunsError, match="no archive of the runs"):
        fetching.fetch("gadre")


def test_an_archive_of_something_else_is_refused(folder) -> None:
    archive(folder / entry_of("gadre")["file"], sizes=())
    with pytest.raises(RunsError, match="exp_data/models"):
        fetching.fetch("gadre")


def test_sets_that_are_not_fetched_say_how(folder) -> None:
    with pytest.raises(RunsError, match="import_xlstm_study"):
        bs.load_runs("xlstm-study")
    with pytest.raises(RunsError, match=r"gemstones\.csv"):
        bs.load_runs("gemstones")
    (folder / "gemstones.csv").write_text("architecture,context_length,params,tokens,loss\n")
    assert dataset_path("gemstones") == folder / "gemstones.csv"
