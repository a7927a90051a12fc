"""Optima between nodes: those that a search at each budget finds."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.laws import frontier_nodes
from bayes_scaling.laws.drift_line import Line
from bayes_scaling.laws.drifting_optimum import _searched, optimal_log_params
from bayes_scaling.laws.frontier_nodes import GAP, nodes
from tests.laws.test_drifting_optimum import SURFACE, curve

BUDGETS = np.log(np.geomspace(1e20, 1e23, 60))


def apart(found: np.ndarray, log_compute: np.ndarray) -> np.ndarray:
    """Whether ln L at what is found is higher or lower than at what a search finds."""
    line = Line(SURFACE._all, curve())
    each = _searched(SURFACE._all, log_compute, curve())
    index = line.index(found.shape)
    return np.abs(line.value(found, index, log_compute) - line.value(each, index, log_compute)) > 1e-4


def test_nodes_are_close_where_budgets_are() -> None:
    node = nodes(BUDGETS)
    assert len(node) < 0.3 * len(BUDGETS) and node[0] == 0 and node[-1] == len(BUDGETS) - 1
    assert np.diff(BUDGETS[node]).max() <= GAP
    np.testing.assert_array_equal(nodes(np.log([1e22, 1e20, 1e21])), [1, 2, 0])
    np.testing.assert_array_equal(nodes(np.log([1e20])), [0])


def test_between_nodes_optima_are_those_of_a_search() -> None:
    found = optimal_log_params(SURFACE._all, BUDGETS, curve())
    assert apart(found, BUDGETS).mean() < 0.01


def test_budgets_in_any_order_have_the_same_optima() -> None:
    order = np.random.default_rng(0).permutation(len(BUDGETS))
    ascending = optimal_log_params(SURFACE._all, BUDGETS, curve())
    np.testing.assert_allclose(
        optimal_log_params(SURFACE._all, BUDGETS[order], curve()), ascending[..., order]
    )


def test_a_jump_that_is_not_searched_for_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: these draws jump from one minimum to another."""
    usual = apart(optimal_log_params(SURFACE._all, BUDGETS, curve()), BUDGETS).mean()
    monkeypatch.setattr(frontier_nodes, "JUMP", np.inf)
    blind = apart(optimal_log_params(SURFACE._all, BUDGETS, curve()), BUDGETS).mean()
    assert blind > 2 * usual + 0.005


def test_equal_budgets_have_equal_optima() -> None:
    twice = np.repeat(BUDGETS[::4], 3)
    found = optimal_log_params(SURFACE._all, twice, curve())
    np.testing.assert_allclose(found[..., ::3], found[..., 1::3], atol=1e-7)
