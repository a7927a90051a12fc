"""The next runs: exact where the draws are jointly normal, checked by reweighting, chosen in order."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from bayes_scaling.decisions.decide import decide
from bayes_scaling.decisions.next_runs.belief import effective_noise, make_belief, surprises
from bayes_scaling.decisions.next_runs.next_runs import design_runs
from bayes_scaling.decisions.next_runs.reweighting import fantasise, log_densities, reweight
from bayes_scaling.errors import BudgetError, DecisionError, RunsError
from tests.helpers.fits import small_fit
from tests.helpers.serving import FakeServing
from tests.helpers.synthetic import synthetic_fit

FIT = synthetic_fit(draws=200, sigma=0.004)
ASKED = (1e22, 8192)
DRAWS, NOISE = 40_000, 0.3


class Linear:
    """Two actions, a target and four runs, all linear in three normal unknowns."""

    weights = np.array([[1.0, 0.2, 0.0], [-0.4, 1.0, 0.0], [0.3, 0.3, 0.5]])  # actions, then the target
    design = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0]])

    def __init__(self, draws: int = DRAWS) -> None:
        unknown = np.random.default_rng(3).standard_normal((draws, 3))
        made = unknown @ self.weights.T + np.array([0.1, 0.0, 0.0])
        self.losses, self.target, self.outcomes = made[:, :2], made[:, 2], unknown @ self.design.T

    def belief(self, fantasies: int = 4):
        return make_belief(self.losses, self.target, self.outcomes, np.full(4, NOISE**2), fantasies)

    def covariance(self, runs: list[int]) -> np.ndarray:
        """Exact, of the unknowns after runs."""
        rows = self.design[runs]
        return np.linalg.inv(np.eye(3) + rows.T @ rows / NOISE**2)


LINEAR = Linear()


def test_variances_are_the_exact_posteriors() -> None:
    belief = LINEAR.belief()
    weights = LINEAR.weights[2]
    for picked in ([], [0], [0, 3]):
        if picked:
            belief = belief.after(picked[-1], np.zeros(4))
        now = weights @ LINEAR.covariance(picked) @ weights
        assert belief.variance == pytest.approx(now, rel=0.05)
        gains = [now - weights @ LINEAR.covariance([*picked, run]) @ weights for run in range(4)]
        np.testing.assert_allclose(belief.variance_gains(), gains, atol=0.02)


def test_loss_gains_are_those_of_simulated_outcomes() -> None:
    rng = np.random.default_rng(0)
    mean = np.array([0.1, 0.0])
    for run, gain in enumerate(LINEAR.belief().loss_gains()):
        spread = np.sqrt(LINEAR.design[run] @ LINEAR.design[run] + NOISE**2)
        moves = LINEAR.weights[:2] @ LINEAR.design[run] / spread
        after = mean + rng.standard_normal((200_000, 1)) * moves
        assert gain == pytest.approx(mean.min() - after.min(-1).mean(), abs=0.01)
    assert LINEAR.belief().loss_gains()[2] < 0.01  # a run that no action hangs on


def test_the_same_run_again_teaches_less() -> None:
    belief = LINEAR.belief(16)
    again = belief.after(0, surprises(16, np.random.default_rng(0)))
    assert again.variance_gains()[0] < 0.2 * belief.variance_gains()[0]
    assert again.loss_gains()[0] < 0.5 * belief.loss_gains()[0]
    np.testing.assert_allclose(again.means.mean(0), belief.means[0], atol=0.02)


def test_chance_counts_as_nothing() -> None:
    """With few draws an unrelated run correlates by chance; without the correction it would gain."""
    rng = np.random.default_rng(1)
    losses, target, outcomes = (
        rng.standard_normal((300, 2)),
        rng.standard_normal(300),
        rng.standard_normal((300, 500)),
    )
    gains = make_belief(losses, target, outcomes, np.full(500, 0.01), 1).variance_gains()
    plain = np.array([np.cov(target, y)[0, 1] ** 2 / (y.var() + 0.01) for y in outcomes.T])
    assert (gains == 0).mean() > 0.9 and (plain > 1e-5).mean() > 0.8


def test_reweighting_gives_the_exact_posterior_where_it_is_reliable() -> None:
    draws, nu = Linear(8000), np.full(8000, 1e6)
    rng, sigma = np.random.default_rng(5), np.full((8000, 1), NOISE)
    observed, own = fantasise(draws.outcomes[:, :1], sigma, nu, 50, rng)
    density = log_densities(draws.outcomes[:, :1], observed, sigma, nu)[..., 0]
    found = reweight(density, own)
    assert found.reliable.mean() > 0.9
    exact = LINEAR.weights[2] @ LINEAR.covariance([0]) @ LINEAR.weights[2]
    assert found.variance(draws.target) == pytest.approx(exact, rel=0.03)
    assert (found.weights[np.arange(50), own] == 0).all()
    assert found.loss_gain(draws.losses) == pytest.approx(LINEAR.belief().loss_gains()[0], abs=0.05)
    far = np.tile([9.0, 9.0, 9.0, 1.0], (4, 1))
    sharp = reweight(log_densities(draws.outcomes, far, np.full((8000, 4), 0.01), nu).sum(-1))
    assert not sharp.reliable.any() and np.isnan(sharp.variance(draws.target))


def test_log_densities_are_student_ts() -> None:
    rng = np.random.default_rng(2)
    outcomes, observed, nu = rng.standard_normal((5, 2)), rng.standard_normal((3, 2)), rng.uniform(2, 9, 5)
    sigma = rng.uniform(0.5, 2, (5, 2))
    wanted = student.logpdf(observed[:, None], nu[:, None], outcomes, sigma)
    np.testing.assert_allclose(log_densities(outcomes, observed, sigma, nu), wanted, rtol=1e-12)


def test_noise_of_heavy_tails_tells_less_than_its_scale() -> None:
    sigma = np.full((10, 2), 0.1)
    assert effective_noise(sigma, np.full(10, 1e9)) == pytest.approx(0.01)
    assert effective_noise(sigma, np.full(10, 3.0)) == pytest.approx(0.01 * 1.5)


@pytest.mark.parametrize("goal", ["regret", "loss", "params", "difference"])
def test_every_run_leaves_less(goal: str) -> None:
    found = design_runs(FIT, *ASKED, goal=goal, runs=3, by="value")
    left = found.table(full=True)["left"].to_numpy()
    assert found.now > left[0] > left[1] >= left[2] >= 0
    assert found.runs["value"].iloc[0] == pytest.approx(found.candidates["value"].max())
    assert (np.diff(found.runs["nats"]) >= 0).all() and found.runs["nats"].iloc[-1] <= found.perfect
    assert (found.runs["compute_saved"] >= 0).all()
    if goal in ("loss", "params"):
        assert (found.runs["architecture"] == found.runs["architecture"].iloc[0]).all()  # no pooling here


def test_reweighting_agrees_with_the_covariances() -> None:
    row = design_runs(FIT, *ASKED, goal="loss", runs=1, largest=2e20).table(full=True).iloc[0]
    assert not row["refit"] and row["pareto_k"] < 0.7
    assert row["reweighted"] == pytest.approx(row["left"], rel=0.35)


def test_runs_that_reweighting_cannot_tell_ask_for_a_refit() -> None:
    found = design_runs(FIT, *ASKED, runs=6, by="value", largest=1e22).table(full=True)
    assert found["refit"].iloc[-1] and np.isnan(found["reweighted"].iloc[-1])


def test_price_and_total() -> None:
    dear = design_runs(FIT, *ASKED, goal="loss", runs=2, by="value").table(full=True)
    cheap = design_runs(FIT, *ASKED, goal="loss", runs=2).table(full=True)
    assert cheap["value_per_price"].iloc[0] >= dear["value_per_price"].iloc[0]
    assert cheap["price"].sum() < dear["price"].sum()
    limited = design_runs(FIT, *ASKED, runs=9, by="value", total=1e20).table(full=True)
    assert limited["price"].sum() <= 1e20 and len(limited) >= 1


def test_candidates_of_the_user() -> None:
    listed = pd.DataFrame(
        {
            "architecture": "xlstm",
            "context_length": 8192,
            "params": [1e8, 4e9],
            "tokens": [2e9, 1e11],
            "price": [1.0, 500.0],
        }
    )
    found = design_runs(FIT, *ASKED, candidates=listed, runs=2, by="value")
    assert found.runs["price"].tolist() == [
        500.0
    ]  # after it the other takes away less than 1% of what is left
    alone = design_runs(FIT, *ASKED, candidates=listed.head(1), runs=2, by="value")
    assert alone.runs["price"].tolist() == [1.0]
    priced = design_runs(FIT, *ASKED, candidates=listed.drop(columns="price")).candidates
    np.testing.assert_allclose(priced["price"], 6 * listed["params"] * listed["tokens"])


def test_limits_are_of_the_decision() -> None:
    free = design_runs(FIT, *ASKED, runs=1)
    limited = design_runs(FIT, *ASKED, runs=1, limits={"params_at_most": 1e9})
    assert limited.perfect != pytest.approx(free.perfect, rel=1e-3)
    known = decide(FIT, *ASKED, limits={"params_at_most": 1e9}).table(full=True).query("chosen")
    assert limited.perfect == pytest.approx(float(known["overall_regret_mean"].iloc[0]), abs=1e-5)
    only = {"step_time_ms": 8.0, "params_at_least": 1.2e9}
    serving = FakeServing()
    alone = design_runs(FIT, *ASKED, runs=1, limits=only, latency=serving)
    asked = design_runs(FIT, *ASKED, architecture="xlstm", runs=1, limits=only, latency=serving)
    assert alone.perfect == pytest.approx(asked.perfect, rel=1e-9)  # no other architecture is quick enough
    both = design_runs(FIT, *ASKED, runs=1, limits={"params_at_least": 1.2e9})
    assert both.perfect != pytest.approx(asked.perfect, rel=1e-3)
    with pytest.raises(DecisionError, match="nothing keeps to all limits"):
        design_runs(FIT, *ASKED, limits=only | {"step_time_ms": 0.1}, latency=FakeServing())


def test_a_drifting_fit_and_an_unseen_context() -> None:
    found = design_runs(small_fit(), 1e21, 4096, runs=2)
    assert set(found.candidates["context_length"]) == {2048, 4096, 8192}
    assert len(found.runs) == 2 and found.perfect > 0


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"goal": "glory"}, DecisionError, "unknown goal 'glory': choose one of regret"),
        ({"by": "luck"}, DecisionError, "unknown by 'luck'"),
        ({"runs": 0}, DecisionError, "runs 0: give a whole number"),
        ({"total": 1.0}, DecisionError, "no candidate costs 1 or less"),
        ({"total": -1.0}, DecisionError, "total -1.0"),
        ({"largest": 1e10}, DecisionError, "largest 1e.10 is below"),
        ({"goal": "difference", "architecture": "xlstm"}, DecisionError, "between two architectures, not 1"),
        ({"compute": [1e21, 1e22]}, BudgetError, "one budget and one context length"),
        ({"compute": 1e60}, BudgetError, "compute budget 1e.60"),
        ({"candidates": {"params": [1e9]}}, RunsError, "column .architecture. is missing"),
    ],
)
def test_bad_questions(asked, error, message: str) -> None:
    asked = {"compute": ASKED[0], "context_length": ASKED[1]} | asked
    with pytest.raises(error, match=message):
        design_runs(FIT, **asked)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"price": [0.0]}, "candidate 0 has price 0"),
        ({"price": ["much"]}, "price"),
        ({"architecture": ["rwkv"]}, "'rwkv'"),
    ],
)
def test_bad_candidates(change, message: str) -> None:
    table = pd.DataFrame(
        {"architecture": ["xlstm"], "context_length": 8192, "params": 1e9, "tokens": 2e10} | change
    )
    with pytest.raises((DecisionError, RunsError), match=message):
        design_runs(FIT, *ASKED, candidates=table)
