"""The catalogue and what is fetched: by the network or by hand, checked, kept, and checked again."""

from __future__ import annotations

import hashlib
import json
import logging
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from zipfile import ZipFile

import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.data import catalog, fetching
from bayes_scaling.data.catalog import FIELDS, NAMES, entry_of, shipped_path
from bayes_scaling.data.gadre import read_gadre
from bayes_scaling.errors import RunsError
from bayes_scaling.posterior.citing import DATA, entries

pytestmark = pytest.mark.filterwarnings("ignore::bayes_scaling.errors.RunsWarning")
EVALUATIONS = ("c4_val/shard-0.tar", "val_tok_mult/paloma_ptb/1.tar")
GADRE, GEMSTONES = entry_of("gadre"), entry_of("gemstones")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of fetched files; no test may reach the network."""
    import pooch

    def offline(*_: object, **__: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setenv(fetching.VARIABLE, str(tmp_path))
    monkeypatch.setattr(pooch, "retrieve", offline)
    return tmp_path


def change(monkeypatch, name: str, **values: str) -> None:
    """Another entry in the catalogue."""
    changed = catalog._entries() | {name: entry_of(name) | values}
    monkeypatch.setattr(catalog, "_entries", lambda: changed)


def archive(path, sizes=((10**7, 2 * 10**8), (10**8, 2 * 10**9), (10**9, 2 * 10**10))):
    """A small repository in the layout of the real one."""
    with ZipFile(path, "w") as file:
        file.writestr("scaling-041eb2f/README.md", "text")
        for i, (params, tokens) in enumerate(sizes):
            model = {
                "name": f"c4-{i}",
                "dataset_name": "c4_original",
                "hyperparameters": {"params": params, "tokens": tokens, "lr": 0.003},
                "results": [
                    {"loss": 3.5 - 0.3 * i + k, "val_data": [f"eval/{e}"]} for k, e in enumerate(EVALUATIONS)
                ],
            }
            file.writestr(f"scaling-041eb2f/exp_data/models/c4-{i}.json", json.dumps(model))
    return path


def put(folder, monkeypatch):
    """The archive by hand, and its content's hash in the catalogue."""
    path = archive(folder / GADRE["file"])
    frame = fetching._mapped(read_gadre(path), GADRE, path)
    change(monkeypatch, "gadre", sha256=fetching.content_hash(frame))
    return path


def lines(**changes: object) -> str:
    """Rows in the layout of the real file."""
    row = {"run_name": "G", "params_active_precise": 543482880, "width": 1024, "depth": 28, "final_loss": 3.0}
    rows = [row | {"tokens": d * 10**9, "final_loss": 3.1 - d / 100} | changes for d in (11, 22, 33)]
    return "\n".join(json.dumps(row) for row in rows) + "\n"


@pytest.fixture
def server(tmp_path_factory, monkeypatch):
    """A folder and the address it is served at."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    place = tmp_path_factory.mktemp("served")

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(place))) as served:
        thread = Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield place, f"http://127.0.0.1:{served.server_address[1]}"
        served.shutdown()
        thread.join()


def test_table_of_all_sets() -> None:
    table = bs.data.datasets().set_index("name")
    assert tuple(bs.data.datasets()) == FIELDS and tuple(table.index) == NAMES
    assert set(table["kind"]) == {"shipped", "fetched", "imported"}
    assert (table[["description", "units", "licence", "source"]].map(len) > 2).all(axis=None)
    away = table[table["kind"] != "shipped"]
    assert (away[["url", "citation"]].map(len) > 2).all(axis=None)
    assert set(away["citation"]) <= set(entries())
    assert (table.loc[table["kind"] == "imported", "importer"] != "").all()
    assert not set(table.loc[table["licence"].str.contains("none"), "kind"]) & {"shipped", "fetched"}


@pytest.mark.parametrize("name", [n for n in NAMES if entry_of(n)["kind"] != "shipped"])
def test_a_fit_cites_the_set_it_used(name: str) -> None:
    assert DATA[name] == (entry_of(name)["citation"],)


@pytest.mark.parametrize("name", [n for n in NAMES if entry_of(n)["kind"] == "fetched"])
def test_addresses_are_pinned(name: str) -> None:
    commit = [part.removesuffix(".zip") for part in entry_of(name)["url"].split("/")]
    pinned = [part for part in commit if len(part) == 40 and not set(part) - set("0123456789abcdef")]
    assert len(pinned) == 1 and pinned[0][:7] in entry_of(name)["file"]


def test_an_archive_put_by_hand_is_read_checked_and_kept(folder, monkeypatch) -> None:
    source = put(folder, monkeypatch)
    path = bs.data.fetch("gadre")
    frame = pd.read_csv(path)
    assert path == source.with_suffix(".csv") and list(frame["run_id"]) == ["c4-0", "c4-1", "c4-2"]
    assert list(frame["loss_paloma_ptb"]) == [4.5, 4.2, 3.9]
    assert sorted(found.name for found in folder.iterdir()) == sorted(
        [source.name, path.name, "gadre.sha256"]
    )
    source.unlink()
    assert bs.data.fetch("gadre") == path


def test_load_runs_by_name(folder, monkeypatch) -> None:
    put(folder, monkeypatch)
    runs = bs.load_runs("gadre")
    assert runs.architectures == ("c4_original",) and len(runs) == 3 and runs.source == "gadre"
    assert list(runs.frame["loss"]) == [3.5, 3.2, 2.9] and runs.context_lengths == (2048,)
    assert runs.frame["flops"].iloc[0] == 6 * 10**7 * 2 * 10**8


def test_another_content_is_refused(folder, monkeypatch) -> None:
    put(folder, monkeypatch)
    change(monkeypatch, "gadre", sha256="0" * 64)
    with pytest.raises(RunsError, match="not the known one"):
        bs.data.fetch("gadre", trust=True)
    assert [path.name for path in folder.iterdir()] == [GADRE["file"]]


def test_the_known_content_is_that_of_the_reference_table(reference_data) -> None:
    frame = pd.read_csv(reference_data("gadre.csv")).rename(columns={"name": "run_id"})
    assert fetching.content_hash(frame) == GADRE["sha256"]
    assert fetching.content_hash(frame.sample(frac=1, random_state=1)) == GADRE["sha256"]
    frame.loc[0, "loss"] += 1e-4
    assert fetching.content_hash(frame) != GADRE["sha256"]


def test_a_set_without_checksum_needs_trust_once(folder) -> None:
    source = folder / GEMSTONES["file"]
    source.write_text(lines())
    with pytest.raises(RunsError, match=r"no known checksum.*fetch\('gemstones', trust=True\)"):
        bs.load_runs("gemstones")
    path = bs.data.fetch("gemstones", trust=True)
    digests = (folder / "gemstones.sha256").read_text().splitlines()
    assert digests[0] == f"{hashlib.sha256(source.read_bytes()).hexdigest()}  {source.name}"
    assert bs.data.fetch("gemstones") == path
    runs = bs.load_runs("gemstones")
    assert runs.frame[["params", "tokens", "loss"]].iloc[1].tolist() == [543482880, 22e9, 2.88]
    assert runs.architectures == ("transformer",) and runs.context_lengths == (2048,)
    path.unlink()  # the source is as recorded, so it needs no trust again
    assert bs.data.fetch("gemstones") == path and path.is_file()


@pytest.mark.parametrize("which", ["source", "table"])
def test_a_change_after_the_first_reading_is_refused(folder, which: str) -> None:
    source = folder / GEMSTONES["file"]
    source.write_text(lines())
    table = bs.data.fetch("gemstones", trust=True)
    if which == "source":
        table.unlink()
        source.write_text(lines(tokens=5))
    else:
        table.write_text(table.read_text().replace("2.88", "2.87"))
    with pytest.raises(RunsError, match=r"changed since it was fetched.*remove it and the record"):
        bs.data.fetch("gemstones", trust=True)


def test_a_file_of_another_layout_is_refused(folder) -> None:
    (folder / GEMSTONES["file"]).write_text(lines().replace("final_loss", "end_loss"))
    with pytest.raises(RunsError, match=r"gemstones-1fb97a2\.jsonl: no column 'final_loss'"):
        bs.data.fetch("gemstones", trust=True)


@pytest.mark.parametrize(("name", "trust"), [("gadre", False), ("gemstones", True)])
def test_without_a_network_the_remedy_names_address_file_and_folder(folder, name: str, trust: bool) -> None:
    with pytest.raises(RunsError, match=r"could not be fetched \(ConnectionError: no route\)") as error:
        bs.data.fetch(name, trust=trust)
    for part in (entry_of(name)["url"], f"as {entry_of(name)['file']} into {folder}"):
        assert part in str(error.value)


def test_over_the_network(server, tmp_path, monkeypatch, capfd) -> None:
    place, address = server
    (place / "runs.jsonl").write_text(lines())
    monkeypatch.setenv(fetching.VARIABLE, str(tmp_path / "new"))
    change(monkeypatch, "gemstones", url=f"{address}/runs.jsonl")
    table = bs.data.fetch("gemstones", trust=True)
    assert len(pd.read_csv(table)) == 3
    assert (tmp_path / "new" / GEMSTONES["file"]).read_text() == lines()
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("pooch").level != logging.WARNING
    change(monkeypatch, "gadre", url=f"{address}/absent.zip")
    with pytest.raises(RunsError, match=r"could not be fetched \(HTTPError: 404"):
        bs.data.fetch("gadre")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04broken", b"<html>"])
def test_a_broken_archive_is_refused(folder, content: bytes) -> None:
    (folder / GADRE["file"]).write_bytes(content)
    with pytest.raises(RunsError, match="no archive of the runs"):
        bs.data.fetch("gadre")


def test_an_archive_of_something_else_is_refused(folder) -> None:
    archive(folder / GADRE["file"], sizes=())
    with pytest.raises(RunsError, match="exp_data/models"):
        bs.data.fetch("gadre")


def test_sets_that_are_not_fetched_say_how(folder) -> None:
    for name, importer in (("xlstm-study", "import_xlstm_study"), ("olmo-ladder", "import_training_logs")):
        with pytest.raises(RunsError, match=f"clone {entry_of(name)['url']} and call bs.{importer}"):
            bs.load_runs(name)
    assert bs.data.fetch("simulated") == shipped_path("simulated")
    with pytest.raises(RunsError, match="choose one of simulated"):
        bs.data.fetch("nope")


def test_a_folder_that_cannot_be_written(folder, monkeypatch) -> None:
    put(folder, monkeypatch)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(RunsError, match=r"No space left.*BAYES_SCALING_DATA"):
        bs.data.fetch("gadre")
