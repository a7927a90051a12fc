"""Lines of fixed tokens per param, and the envelope."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.classical import envelope_fit, token_param_slopes
from bayes_scaling.classical.envelope import lower_hull
from bayes_scaling.classical.power_law import fit_power_law
from bayes_scaling.errors import RunsError

pytestmark = pytest.mark.filterwarnings("ignore::bayes_scaling.errors.RunsWarning")


def lines(noise: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    params = np.tile(np.geomspace(1e8, 3e9, 6), 3)
    ratio = np.repeat([22.0, 44.0, 220.0], 6)
    frame = pd.DataFrame({"params": params, "tokens": ratio * params, "flops": 6 * ratio * params**2})
    slope = np.where(ratio > 100, -0.05, -0.048)
    frame["loss"] = np.exp(3.2 + slope * np.log(frame["flops"]) + noise * rng.standard_normal(18))
    return frame.assign(architecture="xlstm", context_length=8192)


def test_slopes_of_each_ratio() -> None:
    table = token_param_slopes(lines())
    np.testing.assert_allclose(table["tokens_per_param"], [22, 44, 220])
    np.testing.assert_allclose(table["slope"], [-0.048, -0.048, -0.05], rtol=1e-10)
    np.testing.assert_allclose(table["intercept"], 3.2, rtol=1e-9)


def test_slope_errors_are_standard_errors() -> None:
    frame = lines(noise=0.002)
    table = token_param_slopes(frame, resamples=0)
    for row, (_, part) in zip(table.itertuples(), frame.groupby(frame.index // 6), strict=True):
        _, covariance = np.polyfit(np.log(part["flops"]), np.log(part["loss"]), 1, cov="unscaled")
        fitted = row.intercept + row.slope * np.log(part["flops"])
        scatter = ((np.log(part["loss"]) - fitted) ** 2).sum() / 4
        assert row.slope_se == pytest.approx(np.sqrt(scatter * covariance[0, 0]), rel=1e-8)


def test_a_table_without_lines() -> None:
    with pytest.raises(RunsError, match="no lines of fixed ratio"):
        token_param_slopes(lines().iloc[:2])
    with pytest.raises(RunsError, match="no column"):
        token_param_slopes(lines(), ratio="preset")


def test_lower_hull(rng) -> None:
    x = np.linspace(0, 1, 50)
    floor = (x - 1.2) ** 2
    above = floor + rng.uniform(0.05, 1, 50)
    chosen = np.array([0, 10, 30, 49])
    y = above.copy()
    y[chosen] = floor[chosen]
    assert list(lower_hull(x, y)) == list(chosen)
    y[20] = floor[20]
    assert 20 in lower_hull(x, y)


@pytest.mark.parametrize("method", ["hull", "envelope"])
def test_envelope_recovers_the_power_law_along_it(method: str) -> None:
    compute = np.geomspace(1e18, 1e22, 41)
    params = 0.1 * compute**0.5
    best = pd.DataFrame({"params": params, "tokens": compute / 6 / params, "flops": compute})
    best["loss"] = 1.6 + 900 * compute**-0.16
    worse = best.assign(params=best["params"] * 3, tokens=best["tokens"] / 3, loss=best["loss"] * 1.03)
    frame = pd.concat([best, worse]).assign(architecture="transformer", context_length=2048)
    found = envelope_fit(frame, method=method, resamples=20)
    row = found.frontier([1e20]).iloc[0]
    assert row["params_estimate"] == pytest.approx(1e9, rel=1e-6)
    assert found.table()["loss"].isin(best["loss"]).all()


def test_envelope_bad_input() -> None:
    with pytest.raises(RunsError, match="unknown method"):
        envelope_fit(lines(), method="convex")
    with pytest.raises(RunsError, match="needs three"):
        envelope_fit(lines().iloc[:1].assign(flops=1e19))


def test_power_law_leaves_nan_points_out() -> None:
    compute = np.geomspace(1e18, 1e21, 5)
    values = 3.0 * compute**0.5
    values[2] = np.nan
    law = fit_power_law(compute, values)
    assert float(law.exponent) == pytest.approx(0.5) and int(law.points) == 4
    assert np.isnan(fit_power_law(compute, np.full(5, np.nan)).exponent)
