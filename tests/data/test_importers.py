"""Importers: a clone of the study, Weights & Biases exports, folders of logs."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.data import study
from bayes_scaling.errors import RunsError

pytestmark = pytest.mark.filterwarnings("ignore::bayes_scaling.errors.RunsWarning")
BASE = "model.model_config."


class WandBRunData:
    """As the study's pickles name it."""

    def __init__(self, **values) -> None:
        self.__dict__.update(values)


def llama(name: str, steps: int = 3000, width: int = 512, loss: float = 3.1, **changes):
    config = {
        "model.model_class": "xlstm_jax.models.llama.llama.LlamaTransformer",
        BASE + "num_blocks": 10,
        BASE + "embedding_dim": width,
        BASE + "vocab_size": 50304,
        BASE + "head_dim": 64,
        BASE + "ffn_multiple_of": 64,
        BASE + "context_length": 2048,
        "optimizer.scheduler": "{'lr': 0.003, 'warmup_steps': 750}",
    }
    return _run(name, config, _params(config, "llama"), steps, loss, **changes)


def xlstm(name: str, steps: int = 3000, width: int = 512, loss: float = 3.0, **changes):
    cell = BASE + "mlstm_block.mlstm."
    config = {
        "model.model_class": "xlstm_jax.models.xlstm_parallel.xlstm_lm_model.xLSTMLMModel",
        BASE + "num_blocks": 10,
        BASE + "embedding_dim": width,
        BASE + "vocab_size": 50304,
        cell + "num_heads": 4,
        cell + "qk_dim_factor": 0.5,
        cell + "round_proj_up_to_multiple_of": 64,
        BASE + "mlstm_block.feedforward.proj_factor": 2.667,
    }
    return _run(name, config, _params(config, "xlstm"), steps, loss, **changes)


def _params(config, architecture: str) -> float:
    from bayes_scaling.accounting import Shape, get_architecture

    return float(get_architecture(architecture).params(Shape(**study._sizes(config))))


def _run(name, config, params, steps, loss, **changes):
    values = {
        "name": name,
        "id": f"id_{name}",
        "created_at": "2025-01-01",
        "config": config,
        "summary": {
            "model/": {"num_params": params},
            "dataset/": {"global_batch_size": 512, "num_train_steps": steps},
        },
        "metadata": {},
        "logs": {"val/.dclm_loss": pd.DataFrame({"_step": [1, 2], "val/.dclm_loss": [4.0, loss]})},
    }
    return WandBRunData(**(values | changes))


@pytest.fixture
def clone(tmp_path):
    """A folder in the layout of the study's repository."""
    (tmp_path / "data").mkdir()
    content = {name: {"tag": []} for name in study.SETS}
    content["isoflop_llama_ctx2048"] = {
        "a": [llama(f"dclm_llama_ctx2048_{w}", width=w, loss=3.5 - w / 1e4) for w in (512, 640, 768)],
        "b": [llama("dclm_llama_ctx2048_512", width=512, loss=3.5 - 512 / 1e4)],  # the same run, tagged again
    }
    content["isoflop_mlstm_ctx2048"] = {"a": [xlstm(f"dclm_m_ctx2048_{w}", width=w) for w in (512, 768)]}
    content["tokenparam_mlstm"] = {
        "scl_mlstm_160Mv2": [
            xlstm("dclm_m_ctx8192_long", 9000, id="first", created_at="2025-01-01", loss=9.0),
            xlstm("dclm_m_ctx8192_long", 9000, id="second", created_at="2025-01-02", loss=2.9),
        ],
        "trial": [xlstm("dclm_m_ctx8192_trial")],
    }
    for name, value in content.items():
        (tmp_path / "data" / f"{name}_wandb_data.pkl").write_bytes(pickle.dumps(value))
    return tmp_path


def test_study_from_a_clone(clone) -> None:
    runs = bs.data.import_xlstm_study(clone)
    frame = runs.frame.set_index("run_id")
    assert len(frame) == 6 and runs.architectures == ("llama", "xlstm")
    assert frame.loc["id_dclm_llama_ctx2048_512", "in_paper_fits_twice"]
    assert frame["in_paper_fits_twice"].sum() == 1
    long = frame.loc["first-second"]  # a restart: one run, its last loss
    assert long["loss"] == 2.9 and long["context_length"] == 8192
    assert long["tokens"] == 512 * 9000 * 8192
    assert frame.loc["id_dclm_llama_ctx2048_640", "learning_rate"] == 0.003


def test_study_counts_flops_by_accounting(clone) -> None:
    from bayes_scaling.accounting import get_architecture, shape_from_columns

    frame = bs.data.import_xlstm_study(clone).frame
    part = frame[frame["architecture"] == "xlstm"]
    flops = get_architecture("xlstm").training_flops(
        shape_from_columns(part), part["tokens"].to_numpy(), part["context_length"].to_numpy()
    )
    np.testing.assert_allclose(part["flops"], flops)


def test_study_keeps_duplicates_on_request(clone) -> None:
    frame = bs.data.import_xlstm_study(clone, duplicates="keep").frame
    assert len(frame) == 7 and frame["in_paper_fits_twice"].sum() == 2
    with pytest.raises(RunsError, match="drop, keep"):
        bs.data.import_xlstm_study(clone, duplicates="mark")


def test_failed_runs_are_left_out(clone) -> None:
    failed = llama("dclm_llama_ctx2048_failed", width=896, logs={})
    path = clone / "data" / "isoflop_llama_ctx16384_wandb_data.pkl"
    path.write_bytes(pickle.dumps({"a": [failed]}))
    assert len(bs.data.import_xlstm_study(clone)) == 6


def test_params_that_do_not_fit_the_shape(clone) -> None:
    odd = llama("dclm_llama_ctx2048_odd", width=896)
    odd.summary["model/"]["num_params"] += 1
    path = clone / "data" / "isoflop_llama_ctx16384_wandb_data.pkl"
    path.write_bytes(pickle.dumps({"a": [odd]}))
    with pytest.raises(RunsError, match="id_dclm_llama_ctx2048_odd"):
        bs.data.import_xlstm_study(clone)


def test_a_folder_that_is_no_clone(tmp_path, clone) -> None:
    with pytest.raises(RunsError, match=r"isoflop_llama_ctx2048_wandb_data\.pkl"):
        bs.data.import_xlstm_study(tmp_path / "nowhere")
    (clone / "data" / "tokenparam_llama_wandb_data.pkl").write_bytes(pickle.dumps(eval))
    with pytest.raises(RunsError, match="refused"):
        bs.data.import_xlstm_study(clone)
    (clone / "data" / "tokenparam_llama_wandb_data.pkl").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(RunsError, match="no runs by tag"):
        bs.data.import_xlstm_study(clone)


@pytest.fixture
def export(tmp_path):
    path = tmp_path / "wandb.csv"
    path.write_text(
        "Name,State,model.arch,ctx,n_params,n_tokens,val/loss\n"
        "run-a,finished,transformer,2048,1e8,2e9,3.2\n"
        "run-b,finished,transformer,2048,2e8,4e9,3.0\n"
        "run-c,crashed,transformer,2048,4e8,1e9,4.0\n"
    )
    return path


COLUMNS = {"architecture": "model.arch", "context_length": "ctx", "loss": "val/loss"}


def test_wandb_runs_table(export) -> None:
    frame = bs.data.import_wandb(export, COLUMNS).frame
    assert list(frame["run_id"]) == ["run-a", "run-b"] and list(frame["loss"]) == [3.2, 3.0]


@pytest.mark.parametrize(("choose", "losses"), [("last", [3.15, 2.95]), ("best", [3.1, 2.9])])
def test_wandb_chart(export, tmp_path, choose: str, losses) -> None:
    chart = tmp_path / "chart.csv"
    chart.write_text(
        "Step,run-a - val_loss,run-a - val_loss__MIN,run-b - val_loss\n"
        "1,3.4,3.4,3.3\n2,3.1,3.1,2.9\n3,3.15,3.1,\n4,,,2.95\n"
    )
    frame = bs.data.import_wandb(export, COLUMNS, history=chart, choose=choose).frame
    assert list(frame["loss"]) == losses


def test_wandb_faults(export, tmp_path) -> None:
    chart = tmp_path / "chart.csv"
    chart.write_text("Step,run-a - val_loss\n1,3.4\n")
    with pytest.raises(RunsError, match="'run-b'"):
        bs.data.import_wandb(export, COLUMNS, history=chart)
    with pytest.raises(RunsError, match="last, best"):
        bs.data.import_wandb(export, COLUMNS, history=chart, choose="first")
    export.write_text(export.read_text().replace("finished", "running"))
    with pytest.raises(RunsError, match="no run is finished"):
        bs.data.import_wandb(export, COLUMNS)
    export.write_text("a,b\n1,2\n")
    with pytest.raises(RunsError, match="not a runs table"):
        bs.data.import_wandb(export)


@pytest.fixture
def logs(tmp_path):
    (tmp_path / "runs.csv").write_text(
        "run_id,architecture,context_length,params\na,xlstm,2048,1e8\nb,xlstm,2048,2e8\n"
    )
    (tmp_path / "a.csv").write_text("tokens,val_loss\n1e9,3.5\n2e9,3.2\n3e9,3.3\n4e9,\n")
    (tmp_path / "b.csv").write_text("tokens,val_loss\n1e9,3.4\n2e9,3.1\n3e9,3.0\n")
    return tmp_path


@pytest.mark.parametrize(
    ("choose", "tokens", "losses"), [("last", [3e9, 3e9], [3.3, 3.0]), ("best", [2e9, 3e9], [3.2, 3.0])]
)
def test_training_logs(logs, choose: str, tokens, losses) -> None:
    frame = bs.data.import_training_logs(logs, choose=choose).frame
    assert list(frame["tokens"]) == tokens and list(frame["loss"]) == losses
    assert list(frame["params"]) == [1e8, 2e8]


def test_training_log_faults(logs) -> None:
    (logs / "c.csv").write_text("tokens,val_loss\n1e9,3.5\n")
    with pytest.raises(RunsError, match="no run_id 'c'"):
        bs.data.import_training_logs(logs)
    (logs / "c.csv").write_text("tokens,val_loss\n1e9,\n")
    with pytest.raises(RunsError, match=r"c\.csv: no point has a loss"):
        bs.data.import_training_logs(logs)
    (logs / "c.csv").write_text("tokens,speed\n1e9,3\n")
    with pytest.raises(RunsError, match=r"c\.csv"):
        bs.data.import_training_logs(logs)
    with pytest.raises(RunsError, match="no folder of logs"):
        bs.data.import_training_logs(logs / "none")
