"""The summary table: right numbers in the right rows."""

from __future__ import annotations

import arviz_stats as az
import numpy as np
import pytest
import xarray as xr

from bayes_scaling.draws import QUANTILES
from bayes_scaling.errors import BayesScalingError
from bayes_scaling.posterior.summary import describe_cell, diagnostics, posterior_cells, summarise
from tests.helpers.synthetic import synthetic_fit, with_group


@pytest.fixture(scope="module")
def fit():
    return synthetic_fit(per_group=12, draws=250)


def test_columns_and_rows(fit):
    table = summarise(fit)
    start = ["variable", "architecture", "context_length", "coefficient", "mean", "sd"]
    assert list(table) == [*start, *QUANTILES, "ess_bulk", "ess_tail", "r_hat", "mcse_mean"]
    assert len(table) == 7 * 4 + 1
    assert not table.duplicated(["variable", "architecture", "context_length", "coefficient"]).any()


def test_each_row_describes_its_own_draws(fit):
    posterior = fit.idata["posterior"].to_dataset()
    for row in summarise(fit, ["E", "beta"]).itertuples():
        draws = posterior[row.variable].sel(architecture=row.architecture, context_length=row.context_length)
        assert row.mean == pytest.approx(draws.mean().item())
        assert row.sd == pytest.approx(draws.std(ddof=1).item())
        assert row.q05 == pytest.approx(draws.quantile(0.05).item())
        assert row.median == pytest.approx(draws.median().item())
        assert row.r_hat == pytest.approx(az.rhat(draws).item())
        assert row.ess_bulk == pytest.approx(az.ess(draws, method="bulk").item())
        assert row.ess_tail == pytest.approx(az.ess(draws, method="tail").item())
        assert row.mcse_mean == pytest.approx(az.mcse(draws, method="mean").item())


def test_scalar_and_coefficient_quantities(fit):
    shape = (4, 250, 2)
    tau = xr.DataArray(
        np.random.default_rng(1).gamma(2, size=shape),
        dims=("chain", "draw", "coefficient"),
        coords={"coefficient": ["E", "alpha"]},
    )
    table = summarise(with_group(fit, "posterior", tau_context=tau)).set_index("variable")
    assert list(table.loc["tau_context", "coefficient"]) == ["E", "alpha"]
    assert table.loc["tau_context", "mean"].tolist() == pytest.approx(tau.mean(("chain", "draw")).values)
    nu = table.loc["nu"]
    assert nu["architecture"] == "" and nu["coefficient"] == "" and nu["context_length"] is not None
    assert str(nu["context_length"]) == "<NA>"


def test_groups_without_runs_are_left_out_unless_asked_for(fit):
    seen = fit.idata["constant_data"]["observed_group"].copy()
    seen.loc[{"architecture": "xlstm", "context_length": 2048}] = False
    partial = with_group(fit, "constant_data", observed_group=seen)
    kept = summarise(partial, ["E"])
    assert list(zip(kept["architecture"], kept["context_length"], strict=True)) == [
        ("transformer", 2048),
        ("transformer", 8192),
        ("xlstm", 8192),
    ]
    truth = fit.idata["posterior"]["E"].sel(architecture="xlstm", context_length=8192).mean().item()
    assert kept["mean"].iloc[-1] == pytest.approx(truth)
    assert len(summarise(partial, ["E"], unobserved=True)) == 4


def test_dims_in_another_order_give_the_same_table(fit):
    turned = fit.idata["posterior"]["E"].transpose("context_length", "draw", "architecture", "chain")
    by = ["architecture", "context_length"]
    mine = summarise(with_group(fit, "posterior", E=turned), ["E"]).sort_values(by, ignore_index=True)
    assert mine.equals(summarise(fit, ["E"]).sort_values(by, ignore_index=True))


def test_constant_and_broken_cells_have_no_diagnostics(fit):
    draws, _ = posterior_cells(fit, ["E"])
    draws = draws.copy()
    draws[..., 0] = 1.0
    draws[0, 0, 1] = np.nan
    table = diagnostics(draws)
    assert table.iloc[:2].isna().all(axis=None)
    assert table.iloc[2:].notna().all(axis=None)


def test_unknown_variable_is_named(fit):
    with pytest.raises(BayesScalingError, match="no variable gama; choose from E, A"):
        summarise(fit, ["E", "gama"])


def test_cells_in_words(fit):
    _, labels = posterior_cells(fit, ["E", "nu"])
    assert describe_cell(labels.iloc[0]) == "E [transformer, 2048]"
    assert describe_cell(labels.iloc[-1]) == "nu"
