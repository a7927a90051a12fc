"""Real fits: both back ends pass the gate, agree with each other and with the truth."""

from __future__ import annotations

import warnings
from functools import lru_cache

import arviz_stats as az
import numpy as np
import pytest

from bayes_scaling.errors import ConvergenceWarning, RunsError, RunsWarning, SpecError
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.fitting import fit
from tests.helpers.small_runs import FOUR, TRUTH, UNEVEN, small_runs
from tests.helpers.walk import walk

NAMES = ("E", "A", "B", "alpha", "beta", "gamma", "sigma", "nu")


@lru_cache
def fitted(backend: str, seed: int = 0) -> Fit:
    return fit(small_runs(FOUR, per_group=40), backend=backend, seed=seed, draws=600, progress=False)


@pytest.mark.parametrize("backend", ["numpyro", "pymc"])
def test_the_fit_passes_the_convergence_gate(backend: str) -> None:
    checks = fitted(backend).checks()
    for name in ("r_hat", "ess_bulk", "ess_tail", "divergences", "e_bfmi"):
        assert checks[name].status == "PASS", checks[name]


def test_the_back_ends_have_one_shape_and_agree_within_monte_carlo_error() -> None:
    one, two = (fitted(backend).idata for backend in ("numpyro", "pymc"))
    assert set(one.children) == set(two.children)
    for group in one.children:
        ours, theirs = one[group].to_dataset(), two[group].to_dataset()
        assert {n: v.dims for n, v in ours.variables.items()} == {
            n: v.dims for n, v in theirs.variables.items()
        }
    ours, theirs = (np.log(tree["posterior"].to_dataset()[list(NAMES)]) for tree in (one, two))
    for name in NAMES:
        sd = ours[name].std(("chain", "draw"))
        ess = np.minimum(az.ess(ours)[name], az.ess(theirs)[name])
        gap = abs(ours[name].mean(("chain", "draw")) - theirs[name].mean(("chain", "draw")))
        assert bool((gap < 5 * sd * np.sqrt(2 / ess)).all()), name


def test_the_truth_lies_inside() -> None:
    draws = fitted("numpyro").posterior
    cell = draws.sel(architecture="llama")
    inside = []
    for name in ("E", "alpha", "beta", "gamma"):
        low, high = (cell[name].quantile(q, ("chain", "draw")) for q in (0.005, 0.995))
        inside.append(((low < TRUTH[name]) & (high > TRUTH[name])).to_numpy())
    assert np.mean(inside) >= 0.75  # 8 of 8 expected at 99%; 2 misses would be a 1 in 400 event


def test_a_wrong_truth_lies_outside() -> None:
    """The negative control: xlstm's loss is 2% lower, and the posterior knows."""
    draws = fitted("numpyro").posterior
    from bayes_scaling.laws.law import GAMMA_LAW

    losses = GAMMA_LAW.loss(np, 4e8, 1e10, draws[list(GAMMA_LAW.names)])
    low, high = (losses.sel(architecture="xlstm").quantile(q, ("chain", "draw")) for q in (0.001, 0.999))
    truth = GAMMA_LAW.loss(np, 4e8, 1e10, TRUTH)
    assert bool((high < truth).all())
    assert bool(((low < 0.98 * truth) & (high > 0.98 * truth)).all())


def test_a_seed_reproduces_draws_and_another_does_not() -> None:
    runs = small_runs(UNEVEN)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        one, two, three = (fit(runs, seed=s, draws=20, tune=50, chains=2, progress=False) for s in (4, 4, 5))
    assert one.posterior.equals(two.posterior)
    assert not one.posterior.equals(three.posterior)


def test_cells_without_runs_are_filled_and_marked() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        result = fit(small_runs(UNEVEN), draws=100, tune=100, chains=2, progress=False)
    observed = result.idata["constant_data"]["observed_group"]
    assert not bool(observed.sel(architecture="xlstm", context_length=8192))
    draws = result.posterior["E"]
    cells = {key: draws.sel(architecture=key[0], context_length=key[1]) for key in FOUR}
    assert all(bool(np.isfinite(cell).all()) for cell in cells.values())


def test_too_few_draws_fail_the_gate_with_a_warning_that_says_so() -> None:
    with pytest.warns(ConvergenceWarning, match="ess_bulk"):
        fit(small_runs(UNEVEN), draws=20, tune=30, chains=2, progress=False)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"backend": "stan"}, "stan"),
        ({"sampler": "emcee"}, "emcee"),
        ({"law": "nope"}, "nope"),
        ({"draws": 0}, "draws"),
        ({"chains": 0}, "chains"),
        ({"tune": 1.5}, "tune"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_settings_are_refused_before_sampling(arguments: dict, named: str) -> None:
    with pytest.raises(SpecError, match=named):
        fit(small_runs(UNEVEN), progress=False, **arguments)


def test_one_run_cannot_be_fitted() -> None:
    with pytest.warns(RunsWarning, match="one run"), pytest.raises(RunsError, match="fit"):
        fit(small_runs(UNEVEN).frame.iloc[:1], progress=False)


def test_progress_changes_nothing_and_names_the_stages(capfd) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quiet, shown = (
            fit(small_runs(UNEVEN), draws=50, tune=50, chains=2, progress=shown) for shown in (False, True)
        )
    np.testing.assert_array_equal(shown.posterior["E"], quiet.posterior["E"])
    told = capfd.readouterr().err
    assert "pilot 1: 32 transitions" in told and "round 1: 100 transitions" in told and "R-hat" in told


def test_a_fit_climbs_back_from_the_sampler_for_the_gate_alone() -> None:
    runs = small_runs(UNEVEN)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        steps = walk(lambda: fit(runs, draws=20, tune=30, chains=2, max_draws=20, progress=True))
    climbs = [step.function for step in steps if (step.caller, step.room) == ("models", "posterior")]
    assert climbs == ["ConvergenceGate.__call__"]
    assert any((step.caller, step.room) == ("posterior", "models") for step in steps)  # the control


@pytest.mark.slow
def test_pymc_s_own_sampler_runs_the_same_model() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = fit(
            small_runs(UNEVEN),
            backend="pymc",
            sampler="pymc",
            draws=50,
            tune=50,
            chains=1,
            max_draws=50,
            progress=False,
        )
    assert result.posterior.sizes["draw"] == 50
