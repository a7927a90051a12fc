"""Slopes in ln T and order changes, against hand-made draws and the study's lines."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.errors import BudgetError
from bayes_scaling.questions.context_effect import context_effect
from bayes_scaling.questions.frontier import frontier
from tests.helpers.synthetic import synthetic_fit

FIT = synthetic_fit(draws=60)


def test_two_contexts_give_the_line_through_both() -> None:
    effect = context_effect(FIT, 1e20, cost="accounted")
    draws = frontier(FIT, 1e20, cost="accounted").draws
    ends = [np.log(draws["params"].sel(context_length=t)) for t in (2048, 8192)]
    expected = (ends[1] - ends[0]) / np.log(4)
    np.testing.assert_allclose(
        effect.slopes["params"], expected.transpose(*effect.slopes["params"].dims), atol=1e-9
    )


def test_attention_takes_tokens_from_the_transformer_and_not_from_xlstm() -> None:
    """The law is the same at both contexts here, so only the FLOPs differ."""
    slopes = context_effect(FIT, 1e20).slopes["tokens"].mean(("chain", "draw", "compute"))
    assert float(slopes.sel(architecture="transformer")) < -0.1
    assert abs(float(slopes.sel(architecture="xlstm"))) < 0.03
    flat = context_effect(FIT, 1e20, cost="6ND").slopes["tokens"].mean(("chain", "draw", "compute"))
    assert abs(float(flat.sel(architecture="transformer"))) < 0.03


def test_an_order_change_is_found_where_it_was_put() -> None:
    from bayes_scaling.questions.context_effect import _order

    loss = frontier(FIT, 1e20).draws["loss"]
    gap = xr_gap(loss)
    order = _order(gap)
    np.testing.assert_allclose(order, 4096.0, rtol=1e-9)
    assert str(order["architecture"].to_numpy()[0]) == "transformer"
    assert bool(_order(abs(gap - 2) * (gap - 2)).notnull().all())
    assert bool(_order(abs(gap - 2)).isnull().all())


def xr_gap(loss):
    """Losses whose difference changes sign at 4096, half way between 2048 and 8192 in logs."""
    sign = np.where(loss["context_length"] == 2048, 1.0, -1.0)
    side = np.where(loss["architecture"] == "transformer", 1.0, 0.0)
    return loss * 0 + 2.0 + 0.1 * sign[:, None] * side[:, None, None]


def test_tables() -> None:
    effect = context_effect(FIT, [1e20, 1e21])
    assert len(effect.table(full=True)) == 4
    assert {"params_slope_median", "tokens_slope_q05", "loss_slope_q95", "cost"} <= set(
        effect.table(full=True)
    )
    assert list(effect.order_table()[["architecture", "other"]].iloc[0]) == ["transformer", "xlstm"]


def test_one_context_is_not_enough() -> None:
    with pytest.raises(BudgetError, match="two context lengths"):
        context_effect(FIT, 1e20, context_length=2048)
