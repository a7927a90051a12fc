"""The Huber fit: published objectives, known laws, and its bootstrap."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.classical import huber_fit
from bayes_scaling.classical.solver import Problem, huber, residuals, solve_many
from bayes_scaling.errors import RunsError, SpecError
from bayes_scaling.laws.law import GAMMA_LAW, get_law
from tests.classical.test_isoflop import grid

THETA = {"E": 1.7, "A": 60.0, "B": 180.0, "alpha": 0.3, "beta": 0.33, "gamma": 0.8}
pytestmark = pytest.mark.filterwarnings("ignore::bayes_scaling.errors.RunsWarning")


def gamma_runs() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    params, tokens = np.exp(rng.uniform(17, 23, 80)), np.exp(rng.uniform(20, 26, 80))
    frame = pd.DataFrame({"params": params, "tokens": tokens, "flops": 6 * params * tokens})
    frame["loss"] = GAMMA_LAW.loss(np, params, tokens, THETA)
    return frame.assign(architecture="transformer", context_length=2048)


def values(fit) -> dict[str, float]:
    return fit.table().set_index("coefficient")["estimate"].to_dict()


@pytest.fixture(scope="module")
def epoch(reference_data) -> pd.DataFrame:
    frame = pd.read_csv(reference_data("epoch_chinchilla.csv"))
    return frame[~frame["excluded_by_epoch"].astype(bool)]


def test_epochs_optimum(epoch) -> None:
    """Besiroglu et al. 2024 on 240 digitised runs."""
    found = huber_fit(epoch, resamples=0)
    assert found.objective["transformer", 2048] == pytest.approx(1.01827e-3, rel=2e-5)
    for name, value, digits in (
        ("A", 477.8, 0.1),
        ("B", 2143, 2),
        ("E", 1.8172, 1e-4),
        ("alpha", 0.3473, 1e-4),
        ("beta", 0.3672, 1e-4),
        ("params_exponent", 0.514, 5e-4),
    ):
        assert values(found)[name] == pytest.approx(value, abs=digits)


def test_the_frontier_is_the_laws_optimum(epoch) -> None:
    found = huber_fit(epoch, resamples=20)
    row, at = found.frontier(5.76e23).iloc[0], values(found)
    params, tokens = get_law("chinchilla").optimum(np, 5.76e23, at)
    assert row["params_estimate"] == pytest.approx(params, rel=1e-7)
    assert row["tokens_estimate"] == pytest.approx(tokens, rel=1e-7)
    assert row["params_exponent_estimate"] == pytest.approx(at["params_exponent"], rel=1e-9)
    assert row["params_q05"] < row["params_median"] < row["params_q95"]


@pytest.mark.slow
def test_epochs_bootstrap_errors(epoch) -> None:
    table = huber_fit(epoch, resamples=4000, seed=3).table().set_index("coefficient")
    for name, se in (("E", 0.0257), ("alpha", 0.0154), ("beta", 0.0206), ("params_exponent", 0.020)):
        assert table.loc[name, "se"] == pytest.approx(se, rel=0.06)  # heavy tails: sd of an sd is 3%
    fit = huber_fit(epoch, resamples=4000, seed=3).frontier(5.76e23).iloc[0]
    assert fit["params_estimate"] == pytest.approx(73e9, rel=0.01)
    assert fit["params_q025"] == pytest.approx(52e9, rel=0.05)
    assert fit["params_q975"] == pytest.approx(112e9, rel=0.05)


@pytest.mark.parametrize(
    ("law", "objective", "published"),
    [
        ("chinchilla", 0.000504, (10.2805, 16.7540, 0.9101, 0.5896, 0.7972, 1.0)),
        ("gamma", 0.000408, (11.2419, 20.0885, 0.8362, 0.6302, 0.9423, 0.6477)),
    ],
)
def test_the_studys_parametric_fits(reference_data, law: str, objective: float, published) -> None:
    frame = pd.read_csv(reference_data("xlstm_runs.csv"))
    chosen = (frame["architecture"] == "llama") & (frame["context_length"] == 8192)
    found = huber_fit(
        frame[chosen & (frame["experiment_set"] == "isoflop")], law=law, starts=500, resamples=0
    )
    assert found.runs["llama", 8192] == 107
    assert found.objective["llama", 8192] == pytest.approx(objective, abs=1e-6)
    theta = values(found)
    ours = (*np.log([theta["A"], theta["B"], theta["E"]]), *(theta[n] for n in ("alpha", "beta", "gamma")))
    np.testing.assert_allclose(ours, published, rtol=1e-3)


def test_a_known_law_is_found_to_many_digits() -> None:
    found = values(huber_fit(gamma_runs(), law="gamma", starts=200, resamples=0))
    for name, value in THETA.items():
        assert found[name] == pytest.approx(value, rel=1e-4)


def test_outliers_hardly_move_it() -> None:
    clean = grid(0.4, points=15, noise=1e-3)
    spoiled = clean.copy()
    spoiled.loc[[3, 20], "loss"] *= 1.3
    good, bad = (values(huber_fit(f, starts=100, resamples=0)) for f in (clean, spoiled))
    least_squares = values(huber_fit(spoiled, starts=100, resamples=0, delta=10.0))
    moved = abs(np.log(bad["E"] / good["E"]))
    assert moved < 0.1 * abs(np.log(least_squares["E"] / good["E"]))


def test_batched_gradient_steps_reach_what_a_scalar_search_reaches() -> None:
    from scipy import optimize

    frame = grid(0.4, points=15, noise=3e-3)
    logs = [np.log(frame[n].to_numpy()) for n in ("params", "tokens", "loss")]
    data = (logs[0] - logs[0].mean(), logs[1] - logs[1].mean(), logs[2])
    start = np.array([0.4, -1.0, -1.0, 0.3, 0.3])
    value = solve_many(start[None], Problem(*data, "chinchilla", 1e-3), np.ones(len(frame)), 200).values
    peer = optimize.minimize(
        lambda x: huber(np, residuals(np, x, data, "chinchilla"), 1e-3).sum() * 1e3, start, method="L-BFGS-B"
    )
    assert value[0] <= peer.fun / 1e3 * (1 + 1e-4)


def test_bootstrap_spread_grows_with_the_noise() -> None:
    quiet, loud = (
        huber_fit(grid(0.4, points=15, noise=s), starts=100, resamples=100).table().set_index("coefficient")
        for s in (1e-3, 4e-3)
    )
    assert loud.loc["params_exponent", "se"] > 2 * quiet.loc["params_exponent", "se"] > 0


def test_bad_input() -> None:
    with pytest.raises(RunsError, match="4 runs"):
        huber_fit(grid(0.2).iloc[:4])
    with pytest.raises(SpecError, match="unknown law"):
        huber_fit(grid(0.2), law="kepler")
    with pytest.raises(RunsError, match="delta"):
        huber_fit(grid(0.2), delta=0.0)
