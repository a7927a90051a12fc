"""`Fit` and its coefficients for groups with and without runs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import xarray as xr

from bayes_scaling.errors import BudgetError
from bayes_scaling.models.coefficients import tau
from bayes_scaling.models.design import build_design
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.posterior.coefficients import coefficients
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.prediction import predict
from bayes_scaling.posterior.summary import summarise
from tests.helpers.synthetic import ARCHITECTURES, CONTEXTS, synthetic_fit, with_group

FIT = synthetic_fit(draws=300)
VARIABLES = (*FIT.law.names, "sigma")


def pooled(fit: Fit) -> Fit:
    """The fit as if the groups shared a hierarchy, with its middle scales in every draw."""
    spec = ModelSpec(pooling="partial", discrepancy="none")
    design = build_design(fit.runs, spec)
    names, shape = design.hierarchy.names, (fit.posterior.sizes["chain"], fit.posterior.sizes["draw"])
    middle = np.full((*shape, len(names)), design.hierarchy.tau.shape[1] // 2)
    scales = xr.DataArray(
        tau(middle, design), dims=("chain", "draw", "coefficient", "part"), coords={"coefficient": [*names]}
    )
    both = with_group(fit, "posterior", tau_architecture=scales[..., 0], tau_context=scales[..., 1])
    return dataclasses.replace(both, spec=spec)


def tilted(fit: Fit, factor: float) -> Fit:
    """The fit with E higher by the factor at the longer context."""
    return with_group(
        fit, "posterior", E=fit.posterior["E"] * xr.DataArray([1.0, factor], dims="context_length")
    )


def log_spread(draws: xr.DataArray) -> xr.DataArray:
    return np.log(draws).std(("chain", "draw"))


POOLED = pooled(FIT)


def test_seen_groups_are_the_stored_draws() -> None:
    drawn = coefficients(FIT, "xlstm", 8192)
    assert set(drawn) == set(VARIABLES)
    for name in VARIABLES:
        stored = FIT.posterior[name].sel(architecture=["xlstm"], context_length=[8192])
        np.testing.assert_array_equal(drawn[name], stored)


def test_defaults_are_all_groups_fitted() -> None:
    drawn = coefficients(FIT)
    assert tuple(drawn["architecture"].to_numpy()) == ARCHITECTURES == FIT.architectures
    assert tuple(drawn["context_length"].to_numpy()) == CONTEXTS == FIT.context_lengths


@pytest.mark.parametrize("fit", [FIT, POOLED], ids=["none", "partial"])
def test_groups_come_as_asked_with_dims_and_units(fit: Fit) -> None:
    drawn = coefficients(fit, ["xlstm", "transformer", "xlstm"], [8192.0, 512, 8192])
    assert drawn["architecture"].to_numpy().tolist() == ["xlstm", "transformer"]
    assert drawn["context_length"].to_numpy().tolist() == [8192, 512]
    assert drawn["context_length"].dtype == np.int64
    for name in VARIABLES:
        assert drawn[name].dims == ("chain", "draw", "architecture", "context_length")
        assert drawn[name].shape == (4, 300, 2, 2) and (drawn[name] > 0).all()
    assert drawn["E"].attrs["units"] == "nats per token"


@pytest.mark.parametrize("fit", [FIT, POOLED], ids=["none", "partial"])
def test_unseen_groups_leave_the_seen_as_they_are(fit: Fit) -> None:
    drawn = coefficients(fit, [*ARCHITECTURES, "hyena"], [4096, 8192], allow_new=True)
    seen = {"architecture": list(ARCHITECTURES), "context_length": 8192}
    for name in VARIABLES:
        np.testing.assert_array_equal(drawn[name].sel(seen), fit.posterior[name].sel(seen))


def test_an_unseen_context_lies_between_its_neighbours() -> None:
    drawn = coefficients(tilted(POOLED, 1.2), context_length=[2048, 4096, 8192])
    middle = np.log(drawn["E"]).mean(("chain", "draw"))
    share = (middle.sel(context_length=4096) - middle.sel(context_length=2048)) / np.log(1.2)
    np.testing.assert_allclose(share, 0.5, atol=0.15)


def test_the_farther_the_wider() -> None:
    lengths = [4096, 32768, 262144]  # the first lies between seen ones
    spread = log_spread(coefficients(POOLED, context_length=lengths)["E"])
    assert (spread.diff("context_length") > 0).all()
    new = log_spread(coefficients(POOLED, "hyena", 8192, allow_new=True)["E"])
    assert float(new.squeeze()) > 2 * float(spread.sel(context_length=4096).max())


def test_unseen_groups_follow_the_seen_draw_by_draw() -> None:
    """Where the posterior is wide, a draw high at both neighbours is high between them."""
    fit = pooled(synthetic_fit(per_group=6, draws=300, sigma=0.1))
    log_e = np.log(coefficients(fit, "xlstm", [2048, 4096, 8192])["E"]).squeeze("architecture")
    ends, between = (log_e.sel(context_length=t) for t in (list(CONTEXTS), 4096))
    correlation = xr.corr(ends.mean("context_length"), between, ("chain", "draw"))
    assert float(correlation) > 0.8
    assert abs(float(xr.corr(ends.mean("context_length").roll(draw=1), between, ("chain", "draw")))) < 0.2


def test_under_no_pooling_an_unseen_group_is_the_priors() -> None:
    prior = FIT.spec.prior("E")
    log_e = np.log(coefficients(FIT, context_length=32768, seed=3)["E"].to_numpy().ravel())
    assert log_e.mean() == pytest.approx(np.log(prior.median), abs=5 * prior.scale / np.sqrt(log_e.size))
    assert log_e.std() == pytest.approx(prior.scale, rel=5 / np.sqrt(2 * log_e.size))


def test_seed_reproduces_unseen_groups() -> None:
    one, two, other = (coefficients(FIT, context_length=512, seed=s)["alpha"] for s in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_thinned_draws_stay_with_their_own() -> None:
    tree = FIT.idata.copy()
    tree["posterior"] = xr.DataTree(FIT.posterior.isel(draw=slice(1, None, 3), chain=[0, 2]))
    thin = dataclasses.replace(FIT, idata=tree)
    drawn = coefficients(thin, context_length=[512, 8192])
    assert drawn.sizes["draw"] == 100 and drawn["chain"].to_numpy().tolist() == [0, 2]
    assert drawn["E"].notnull().all()
    np.testing.assert_array_equal(drawn["E"].sel(context_length=8192), thin.posterior["E"][..., 1])


def test_new_architectures_only_on_request() -> None:
    with pytest.raises(BudgetError, match="transformer, xlstm"):
        coefficients(FIT, "hyena")
    assert np.isfinite(coefficients(FIT, "hyena", allow_new=True)["E"]).all()


@pytest.mark.parametrize("bad", [0, -8, 1.5, np.nan, np.inf, [], "long", 2**53])
def test_bad_context_lengths(bad) -> None:
    with pytest.raises(BudgetError, match="context length"):
        coefficients(FIT, context_length=bad)


def test_a_fit_is_frozen_and_says_what_it_is() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        FIT.runs = None  # type: ignore[misc]
    assert str(FIT) == (
        "Fit(gamma law, none pooling, numpyro; 192 runs of transformer, xlstm; 4 chains x 300 draws)"
    )


def test_accessors_and_methods_are_the_functions_of_their_name() -> None:
    assert FIT.law.name == FIT.spec.law == "gamma" and FIT.backend == "numpyro"
    assert FIT.posterior.identical(FIT.idata["posterior"].to_dataset())
    future = FIT.runs.frame.iloc[[5, 100]]
    for arguments in ({}, {"kind": "response", "seed": 4}):
        assert FIT.predict(future, **arguments).identical(predict(FIT, future, **arguments))
    assert FIT.summary().equals(summarise(FIT))
