from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from bayes_scaling import plots
from bayes_scaling.errors import BayesScalingError
from bayes_scaling.plots import style
from bayes_scaling.plots.isoflop import budgets
from bayes_scaling.plots.ticks import RoundNumbers
from bayes_scaling.questions.compare import compare
from bayes_scaling.questions.frontier import frontier
from tests.helpers.fits import CONTEXTS, small_fit
from tests.helpers.small_runs import FOUR, small_runs

GRID = np.geomspace(6e18, 1e22, 5)


@pytest.fixture(scope="module")
def fit():
    return small_fit()


@pytest.fixture(scope="module")
def curves(fit):
    return plots.isoflop_curves(fit, points=12)


def figures(fit):
    return {
        "frontier": plots.plot_frontier(frontier(fit, GRID).table(full=True)),
        "comparison": plots.plot_comparison(compare(fit, GRID).table(full=True)),
        "isoflop": plots.plot_isoflop(plots.isoflop_curves(fit, points=8), fit.runs.frame),
        "residuals": plots.plot_residuals(plots.residual_table(fit)),
        "coefficients": plots.plot_coefficients(plots.coefficient_densities(fit)),
    }


@pytest.fixture(scope="module")
def drawn(fit):
    return figures(fit)


def test_every_plot_is_a_figure_with_labelled_axes_and_a_legend_outside(drawn):
    for name, figure in drawn.items():
        assert isinstance(figure, Figure)
        seen = [ax for ax in figure.axes if ax.get_visible()]
        assert all(ax.get_ylabel() for ax in seen if ax.get_subplotspec().is_first_col()), name
        assert all(ax.get_xlabel() for ax in seen if ax.get_subplotspec().is_last_row()), name
        assert len(figure.legends) == 1 and not any(ax.get_legend() for ax in seen), name
        figure.draw_without_rendering()
        top = figure.legends[0].get_window_extent().y1
        assert all(ax.get_window_extent().y0 > top for ax in seen), f"{name}: the legend covers a panel"


def test_compute_axes_are_logarithmic(drawn):
    for name in ("frontier", "comparison", "residuals"):
        assert {ax.get_xscale() for ax in drawn[name].axes} == {"log"}


def test_no_global_state_is_touched():
    code = (
        "import matplotlib, sys; before = dict(matplotlib.rcParams)\n"
        "from bayes_scaling.plots import plot_residuals, residual_table\n"
        "from tests.helpers.synthetic import synthetic_fit\n"
        "plot_residuals(residual_table(synthetic_fit(draws=20)))\n"
        "pyplot = sys.modules.get('matplotlib.pyplot')\n"
        "assert pyplot is None or not pyplot.get_fignums()\n"
        "assert dict(matplotlib.rcParams) == before\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_colours_of_the_palette_are_far_apart():
    rgb = np.array([to_rgb(c) for c in style.PALETTE])
    distance = np.linalg.norm(rgb[:, None] - rgb[None], axis=-1) + 10 * np.eye(len(rgb))
    assert distance.min() > 0.25


def test_isoflop_curves_keep_the_budget(curves):
    flops = 6 * curves["params"] * curves["tokens"]
    assert np.allclose(flops, curves["compute"], rtol=1e-6)
    assert curves.groupby(["architecture", "context_length", "compute"]).ngroups == 8
    assert (curves["q05"] < curves["median"]).all() and (curves["median"] < curves["q95"]).all()


def test_isoflop_budgets_are_the_ones_simulated(fit):
    found = budgets(fit.runs.frame)
    known = fit.runs.frame["budget"]
    assert np.allclose(found["budget"].dropna(), known.dropna(), rtol=1e-3)
    assert (found["budget"].isna() == known.isna()).all()


def test_isoflop_curves_are_smooth_where_costs_jump(fit):
    """Attention makes FLOPs per param and token differ from run to run by some percent."""
    frame = fit.runs.frame.copy()
    jumps = np.exp(0.02 * np.random.default_rng(0).standard_normal(len(frame)))
    frame["tokens"] *= jumps
    law = replace(fit.spec, discrepancy="none")
    for draw in (0, 20, 40):  # of one draw each: a median of few has teeth of its own
        one = fit.idata.isel(chain=[0], draw=[draw])
        rough = plots.isoflop_curves(replace(fit, idata=one, spec=law, runs=replace(fit.runs, frame=frame)))
        for _, part in rough.groupby(["architecture", "context_length", "compute"]):
            assert (np.diff(part["median"], 2) > 0).all()  # one valley, no teeth


def test_isoflop_legend_names_one_budget_once(curves, fit):
    apart = curves.assign(compute=curves["compute"] * np.where(curves["architecture"] == "xlstm", 1.02, 1))
    labels = [t.get_text() for t in plots.plot_isoflop(apart, fit.runs.frame).legends[0].get_texts()]
    assert labels == ["6e18 FLOPs", "6e19 FLOPs", "90% interval of the law"]  # nominal budgets


def test_isoflop_needs_shared_budgets(fit):
    with pytest.raises(BayesScalingError, match="share no budgets"):
        plots.isoflop_curves(replace(fit, runs=small_runs(FOUR)))


def test_isoflop_curve_has_its_minimum_at_the_frontier(fit, curves):
    optimum = (
        frontier(fit, [6e19]).table(full=True).set_index(["architecture", "context_length"])["params_median"]
    )
    fine = plots.isoflop_curves(fit, points=400)
    fine = fine[np.isclose(fine["compute"], 6e19, rtol=1e-3)]
    for keys, part in fine.groupby(["architecture", "context_length"]):
        lowest = part["params"].iloc[part["median"].argmin()]
        assert abs(np.log(lowest / optimum[keys])) < 0.1


def test_residuals_are_percent_of_the_prediction(fit):
    table = plots.residual_table(fit)
    assert len(table) == len(fit.runs)
    assert np.allclose(table["loss"], table["predicted"] * (1 + table["residual"] / 100))
    inside = (table["residual"] >= table["q05"]) & (table["residual"] <= table["q95"])
    assert (inside == table["inside"]).all()
    assert 0.7 < table["inside"].mean() < 1


def test_residual_of_a_moved_run_is_outside(fit):
    frame = fit.runs.frame.copy()
    frame.loc[3, "loss"] *= 1.05
    table = plots.residual_table(replace(fit, runs=replace(fit.runs, frame=frame)))
    assert table.loc[3, "residual"] > 3 and not table.loc[3, "inside"]


def test_densities_hold_one_prior_and_every_posterior(fit):
    table = plots.coefficient_densities(fit)
    counts = table.groupby(["variable", "source"])["architecture"].apply(lambda s: len(s) // 200)
    assert set(table["variable"]) == set(fit.law.names)
    assert (counts.xs("prior", level="source") == 1).all()
    assert (counts.xs("posterior", level="source") == 2 * len(CONTEXTS)).all()
    assert np.isclose(table["density"].max(), 1) and (table["density"] >= 0).all()


def test_posterior_densities_peak_near_their_medians(fit):
    table = plots.coefficient_densities(fit).query("source == 'posterior' and variable == 'E'")
    for keys, part in table.groupby(["architecture", "context_length"]):
        draws = fit.posterior["E"].sel(architecture=keys[0], context_length=keys[1]).to_numpy()
        peak = part["value"].iloc[part["density"].argmax()]
        assert np.quantile(draws, 0.1) < peak < np.quantile(draws, 0.9)


def test_comparison_draws_each_pair_once_winner_first(drawn):
    titles = [ax.get_title(loc="left") for ax in drawn["comparison"].axes]
    assert [t for t in titles if t] == [style.tokens_label(length) for length in CONTEXTS]
    labels = [text.get_text() for text in drawn["comparison"].legends[0].get_texts()]
    assert labels[0] == "xlstm against transformer, median"


def test_a_loss_beyond_reach_leaves_the_axis_and_is_counted(fit):
    table = compare(fit, GRID).table(full=True)
    far = table.assign(
        multiplier_q95=np.where(table["compute"] > 1e21, np.inf, table["multiplier_q95"]),
        unreached_probability=np.where(table["compute"] > 1e21, 0.25, 0.0),
    )
    axes = plots.plot_comparison(far).axes
    tops, bottom = axes[: len(CONTEXTS)], axes[-1]
    dotted = [line for top in tops for line in top.lines if line.get_linestyle() != "-"]
    assert len(dotted) == len(CONTEXTS)
    for line in dotted:
        shown = line.get_ydata()
        assert set(shown[np.isfinite(shown)]) == {0.25} and line.get_xdata()[np.isfinite(shown)].min() > 1e21
    end = bottom.get_ylim()[1]
    assert np.isfinite(end) and end <= 1.05 * 3 * table["multiplier_median"].max()
    for band in bottom.collections:
        corners = band.get_paths()[0].vertices
        assert np.isfinite(corners).all() and corners[:, 1].max() > end  # out of the axis, without a hole
    never = "P(the other never reaches it)"
    labels = [text.get_text() for text in bottom.figure.legends[0].get_texts()]
    assert never in labels
    near = plots.plot_comparison(table.assign(unreached_probability=0.0))
    assert [label for label in labels if label != never] == [
        text.get_text() for text in near.legends[0].get_texts()
    ]


@pytest.mark.parametrize(("plot", "ask"), [(plots.plot_frontier, frontier), (plots.plot_comparison, compare)])
def test_one_budget_is_no_curve(fit, plot, ask):
    with pytest.raises(BayesScalingError, match="two budgets"):
        plot(ask(fit, 1e20).table(full=True))


def grounds(ax):
    """Left edges of what is shaded behind the curves of a panel."""
    return [patch.get_x() for patch in ax.patches]


def test_each_context_is_shaded_beyond_its_own_runs(fit):
    table = frontier(fit, GRID).table(full=True)
    short = table["context_length"] == CONTEXTS[0]
    column = style.column_of("compute")
    moved = table.assign(**{column: np.where(short & (table["compute"] > 3e19), 0.3, table[column])})
    axes = np.array(plots.plot_frontier(moved).axes).reshape(len(CONTEXTS), 3)
    first, second = (grounds(row[0]) for row in axes)
    assert first == [GRID[0]] and second == [GRID[1]]
    whole = plots.plot_frontier(table)
    assert grounds(whole.axes[0]) == grounds(whole.axes[3])  # the control: the same runs


def test_results_and_their_tables_are_drawn_alike(fit):
    found = frontier(fit, GRID)
    ours, theirs = plots.plot_frontier(found), plots.plot_frontier(found.table(full=True))
    for left, right in zip(ours.axes, theirs.axes, strict=True):
        assert [line.get_ydata().tolist() for line in left.lines] == [
            line.get_ydata().tolist() for line in right.lines
        ]
    assert len(plots.plot_residuals(fit).axes) == len(plots.plot_residuals(plots.residual_table(fit)).axes)


def test_a_figure_is_drawn_where_it_is_told(fit):
    figure = Figure(figsize=(9, 3))
    axes = figure.subplots(1, 3)
    found = frontier(fit, GRID, CONTEXTS[0])
    assert plots.plot_frontier(found, ax=axes) is figure
    assert all(ax.lines for ax in axes) and axes[-1].get_legend() and not figure.legends
    with pytest.raises(BayesScalingError, match="1 x 3 panels"):
        plots.plot_frontier(found, ax=axes[0])
    assert plots.plot_frontier(found, figsize=(4, 2)).get_size_inches().tolist() == [4, 2]


def test_widths_are_those_of_a_paper_and_text_has_8_points(fit, drawn):
    assert drawn["frontier"].get_figwidth() == plots.PAGE == 6.75
    assert fit.runs.plot().get_figwidth() == plots.COLUMN == 3.25
    for figure in drawn.values():
        texts = [ax.xaxis.label for ax in figure.axes] + list(figure.legends[0].get_texts())
        assert {text.get_fontsize() for text in texts} == {8}
        first = figure.axes[0].texts[0]
        assert first.get_text() == "a" and first.get_fontweight() == "bold"


def test_jupyter_shows_a_figure_once_and_without_pyplot():
    code = (
        "import sys\n"
        "from tests.helpers.synthetic import synthetic_fit\n"
        "figure = synthetic_fit(draws=20).plot()\n"
        "data, size = figure._repr_png_()\n"
        "assert data[:4] == bytes([137]) + b'PNG'\n"
        "assert size['width'] == int(96 * figure.get_figwidth())\n"
        "pyplot = sys.modules.get('matplotlib.pyplot')\n"
        "assert pyplot is None or not pyplot.get_fignums()\n"  # else the cell's end would show it again
        "from matplotlib.figure import Figure\n"
        "assert not hasattr(Figure(), '_repr_png_')\n"  # the control
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_architecture_has_one_colour_whoever_stands_beside_it():
    alone, both = style.colours(["xlstm"]), style.colours(["transformer", "xlstm"])
    assert alone["xlstm"] == both["xlstm"] != both["transformer"]
    many = style.colours(["a", "b", "xlstm"])
    assert len(set(many.values())) == 3 and many["xlstm"] == both["xlstm"]


@pytest.mark.parametrize(
    ("low", "high"), [(9.1e9, 1.2e10), (3e18, 3e21), (2048, 16384), (1e8, 3e9), (1.1, 1.3), (1e3, 1e30)]
)
def test_a_log_axis_has_three_ticks_or_more_and_not_too_many(low, high):
    ticks = RoundNumbers().tick_values(low, high)
    assert 3 <= len([tick for tick in ticks if low <= tick <= high]) <= 6


@pytest.mark.parametrize(
    ("value", "told"), [(6.1e18, "6e18"), (6.25e10, "6.25e10"), (1e20, "1e20"), (2.44e19, "2.44e19")]
)
def test_budgets_are_called_by_round_numbers_that_are_near(value, told):
    assert style.short_power(value) == told


def test_frontier_shades_what_lies_beyond_the_runs(fit):
    def entries(compute):
        figure = plots.plot_frontier(frontier(fit, compute).table(full=True))
        return [text.get_text() for text in figure.legends[0].get_texts()]

    assert "beyond the runs" in entries(GRID)
    assert "beyond the runs" not in entries([7e18, 6e19])


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_save_figure_writes_whole_files(drawn, tmp_path, suffix):
    path = plots.save_figure(drawn["comparison"], tmp_path / f"figure{suffix}")
    assert path.stat().st_size > 5000
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_save_figure_refuses_what_it_cannot_write(drawn, tmp_path):
    with pytest.raises(BayesScalingError, match="format"):
        plots.save_figure(drawn["comparison"], tmp_path / "figure.xyz")
    with pytest.raises(BayesScalingError, match="cannot be written"):
        plots.save_figure(drawn["comparison"], tmp_path / "missing" / "figure.png")
    assert list(tmp_path.iterdir()) == []
