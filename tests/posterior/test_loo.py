"""PSIS-LOO against the exact answer of a linear model, and models ranked by it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.posterior.loo import bad_runs, compare_models, loo
from tests.helpers.synthetic import linear_problem, synthetic_fit, synthetic_frame, with_group


@pytest.fixture(scope="module")
def fit():
    return synthetic_fit()


@pytest.fixture(scope="module")
def biased(fit):
    """The same runs, each predicted one noise sd too high by the second half of the model."""
    density = fit.idata["log_likelihood"]["loss"]
    return with_group(fit, "log_likelihood", loss=density - 0.5 * (density["run"] % 2))


def exact_loo(problem):
    """Log predictive density of each run by the fit without it."""
    covariance = problem.covariance[problem.group]
    spread = np.einsum("ri,rij,rj->r", problem.jacobian, covariance, problem.jacobian)
    keep = 1 - spread / problem.sigma**2
    mean = np.einsum("ri,ri->r", problem.jacobian, problem.mean[problem.group])
    residual = (problem.residual - mean) / keep
    variance = problem.sigma**2 + spread / keep
    return -0.5 * (residual**2 / variance + np.log(2 * np.pi * variance))


def test_it_is_the_exact_leave_one_out(fit):
    score = loo(fit)
    exact = exact_loo(linear_problem(synthetic_frame()))
    assert score.elpd == pytest.approx(exact.sum(), abs=1.0)
    assert np.abs(score.elpd_i.values - exact).max() < 0.25
    in_sample = fit.idata["log_likelihood"]["loss"].mean(("chain", "draw")).sum().item()
    assert abs(in_sample - exact.sum()) > 5  # the fitted density is not the answer


def test_bad_runs_are_listed(fit):
    density = fit.idata["log_likelihood"]["loss"].copy()
    density[..., [3, 90]] *= 20
    assert set(bad_runs(loo(with_group(fit, "log_likelihood", loss=density)))) == {3, 90}
    assert len(bad_runs(loo(fit))) == 0


def test_the_better_model_is_first(fit, biased):
    table = compare_models({"biased": biased, "sound": fit})
    assert list(table["model"]) == ["sound", "biased"]
    assert list(table["rank"]) == [0, 1]
    assert table["elpd_difference"].tolist() == pytest.approx([0, -48], abs=0.01)
    assert table["weight"].sum() == pytest.approx(1) and table["weight"][0] > 0.99
    assert (table["runs"] == 192).all() and (table["pareto_k_bad"] == 0).all()
    assert table["se"].gt(0).all() and table["se_difference"][1] > 0


def test_equal_models_are_noted(fit):
    table = compare_models({"a": fit, "b": fit, "c": synthetic_fit(seed=1)})
    assert table["elpd_difference"].abs().max() < 2
    assert any("4" in note for note in table["note"])


def test_different_runs_are_refused(fit):
    small = synthetic_fit(per_group=12)
    with pytest.raises(
        BayesScalingError, match=r"'all' \(192 runs\) and 'some' \(48 runs\) are of different runs"
    ):
        compare_models({"all": fit, "some": small})


def test_one_fit_is_refused(fit):
    with pytest.raises(BayesScalingError, match="two fits"):
        compare_models({"only": fit})


def test_without_log_likelihood(fit):
    bare = replace(fit, idata=fit.idata.filter(lambda node: node.name != "log_likelihood"))
    with pytest.raises(BayesScalingError, match="no log likelihood"):
        loo(bare)
