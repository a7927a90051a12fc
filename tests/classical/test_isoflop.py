"""IsoFLOP parabolas: the published figures, known minima, and the bias a parabola has."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.classical import isoflop_fit
from bayes_scaling.classical.budgets import isoflop_budgets
from bayes_scaling.errors import RunsError, RunsWarning
from bayes_scaling.laws.law import CHINCHILLA

BUDGETS = (6e18, 1e19, 3e19)
# xLSTM scaling study, arXiv 2510.02228: exponent of params and tokens over three budgets
PUBLISHED = {
    ("llama", 2048): (0.553549, 0.422606),
    ("llama", 8192): (0.577327, 0.421860),
    ("llama", 16384): (0.569337, 0.432544),
    ("xlstm", 2048): (0.555534, 0.403072),
    ("xlstm", 8192): (0.540627, 0.428769),
    ("xlstm", 16384): (0.566040, 0.385230),
}
FOUR_BUDGETS = {"llama": (0.574909, 0.424271), "xlstm": (0.547253, 0.417166)}
OPTIMA = {  # params, loss there, tokens, loss there
    ("llama", 2048, 6e18): (1.75816e08, 3.14117, 6.30008e09, 3.14006),
    ("llama", 8192, 1e20): (7.18054e08, 2.77613, 1.79220e10, 2.77694),
    ("llama", 16384, 3e19): (3.09053e08, 3.00852, 9.15097e09, 3.00098),
    ("xlstm", 2048, 1e19): (3.07811e08, 3.00258, 6.47264e09, 3.00214),
    ("xlstm", 8192, 3e19): (5.45151e08, 2.84813, 1.05511e10, 2.84908),
    ("xlstm", 8192, 1e20): (1.06946e09, 2.68508, 1.70570e10, 2.68772),
    ("xlstm", 16384, 6e18): (2.13670e08, 3.12674, 5.81702e09, 3.12362),
}
THETA = {"E": 1.7, "A": 400.0, "B": 1500.0, "alpha": 0.34, "beta": 0.36}


@pytest.fixture(scope="module")
def study(reference_data) -> pd.DataFrame:
    frame = pd.read_csv(reference_data("xlstm_runs.csv"))
    return frame.assign(weight=1.0 + frame["in_paper_fits_twice"].astype(bool))


def exponents(frame: pd.DataFrame, **options) -> dict:
    laws = isoflop_fit(frame, resamples=0, **options).power_laws()
    keys = ["architecture", "context_length", "quantity"]
    return laws.set_index(keys)["exponent"].to_dict()


def grid(
    spacing: float, points: int = 9, offset: float = 0.0, noise: float = 0.0, theta=THETA
) -> pd.DataFrame:
    """IsoFLOP curves of a known law, params spaced evenly round the optimum in logs."""
    rng = np.random.default_rng(5)
    rows = []
    for compute in (1e19, 1e20, 1e21):
        best = CHINCHILLA.optimum(np, compute, theta)[0]
        params = best * np.exp(spacing * (np.arange(points) - points // 2) + offset)
        tokens = compute / 6 / params
        loss = CHINCHILLA.loss(np, params, tokens, theta) * np.exp(noise * rng.standard_normal(points))
        rows.append(pd.DataFrame({"params": params, "tokens": tokens, "flops": compute, "loss": loss}))
    return pd.concat(rows, ignore_index=True).assign(architecture="transformer", context_length=2048)


def truth(compute: float, theta=THETA) -> float:
    return float(CHINCHILLA.optimum(np, compute, theta)[0])


@pytest.mark.filterwarnings("ignore::bayes_scaling.errors.RunsWarning")
def test_published_exponents(study) -> None:
    found = exponents(study, budgets=BUDGETS)
    for (architecture, length), (params, tokens) in PUBLISHED.items():
        assert found[architecture, length, "params"] == pytest.approx(params, abs=2.1e-6)
        assert found[architecture, length, "tokens"] == pytest.approx(tokens, abs=2.1e-6)
    four = exponents(study[study["context_length"] == 8192])
    for architecture, (params, tokens) in FOUR_BUDGETS.items():
        assert four[architecture, 8192, "params"] == pytest.approx(params, abs=2.1e-6)
        assert four[architecture, 8192, "tokens"] == pytest.approx(tokens, abs=2.1e-6)


@pytest.mark.filterwarnings("ignore::bayes_scaling.errors.RunsWarning")
def test_without_the_doubled_runs(study) -> None:
    once = study.drop(columns="weight")
    at_8192 = once[once["context_length"] == 8192]
    four, three = exponents(at_8192), exponents(at_8192, budgets=BUDGETS)
    assert four["xlstm", 8192, "params"] == pytest.approx(0.546267, abs=2e-6)
    assert four["xlstm", 8192, "tokens"] == pytest.approx(0.417430, abs=2e-6)
    assert three["xlstm", 8192, "params"] == pytest.approx(0.541055, abs=2e-6)
    assert three["xlstm", 8192, "tokens"] == pytest.approx(0.426561, abs=2e-6)


@pytest.mark.filterwarnings("ignore::bayes_scaling.errors.RunsWarning")
def test_published_optima(study) -> None:
    table = isoflop_fit(study, resamples=0).table().set_index(["architecture", "context_length", "budget"])
    assert len(table) == 20
    for key, (params, params_loss, tokens, tokens_loss) in OPTIMA.items():
        row = table.loc[key]
        assert row["params"] == pytest.approx(params, rel=1e-5)
        assert row["tokens"] == pytest.approx(tokens, rel=1e-5)
        assert row["params_loss"] == pytest.approx(params_loss, abs=1e-5)
        assert row["tokens_loss"] == pytest.approx(tokens_loss, abs=1e-5)


def test_a_narrow_grid_finds_the_optimum() -> None:
    table = isoflop_fit(grid(0.02), resamples=0).table()
    for row in table.itertuples():
        assert row.params == pytest.approx(truth(row.compute), rel=2e-3)


def test_a_parabola_over_a_wide_grid_is_biased() -> None:
    """Params over a factor of 150 and a wall that is steeper at small params: the minimum lies 19% high."""
    steep = THETA | {"alpha": 0.6, "A": 4e4}
    frame = grid(0.5, points=11, theta=steep)
    ratio = {d: _over_truth(isoflop_fit(frame, degree=d, resamples=0).table(), steep) for d in (2, 3)}
    narrow = _over_truth(isoflop_fit(grid(0.05, theta=steep), resamples=0).table(), steep)
    assert ((ratio[2] > 1.15) & (ratio[2] < 1.25)).all()
    assert (np.abs(np.log(ratio[3])) < 0.1 * np.log(ratio[2])).all()
    np.testing.assert_allclose(narrow, 1.0, rtol=0.01)


def _over_truth(table: pd.DataFrame, theta: dict[str, float]) -> np.ndarray:
    return (table["params"] / [truth(c, theta) for c in table["compute"]]).to_numpy()


def test_bootstrap_intervals_hold_the_noise() -> None:
    table = isoflop_fit(grid(0.3, points=21, noise=0.003), resamples=400, seed=1).table()
    wide = isoflop_fit(grid(0.3, points=21, noise=0.012), resamples=400, seed=1).table()
    inside = (table["params_q025"] < table["params"]) & (table["params"] < table["params_q975"])
    assert inside.all()
    assert (wide["params_se"] > 2 * table["params_se"]).all()


def test_a_curve_without_a_minimum_says_so() -> None:
    frame = grid(0.3, offset=0.0)
    low = frame["flops"] == 1e19
    frame.loc[low, "loss"] = 6.0 - (np.log10(frame.loc[low, "params"]) - 8.0) ** 2 * 0.1
    with pytest.warns(RunsWarning, match="lies far from what the other runs let one expect"):
        table = isoflop_fit(frame, resamples=0).table().set_index("budget")
    bad = table.loc[table["reason"] != ""]
    assert len(bad) == 1 and "no minimum" in bad["reason"].iloc[0] and np.isnan(bad["params"].iloc[0])


def test_budgets_are_found_by_gaps() -> None:
    frame = grid(0.2)
    frame["flops"] *= np.exp(np.random.default_rng(0).uniform(-0.01, 0.01, len(frame)))
    found = isoflop_budgets(frame)
    assert len(np.unique(found)) == 3
    np.testing.assert_allclose(found, np.repeat([1e19, 1e20, 1e21], 9), rtol=0.01)


def test_frontier_has_the_tables_columns() -> None:
    table = isoflop_fit(grid(0.1, noise=1e-4), resamples=50).frontier([1e20, 1e22])
    assert {"architecture", "compute", "params_median", "tokens_q05", "loss_q975", "params_estimate"} <= set(
        table
    )
    assert table["params_estimate"].iloc[1] == pytest.approx(truth(1e22), rel=0.1)


def test_bad_input() -> None:
    with pytest.raises(RunsError, match="degree 4"):
        isoflop_fit(grid(0.1), degree=4)
    with pytest.raises(RunsError, match="no column 'label'"):
        isoflop_fit(grid(0.1), budget="label")
    with pytest.raises(RunsError, match="no isoFLOP curves"):
        isoflop_fit(grid(0.1, points=3))
