"""Sampling in rounds: turned coordinates, gates, restarts, and both engines on a density known exactly."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from bayes_scaling.models.draws import RawDraws, Sampling
from bayes_scaling.models.nuts_numpyro import NumpyroEngine, compile_nuts
from bayes_scaling.models.nuts_pymc import NutpieEngine, PymcEngine
from bayes_scaling.models.rounds import STRICTER, Silence, Verdict, sample_in_rounds
from bayes_scaling.models.whitening import Whitening, turned

SIZE, LAW = 5, 3


def first(scales: float = 1.0) -> Whitening:
    return Whitening(np.zeros(LAW), np.eye(LAW), scales * np.ones(SIZE - LAW))


def test_turning_whitens_a_pilot(rng) -> None:
    mixing = np.array([[2.0, 0.0, 0.0], [1.0, 0.5, 0.0], [0.0, 0.5, 1.0]])
    law = rng.standard_normal((4000, LAW)) @ mixing.T + [1.0, -2.0, 3.0]
    pilot = np.concatenate([law, 7.0 * rng.standard_normal((4000, 2))], axis=1)
    found = turned(first(), pilot)
    again = first().rewhitened(pilot, found)
    np.testing.assert_allclose(np.cov(again[:, :LAW].T), np.eye(LAW), atol=0.1)
    np.testing.assert_allclose(again[:, :LAW].mean(0), 0.0, atol=0.1)
    np.testing.assert_allclose(again[:, LAW:].std(0), 1.0, rtol=1e-6)


def test_rewhitened_points_stand_for_the_same_position(rng) -> None:
    one = Whitening(rng.standard_normal(LAW), rng.standard_normal((LAW, LAW)), np.array([2.0, 3.0]))
    two = turned(one, rng.standard_normal((50, SIZE)))
    points = rng.standard_normal((4, SIZE))
    moved = one.rewhitened(points, two)
    np.testing.assert_allclose(two.vector(moved[:, :LAW]), one.vector(points[:, :LAW]))
    np.testing.assert_allclose(two.scales * moved[:, LAW:], one.scales * points[:, LAW:])


def test_a_pilot_of_few_draws_is_shrunk_but_keeps_a_whole_factor(rng) -> None:
    found = turned(first(), rng.standard_normal((2, SIZE)))
    assert np.linalg.cond(found.factor) < 1e4


@dataclass
class Scripted:
    """An engine whose chains diverge in the first so many tries."""

    diverging_tries: int = 0
    targets: list[float] = field(default_factory=list)
    closed: int = 0
    reached: list[int] = field(default_factory=list)

    def pilot(self, whitening, points, transitions, target, seed, tell) -> np.ndarray:
        return np.random.default_rng(seed).standard_normal((len(points), transitions, SIZE))

    def chains(self, whitening, points, tune, cap, target, seed):
        self.targets.append(target)
        self.count, self.seed = len(points), seed
        return self

    def reach(self, draws, tell) -> RawDraws:
        self.reached.append(draws)
        flags = np.zeros((self.count, draws), dtype=bool)
        flags[0, 0] = len(self.targets) <= self.diverging_tries
        whitened = np.random.default_rng(self.seed).standard_normal((self.count, draws, SIZE))
        return RawDraws(whitened, {"diverging": flags})

    def close(self) -> None:
        self.closed += 1


def sampled(engine, passes_at: int, **settings):
    def gate(raw, whitening) -> Verdict:
        return Verdict(raw.whitened.shape[1] >= passes_at, "")

    sampling = Sampling(**({"draws": 100, "tune": 60} | settings))
    return sample_in_rounds(engine, first(), SIZE, sampling, 0.9, gate, Silence())


def test_rounds_end_where_the_gate_passes() -> None:
    engine = Scripted()
    found = sampled(engine, passes_at=180)
    assert engine.reached == [100, 150, 200] and engine.closed == 1
    assert found.account["passed"] and found.account["rounds"] == 3 and found.account["made"] == 200


def test_of_long_chains_one_draw_in_so_many_is_kept() -> None:
    """Where the gate holds of them: one that wants 200 refuses half of 250, and all are kept."""
    for wanted, kept in ((125, 125), (200, 250)):
        judged: list[int] = []

        def gate(raw, whitening, judged=judged, wanted=wanted) -> Verdict:
            judged.append(raw.whitened.shape[1])
            return Verdict(len(judged) > 3 and judged[-1] >= wanted, "")

        sampling = Sampling(draws=100, tune=60)
        found = sample_in_rounds(Scripted(), first(), SIZE, sampling, 0.9, gate, Silence())
        assert found.account["made"] == 250 and found.account["draws"] == kept == judged[-1]
        assert found.raw.whitened.shape[1] == found.raw.stats["diverging"].shape[1] == kept


def test_the_cap_ends_rounds_and_the_account_says_that_they_failed() -> None:
    found = sampled(Scripted(), passes_at=10_000, max_draws=230)
    assert found.raw.whitened.shape[1] == found.account["draws"] == 230
    assert not found.account["passed"]


def test_one_chain_has_one_round() -> None:
    assert sampled(Scripted(), passes_at=10_000, chains=1).account["draws"] == 100


def test_a_divergence_makes_a_pilot_of_all_draws_and_counting_starts_anew() -> None:
    engine = Scripted(diverging_tries=2)
    found = sampled(engine, passes_at=100)
    assert engine.targets == [0.9, *STRICTER[:2]] and engine.closed == 3
    assert found.account["restarts"] == 2 and found.account["diverged"] == 2
    assert not found.raw.divergences


def test_divergences_at_the_last_target_stay_and_fail() -> None:
    engine = Scripted(diverging_tries=9)
    found = sampled(engine, passes_at=1000)
    assert engine.targets == [0.9, *STRICTER]
    assert found.raw.divergences == 1 and not found.account["passed"]


MEAN = np.array([1.0, -1.0, 0.5, 0.0, 2.0])
FACTOR = np.tril(np.ones((SIZE, SIZE))) * np.array([2.0, 0.3, 1.0, 0.1, 0.5])


def known(xp, point, frame):
    """Minus the log density of a normal of a position, point by point of the whitened space."""
    law = frame.vector(point[:LAW])
    position = xp.concatenate([law, frame.scales * point[LAW:]])
    z = (np.linalg.inv(FACTOR) * (position - MEAN)).sum(-1)
    return 0.5 * (z**2).sum()


def numpyro_engine() -> NumpyroEngine:
    import jax.numpy as jnp

    frame = first()
    given = (frame.center, frame.factor, frame.scales), ()
    nuts = compile_nuts(lambda point, given: known(jnp, point, Whitening(*given[0])), SIZE, given)
    return NumpyroEngine(nuts, ())


def pymc_model():
    import pymc as pm
    import pytensor.tensor as pt

    with pm.Model() as model:
        frame = Whitening(
            pm.Data("center", np.zeros(LAW)),
            pm.Data("factor", np.eye(LAW)),
            pm.Data("scales", np.ones(SIZE - LAW)),
        )
        point = pm.Flat("whitened", shape=SIZE, initval=np.zeros(SIZE))
        pm.Potential("density", -known(pt, point, frame))
    return model


def nutpie_engine() -> NutpieEngine:
    import nutpie

    names = ("center", "factor", "scales")
    return NutpieEngine(nutpie.compile_pymc_model(pymc_model(), freeze_model=False), names, {})


def own_engine() -> PymcEngine:
    return PymcEngine(pymc_model(), ("center", "factor", "scales"))


@pytest.mark.parametrize("make", [numpyro_engine, nutpie_engine, own_engine])
def test_an_engine_samples_a_known_normal_and_a_seed_repeats_it(make) -> None:
    engine = make()

    def gate(raw, whitening) -> Verdict:
        return Verdict(raw.whitened.shape[1] >= 750, "")

    sampling = Sampling(draws=500, tune=150, chains=2, seed=3)
    found, again = (sample_in_rounds(engine, first(), SIZE, sampling, 0.9, gate, Silence()) for _ in range(2))
    np.testing.assert_array_equal(found.raw.whitened, again.raw.whitened)
    assert found.raw.whitened.shape == (2, 750, SIZE) and found.account["rounds"] == 2
    for name in ("diverging", "energy", "n_steps", "tree_depth", "acceptance_rate", "step_size"):
        assert found.raw.stats[name].shape == (2, 750)
    law = found.whitening.vector(found.raw.whitened[..., :LAW])
    position = np.concatenate([law, found.whitening.scales * found.raw.whitened[..., LAW:]], axis=-1)
    z = np.linalg.solve(FACTOR, (position - MEAN)[..., None])[..., 0].reshape(-1, SIZE)
    # Draws of NUTS on a normal are nearly independent: an effective size of a third is a low guess.
    ess = len(z) / 3
    assert np.abs(z.mean(0)).max() < 5 / np.sqrt(ess)
    assert np.abs((z**2).mean(0) - 1).max() < 5 * np.sqrt(2 / ess)


def test_what_is_compiled_for_a_design_serves_designs_that_are_alike() -> None:
    from dataclasses import replace

    from bayes_scaling.models.design import Alike, build_design
    from bayes_scaling.models.spec import ModelSpec
    from tests.helpers.small_runs import UNEVEN, small_runs

    one = build_design(small_runs(UNEVEN), ModelSpec())
    losses = replace(one, log_loss=one.log_loss + 0.1)
    other = build_design(small_runs(UNEVEN, per_group=23), ModelSpec())
    law = build_design(small_runs(UNEVEN), ModelSpec(law="chinchilla"))
    assert Alike(one) == Alike(losses) and hash(Alike(one)) == hash(Alike(losses))
    assert Alike(one) != Alike(other) and Alike(one) != Alike(law)


def test_draws_do_not_depend_on_how_many_transitions_a_call_makes(monkeypatch) -> None:
    """A busy machine makes shorter calls."""
    engine = numpyro_engine()

    def draws(seconds: float) -> np.ndarray:
        monkeypatch.setattr("bayes_scaling.models.nuts_numpyro.SECONDS", seconds)
        chains = engine.chains(first(), np.zeros((2, SIZE)), tune=40, cap=200, target=0.8, seed=3)
        return chains.reach(200, lambda _: None).whitened

    np.testing.assert_array_equal(draws(1e-9), draws(1e9))
