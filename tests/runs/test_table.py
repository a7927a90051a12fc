"""Loading and describing runs."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import RunsError, RunsWarning
from bayes_scaling.runs.columns import ALIASES, normalise
from bayes_scaling.runs.faults import InvalidRunsError
from bayes_scaling.runs.table import Runs


def make_frame(per_group: int = 8) -> pd.DataFrame:
    """Two groups of valid runs that give no finding."""
    params = np.geomspace(1e8, 1e9, per_group)
    tokens = np.geomspace(2e10, 2e9, per_group)
    part = pd.DataFrame({"params": params, "tokens": tokens, "loss": 2.5 + np.linspace(0, 0.5, per_group)})
    parts = [
        part.assign(architecture=name, context_length=c) for name, c in (("xlstm", 8192), ("llama", 2048))
    ]
    return pd.concat(parts, ignore_index=True)


def test_canonical_frame():
    frame = make_frame().assign(comment="x")
    runs = load_runs(frame)
    names = ["architecture", "context_length", "params", "tokens", "flops", "loss", "comment"]
    assert list(runs.frame) == names
    assert runs.frame["context_length"].dtype == "int64"
    assert (runs.frame[["params", "tokens", "flops", "loss"]].dtypes == "float64").all()
    assert np.array_equal(runs.frame["loss"], frame["loss"])  # order kept
    assert np.array_equal(runs.frame["flops"], 6 * frame["params"] * frame["tokens"])
    assert (len(runs), runs.architectures, runs.context_lengths) == (16, ("llama", "xlstm"), (2048, 8192))
    assert runs.groups.to_dict("list") == {
        "architecture": ["llama", "xlstm"],
        "context_length": [2048, 8192],
        "n": [8, 8],
    }
    assert [note.code for note in runs.notes] == ["flops assumed"]


def test_integers_do_not_overflow():
    frame = make_frame().astype({"params": "int64", "tokens": "int64"})
    frame["params"] = frame["params"] * 1000
    frame["tokens"] = frame["tokens"] * 1000
    assert (load_runs(frame).frame["flops"] > 1e23).all()
    huge = frame.astype(object)
    huge.loc[0, "tokens"] = 2**63 + 1
    with pytest.warns(RunsWarning, match=r"tokens is 9\.223e\+18"):
        assert load_runs(huge).frame["tokens"][0] == float(2**63)


@pytest.mark.parametrize("alias", ["N", "n_params", "Num-Params", "num params", "PARAMETERS", "Model Size"])
def test_params_aliases(alias):
    runs = load_runs(make_frame().rename(columns={"params": alias}))
    assert runs.mapping["params"] == alias
    assert any(note.code == "columns" and repr(alias) in note.message for note in runs.notes)


def test_all_usual_aliases_together():
    names = {
        "params": "num_params",
        "tokens": "num_tokens_training",
        "loss": "Validation Loss",
        "context_length": "seq_len",
        "architecture": "model_type",
    }
    frame = make_frame().rename(columns=names).assign(C=1e19)
    frame["C"] = 6 * frame["num_params"] * frame["num_tokens_training"]
    runs = load_runs(frame)
    assert runs.mapping == {
        "architecture": "model_type",
        "context_length": "seq_len",
        "params": "num_params",
        "tokens": "num_tokens_training",
        "flops": "C",
        "loss": "Validation Loss",
    }


def test_no_alias_stands_for_two_names():
    seen = [alias for aliases in ALIASES.values() for alias in aliases]
    assert len(seen) == len(set(seen))
    assert all(alias == normalise(alias) for alias in seen)
    assert not {"trainloss", "paramsnoembed", "weightdecay"} & set(seen)


def test_columns_override_recognition_and_keep_the_other():
    frame = make_frame().assign(train_set=["c4"] * 8 + ["rw"] * 8, architecture="gpt")
    runs = load_runs(frame, columns={"architecture": "train_set"})
    assert runs.architectures == ("c4", "rw")
    assert (runs.frame["architecture_original"] == "gpt").all()
    assert "train_set" not in runs.frame


def test_original_does_not_overwrite_an_extra():
    frame = make_frame().assign(corpus="c4", architecture_original="kept", architecture="gpt")
    runs = load_runs(frame, columns={"architecture": "corpus"})
    assert (runs.frame["architecture_original"] == "kept").all()
    assert (runs.frame["architecture_original_original"] == "gpt").all()


def test_ambiguous_columns_name_both_and_the_remedy():
    frame = make_frame().assign(val_loss=3.0)
    with pytest.raises(InvalidRunsError, match=r"'loss' and 'val_loss'.*columns=\{\"loss\": \"val_loss\"\}"):
        load_runs(frame)
    runs = load_runs(frame, columns={"loss": "loss"})
    assert np.array_equal(runs.frame["loss"], frame["loss"])


@pytest.mark.parametrize("name", ["architecture", "context_length", "params", "tokens", "loss"])
def test_missing_column(name):
    frame = make_frame().drop(columns=name)
    with pytest.raises(InvalidRunsError, match=f"column '{name}' is missing.*columns=") as caught:
        load_runs(frame)
    assert caught.value.faults["code"].tolist() == ["missing column"]


def test_planned_runs_need_no_loss():
    frame = make_frame(1).drop(columns="loss")
    runs = load_runs(frame, need_loss=False)
    assert "loss" not in runs.frame
    assert "loss_min" not in runs.describe()
    with pytest.raises(RunsError, match="'loss' is missing"):
        load_runs(runs)


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ({"architectur": "params"}, "did you mean 'architecture'"),
        ({"zzz": "params"}, "use one of run_id"),
        ({"loss": "los"}, "did you mean 'loss'"),
        ({"loss": "qqqq"}, "the table has"),
    ],
)
def test_wrong_columns_argument(columns, match):
    with pytest.raises(InvalidRunsError, match=match):
        load_runs(make_frame(), columns=columns)


def test_doubled_column():
    frame = pd.concat([make_frame(), make_frame()[["loss"]]], axis=1)
    with pytest.raises(InvalidRunsError, match="'loss' stands in the table more than once"):
        load_runs(frame)


def test_hash_depends_on_canonical_columns_and_order_only():
    frame = make_frame()
    digest = load_runs(frame).data_hash
    assert len(digest) == 64
    assert load_runs(frame.assign(comment="x").rename(columns={"loss": "val_loss"})).data_hash == digest
    assert load_runs(frame.iloc[::-1]).data_hash != digest
    assert load_runs(frame.assign(weight=1.0)).data_hash != digest
    changed = frame.copy()
    changed.loc[3, "loss"] = np.nextafter(changed.loc[3, "loss"], 9)
    assert load_runs(changed).data_hash != digest


def test_runs_load_to_themselves():
    runs = load_runs(make_frame())
    assert load_runs(runs) is runs
    again = load_runs(runs.frame)
    assert again.data_hash == runs.data_hash


def test_source_table_is_left_alone():
    frame = make_frame()
    before = frame.copy()
    loaded = load_runs(frame).frame
    loaded.loc[0, "loss"] = 99.0
    pd.testing.assert_frame_equal(frame, before)


def test_named_index_becomes_a_column():
    frame = make_frame()
    frame.index = pd.Index([f"r{i}" for i in range(len(frame))], name="run_id")
    assert load_runs(frame).frame["run_id"].tolist()[:2] == ["r0", "r1"]


def test_describe():
    table = load_runs(make_frame()).describe().set_index("architecture")
    assert table["n"].tolist() == [8, 8]
    assert table.loc["xlstm", "params_min"] == 1e8
    assert table.loc["llama", "tokens_per_param_max"] == pytest.approx(200)
    assert table.loc["llama", "loss_max"] == 3.0


def test_subset():
    runs = load_runs(make_frame())
    chosen = runs.subset(runs.frame["architecture"] == "llama")
    assert (len(chosen), chosen.architectures) == (8, ("llama",))
    assert chosen.frame.index.tolist() == list(range(8))
    assert runs.subset(np.ones(16, bool)).data_hash == runs.data_hash
    for mask in ([True], np.zeros(16, bool), np.arange(16)):
        with pytest.raises(RunsError, match="subset"):
            runs.subset(mask)


def test_runs_are_frozen_and_travel_to_other_processes():
    runs = load_runs(make_frame())
    with pytest.raises(AttributeError):
        runs.source = "other"  # type: ignore[misc]
    copy = pickle.loads(pickle.dumps(runs))
    assert isinstance(copy, Runs)
    assert copy.data_hash == runs.data_hash
    assert "16 runs of llama, xlstm" in str(copy)


@pytest.mark.parametrize("source", [None, 3, b"runs.csv", [1, 2], "", "  "])
def test_no_source(source):
    with pytest.raises(RunsError, match="Remedy"):
        load_runs(source)


@pytest.mark.parametrize(
    ("name", "columns", "count", "architectures"),
    [
        ("xlstm_runs.csv", None, 576, ("llama", "xlstm")),
        ("epoch_chinchilla.csv", None, 245, ("transformer",)),
        (
            "gadre.csv",
            {"architecture": "dataset"},
            104,
            ("gadre_c4_original", "gadre_rpj", "gadre_rw_original"),
        ),
        (
            "marin_isoflops.csv",
            {"architecture": "dataset"},
            258,
            ("marin_comma", "marin_dclm", "marin_nemotron"),
        ),
    ],
)
def test_reference_runs_load_without_warning(reference_data, name, columns, count, architectures):
    path = reference_data(name)
    runs = load_runs(path, columns)
    raw = pd.read_csv(path)
    assert (len(runs), runs.architectures) == (count, architectures)
    for column in ("params", "tokens", "flops", "loss"):
        assert np.array_equal(runs.frame[column], raw[column])


@pytest.mark.parametrize("name", ["gadre.csv", "marin_isoflops.csv"])
def test_reference_runs_without_their_corpus_warn(reference_data, name):
    with pytest.warns(RunsWarning, match="such as the corpus, may be missing"):
        load_runs(reference_data(name))
