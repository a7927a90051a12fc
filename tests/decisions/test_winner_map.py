"""The map of winners: probabilities and ranks that add up, limits that turn them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from bayes_scaling.decisions.winner_map import compare_map
from bayes_scaling.errors import BayesScalingError, BudgetError
from bayes_scaling.plots import plot_map
from bayes_scaling.questions.compare import compare
from tests.helpers.serving import FakeServing
from tests.helpers.synthetic import synthetic_fit
from tests.report.test_page import contrast

FIT = synthetic_fit(draws=80, sigma=0.01)
BUDGETS = [1e20, 1e21, 1e22]
CELLS = ["context_length", "compute"]


def three():
    """The fit with a third architecture that has xLSTM's draws in another order."""
    posterior = FIT.posterior.drop_vars("nu")
    third = posterior.sel(architecture=["xlstm"]).assign_coords(architecture=["zamba"]).roll(draw=1)
    tree = FIT.idata.copy()
    tree["posterior"] = xr.DataTree(xr.concat([posterior, third], dim="architecture"))
    return replace(FIT, idata=tree)


@pytest.fixture(scope="module")
def found():
    return compare_map(three(), BUDGETS)


def test_two_architectures_are_compared_as_compare_does() -> None:
    pairs = compare_map(FIT, BUDGETS).pairs().sort_values(["architecture", "context_length", "compute"])
    known = compare(FIT, BUDGETS).table(full=True).sort_values(["architecture", "context_length", "compute"])
    np.testing.assert_allclose(pairs["probability"], known["probability"])
    np.testing.assert_allclose(pairs["extrapolation_decades"], known["extrapolation_decades"])
    assert pairs["probability"].between(0.02, 0.98).any()


def test_probabilities_and_ranks_add_up(found) -> None:
    table = found.table(full=True)
    np.testing.assert_allclose(table.groupby(CELLS)["best_probability"].sum(), 1)
    np.testing.assert_allclose(table.groupby(CELLS)["expected_rank"].sum(), 6)
    assert table["expected_rank"].between(1, 3).all() and table["expected_rank"].nunique() > 5


def test_ranks_are_one_more_than_the_pairs_lost(found) -> None:
    lost = 1 - found.pairs().set_index(["architecture", *CELLS])["probability"]
    expected = 1 + lost.groupby(level=[0, 1, 2]).sum()
    rank = found.table(full=True).set_index(["architecture", *CELLS])["expected_rank"]
    np.testing.assert_allclose(rank, expected.loc[rank.index])


def test_best_is_the_lowest_of_all(found) -> None:
    lowest = found.loss.to_numpy().argmin(0)
    share = (lowest == 1).mean((-2, -1)).ravel()
    rows = found.table(full=True).set_index("architecture").loc["xlstm"]
    np.testing.assert_allclose(rows["best_probability"], share)


def test_limits_of_serving_turn_the_map() -> None:
    """The transformer is twice as slow: a limit that only xLSTM keeps to leaves nobody else."""
    limited = {"step_time_ms": 8.0, "params_at_least": 1.2e9}
    strict = compare_map(FIT, BUDGETS, limits=limited, latency=FakeServing())
    table = strict.table(full=True).set_index("architecture")
    assert not table["feasible"]["transformer"].any() and table["feasible"]["xlstm"].all()
    assert (table["best_probability"]["xlstm"] == 1).all() and (table["expected_rank"]["xlstm"] == 1).all()
    nobody = compare_map(FIT, BUDGETS, limits=limited | {"step_time_ms": 0.1}, latency=FakeServing())
    assert (
        nobody.table(full=True)["best_probability"].isna().all()
        and nobody.pairs()["probability"].isna().all()
    )


def test_defaults_reach_beyond_the_runs() -> None:
    compute = compare_map(FIT, context_length=8192).loss["compute"]
    flops = FIT.runs.frame["flops"]
    assert float(compute.min()) == pytest.approx(flops.min()) and float(compute.max()) == pytest.approx(
        flops.max() * 100
    )


@pytest.mark.parametrize("fit", [FIT, three()], ids=["two", "three"])
def test_figure(fit) -> None:
    figure = plot_map(compare_map(fit, BUDGETS))
    assert isinstance(figure, Figure) and len(figure.legends) == 1
    count = len(fit.architectures)
    assert len(figure.axes) == (2 if count == 2 else 6)  # a colour bar each
    titles = [ax.get_title(loc="left") for ax in figure.axes if ax.get_title(loc="left")]
    assert titles[0] == ("P(transformer beats xlstm)" if count == 2 else "P(transformer is best)")
    figure.draw_without_rendering()


def test_numbers_are_the_probabilities_and_can_be_read() -> None:
    found = compare_map(FIT, BUDGETS)
    (panel, _) = plot_map(found).axes
    pairs = found.pairs().query("architecture == 'transformer'").sort_values(CELLS)
    told = [
        f"{p:.2f}" if 0.005 <= p <= 0.995 else "<.01" if p < 0.5 else ">.99" for p in pairs["probability"]
    ]
    assert [text.get_text() for text in panel.texts] == told
    assert [text.get_position()[0] for text in panel.texts] == pairs["compute"].to_list()
    for text in panel.texts:
        ground, ink = text.get_bbox_patch().get_facecolor()[:3], to_rgb(text.get_color())
        assert contrast(to_hex(ground), to_hex(ink)) > 4.5


def test_numbers_thin_out_where_cells_are_narrow() -> None:
    panel = plot_map(compare_map(FIT, np.geomspace(1e19, 1e23, 13))).axes[0]
    lengths = len(FIT.context_lengths)
    assert len(panel.texts) == 7 * lengths  # every second of thirteen


def test_what_cannot_be_mapped() -> None:
    with pytest.raises(BudgetError, match="two architectures"):
        compare_map(FIT, BUDGETS, architecture="xlstm")
    with pytest.raises(BayesScalingError, match="two budgets and two context"):
        plot_map(compare_map(FIT, BUDGETS, 8192))
    none = {"step_time_ms": 0.001, "params_at_least": 1e9}
    with pytest.raises(BayesScalingError, match="nothing keeps to the limits"):
        plot_map(compare_map(FIT, BUDGETS, limits=none, latency=FakeServing()))
