"""Simulated runs: the shipped file regenerates, the noise is what the truth says."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.data.catalog import FOLDER
from bayes_scaling.data.simulation import shipped_files, shipped_truth, simulate, write_shipped_files
from bayes_scaling.data.truth import Truth
from bayes_scaling.errors import BayesScalingError, RunsError
from bayes_scaling.laws.law import get_law


@pytest.fixture(scope="module")
def simulation():
    return simulate(seed=3)


def test_shipped_files_regenerate_bit_for_bit(tmp_path):
    write_shipped_files(tmp_path)
    for name in shipped_files():
        assert (FOLDER / name).read_bytes() == (tmp_path / name).read_bytes()
    table = bs.data.datasets().set_index("name")
    digest = hashlib.sha256((tmp_path / "simulated_runs.csv").read_bytes()).hexdigest()
    assert table.loc["simulated", "sha256"] == digest


def test_another_seed_gives_other_runs(simulation):
    assert simulate(seed=3).runs.data_hash == simulation.runs.data_hash
    assert simulate(seed=4).runs.data_hash != simulation.runs.data_hash
    assert simulation.to_csv() not in shipped_files().values()


def test_datasheet_names_every_column():
    text = (FOLDER / "simulated_runs.md").read_text(encoding="utf-8")
    runs = bs.load_runs("simulated")
    assert all(f"| `{name}` |" in text for name in runs.frame)
    assert f"{len(runs)} training runs" in text


def test_shape_of_the_study(simulation):
    runs = simulation.runs
    assert (runs.architectures, runs.context_lengths) == (("transformer", "xlstm"), (2048, 8192, 16384))
    assert runs.groups["n"].tolist() == [50] * 6
    assert runs.notes[0].code == "flops assumed" if "flops" not in runs.mapping else runs.notes == ()
    isoflop = runs.frame.query("design == 'isoflop'")
    assert np.allclose(isoflop["flops"], isoflop["budget"], rtol=1e-6)
    span = isoflop.groupby(["architecture", "context_length", "budget"])["params"].agg(
        lambda n: n.max() / n.min()
    )
    assert span.between(7, 9).all()
    ratio = runs.frame.query("design == 'token_param'")
    assert set(np.round(ratio["tokens"] / ratio["params"])) == {22, 44, 110, 220, 550, 1100}
    assert (runs.frame[["params", "tokens"]] % 1 == 0).all(axis=None)


def test_optimum_lies_inside_every_grid(simulation):
    law = get_law(simulation.truth.law)
    isoflop = simulation.runs.frame.query("design == 'isoflop'")
    theta = simulation.truth.by_run(isoflop)
    best = law.optimum(
        np, isoflop["budget"].to_numpy(), {name: theta[name].to_numpy() for name in law.names}
    )[0]
    relative = isoflop["params"].to_numpy() / best
    assert relative.min() < 0.5
    assert relative.max() > 2


def test_context_effects(simulation):
    cell = pd.DataFrame(
        {"architecture": a, "context_length": c, "params": 4e8, "tokens": 1e10}
        for a in ("transformer", "xlstm")
        for c in (2048, 8192, 16384)
    )
    transformer, xlstm = simulation.truth.expected_loss(cell).reshape(2, 3)
    assert (np.diff(transformer) > 0).all()
    assert (np.diff(xlstm) < 0).all()
    assert (xlstm < transformer).all()


@pytest.mark.parametrize("law", ["gamma", "chinchilla"])
def test_noise_has_the_scale_of_the_truth(law):
    simulation = simulate(seed=5, law=law, noise=0.01)
    frame = simulation.runs.frame
    z = np.log(frame["loss"] / simulation.truth.expected_loss(frame)) / 0.01
    n, nu = len(frame), simulation.truth.nu
    variance = nu / (nu - 2)
    kurtosis = 3 + 6 / (nu - 4)
    assert abs(z.mean()) < 5 * np.sqrt(variance / n)
    assert abs(z.var() - variance) < 5 * variance * np.sqrt((kurtosis - 1) / n)
    assert abs(np.corrcoef(z[:-1], z[1:])[0, 1]) < 5 / np.sqrt(n)


def test_without_noise_the_losses_are_the_law():
    simulation = simulate(noise=0)
    expected = simulation.truth.expected_loss(simulation.runs.frame)
    assert np.abs(simulation.runs.frame["loss"] - expected).max() <= 5.1e-7


def test_chinchilla_fixes_gamma():
    assert (simulate(law="chinchilla").truth.coefficients["gamma"] == 1).all()


def test_other_architectures_are_drawn():
    simulation = simulate(seed=1, architectures=("mamba", "rwkv", "transformer"), context_lengths=(4096,))
    table = simulation.truth.coefficients
    assert table["alpha"].nunique() == 3
    assert simulation.runs.architectures == ("mamba", "rwkv", "transformer")


def test_truth_round_trip(simulation):
    again = Truth.from_json(simulation.truth.to_json())
    pd.testing.assert_frame_equal(again.coefficients, simulation.truth.coefficients)
    assert (again.law, again.nu) == (simulation.truth.law, simulation.truth.nu)
    repeated = simulate(seed=3, truth=again)
    assert repeated.runs.data_hash == simulation.runs.data_hash


def test_shipped_truth_fits_the_shipped_runs():
    frame = bs.load_runs("simulated").frame
    residual = np.log(frame["loss"] / shipped_truth().expected_loss(frame))
    assert 0.003 < residual.std() < 0.006
    wrong = frame.assign(
        architecture=frame["architecture"].map({"xlstm": "transformer", "transformer": "xlstm"})
    )
    assert np.log(frame["loss"] / shipped_truth().expected_loss(wrong)).std() > 0.02


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "3", '{"law": "no", "nu": 1, "groups": []}', '{"law": "gamma"}']
)
def test_text_that_is_no_truth(text):
    with pytest.raises(RunsError, match="no truth"):
        Truth.from_json(text)


def test_group_unknown_to_the_truth(simulation):
    frame = simulation.runs.frame.assign(context_length=4096)
    with pytest.raises(RunsError, match="no group transformer at 4096"):
        simulation.truth.expected_loss(frame)


@pytest.mark.parametrize(
    "arguments",
    [
        {"architectures": ()},
        {"architectures": "transformer"},
        {"context_lengths": ()},
        {"context_lengths": (0,)},
        {"budgets": ()},
        {"budgets": (-1e19,)},
        {"budgets": (float("nan"),)},
        {"token_param_ratios": (-22,)},
        {"noise": -0.1},
        {"noise": float("nan")},
        {"law": "nope"},
        {"architectures": ("a", "a")},
        {"seed": -1},
    ],
)
def test_bad_arguments(arguments):
    with pytest.raises(BayesScalingError):
        simulate(**arguments)
