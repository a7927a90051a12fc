"""Power-scaling tells data, prior and conflict apart."""

from __future__ import annotations

import arviz_stats as az
import numpy as np
import pytest

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.posterior.sensitivity import CONFLICT, FINE, WEAK, diagnose, sensitivity
from tests.helpers.synthetic import synthetic_fit, with_group


@pytest.fixture(scope="module")
def fit():
    return synthetic_fit()


def test_data_decide_where_they_outweigh_the_prior(fit):
    table = sensitivity(fit)
    assert set(table["diagnosis"]) == {FINE}
    assert (table["likelihood"] > 0.05).all()


def test_the_prior_decides_where_data_say_nothing():
    table = sensitivity(synthetic_fit(sigma=100))
    assert set(table["diagnosis"]) == {WEAK}
    assert (table["likelihood"] < 0.05).all()


def test_conflict_where_they_disagree():
    table = sensitivity(synthetic_fit(prior_shift=5))
    assert CONFLICT in set(table["diagnosis"])
    assert (table["prior"] > sensitivity(synthetic_fit())["prior"]).all()


def test_rows_and_values_are_those_of_the_library(fit):
    table = sensitivity(fit)
    assert list(table) == [
        "variable",
        "architecture",
        "context_length",
        "coefficient",
        "prior",
        "likelihood",
        "diagnosis",
    ]
    assert list(dict.fromkeys(table["variable"])) == ["E", "alpha", "beta", "gamma"]
    by_library = az.psense(fit.idata, var_names=["beta"], group="likelihood")["beta"]
    row = table.query("variable == 'beta' and architecture == 'xlstm' and context_length == 2048")
    expected = by_library.sel(architecture="xlstm", context_length=2048).item()
    assert row["likelihood"].item() == pytest.approx(expected)


def test_further_quantities(fit):
    posterior = fit.idata["posterior"].to_dataset()
    share = posterior["beta"] / (posterior["alpha"] + posterior["beta"])
    table = sensitivity(fit, ["E"], extra={"exponent": share})
    assert list(table["variable"]) == ["E"] * 4 + ["exponent"] * 4
    assert table["likelihood"].gt(0.05).all()


def test_one_prior_at_a_time(fit):
    whole = sensitivity(synthetic_fit(sigma=100), ["E"])["prior"]
    other = sensitivity(synthetic_fit(sigma=100), ["E"], prior=["beta"])["prior"]
    assert (other < whole).all() and (other < 0.05).all()


def test_a_quantity_that_never_moves_has_no_sensitivity(fit):
    flat = fit.idata["posterior"]["gamma"] * 0 + 1
    table = sensitivity(with_group(fit, "posterior", gamma=flat), ["gamma"])
    assert table["prior"].isna().all() and set(table["diagnosis"]) == {FINE}


def test_unknown_names_are_refused(fit):
    with pytest.raises(BayesScalingError, match="no prior term tau; choose from E, A"):
        sensitivity(fit, prior=["tau"])
    with pytest.raises(BayesScalingError, match="no variable zeta"):
        sensitivity(fit, ["zeta"])
    with pytest.raises(BayesScalingError, match="'half' needs the fit's own chains and draws"):
        sensitivity(fit, extra={"half": fit.idata["posterior"]["E"].isel(draw=slice(250))})


@pytest.mark.parametrize(
    ("prior", "likelihood", "expected"),
    [(0.04, 0.2, FINE), (0.06, 0.2, CONFLICT), (0.06, 0.04, WEAK), (np.nan, 0.2, FINE)],
)
def test_diagnosis(prior, likelihood, expected):
    assert diagnose(prior, likelihood) == expected
