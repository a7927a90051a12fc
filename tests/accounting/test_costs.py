"""Costs: exact values and derivatives, tables, registration, units."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from bayes_scaling.accounting import (
    AccountingError,
    ShapeFamily,
    fit_families,
    flop_table,
    forget_architecture,
    get_architecture,
    get_cost,
    register_architecture,
    register_cost,
)

RNG = np.random.default_rng(20240711)
LOG_PARAMS = RNG.uniform(np.log(1e5), np.log(1e15), (50, 20))
GRID = np.array([[2e8, 7e8, 2.6e9], [2.6e8, 7.9e8, 2.8e9]])  # context by params
ROWS = {
    "params": np.tile([3e7, 1e8, 4e8], 2),
    "context_length": np.repeat([2048, 8192], 3),
    "flops_per_token": GRID.ravel(),
}


@pytest.fixture
def measured():
    register_architecture("measured", aliases=("by-hand",), table=flop_table(**ROWS))
    yield "measured"
    forget_architecture("measured")


def test_six_n_is_six_n():
    cost = get_cost("6ND")
    assert np.allclose(cost.flops_per_token(np, LOG_PARAMS), 6 * np.exp(LOG_PARAMS), rtol=1e-13, atol=0)
    assert np.all(cost.slope(np, LOG_PARAMS, 2048, "anything") == 1)


@pytest.mark.parametrize("name", ["llama", "xlstm", "mamba2"])
@pytest.mark.parametrize("context", [2048, 16384])
def test_accounted_cost_equals_direct_evaluation(name, context):
    cost, value = get_cost("accounted"), get_architecture(name)

    def direct(log_params: np.ndarray, family: ShapeFamily = value.family) -> np.ndarray:
        shape = family.shape(value.params, np.exp(log_params))
        return value.training_flops_per_token(shape, context)

    found = cost.flops_per_token(np, LOG_PARAMS, context, name)
    assert found.shape == LOG_PARAMS.shape
    assert np.max(np.abs(found / direct(LOG_PARAMS) - 1)) < 1e-10
    step = 1e-3
    slope = np.log(direct(LOG_PARAMS + step) / direct(LOG_PARAMS - step)) / (2 * step)
    assert np.max(np.abs(cost.slope(np, LOG_PARAMS, context, name) - slope)) < 1e-6
    other = ShapeFamily(blocks=30, vocab_size=32000)
    assert np.max(np.abs(found / direct(LOG_PARAMS, other) - 1)) > 1e-3


def test_the_slope_is_the_derivative_of_the_value_everywhere():
    curve = get_cost("accounted").curve(8192, "llama")
    x = np.concatenate([np.linspace(2, 50, 400), curve.knots[::97]])  # beyond both ends too
    step = 1e-5
    numeric = (curve.value(np, x + step) - curve.value(np, x - step)) / (2 * step)
    assert np.max(np.abs(numeric - curve.slope(np, x))) < 1e-8
    assert np.min(curve.slope(np, x)) > 0.3


def test_jax_gives_the_same_values_and_its_gradient_is_the_slope():
    jax = pytest.importorskip("jax")
    cost, points = get_cost("accounted"), np.log([3e7, 1e9, 2e11])

    def one(x):
        return cost.log_flops_per_token(jax.numpy, x, 8192, "xlstm")

    value, slope = jax.vmap(jax.value_and_grad(one))(jax.numpy.asarray(points))
    assert np.allclose(value, cost.log_flops_per_token(np, points, 8192, "xlstm"), rtol=1e-5)
    assert np.allclose(slope, cost.slope(np, points, 8192, "xlstm"), rtol=1e-3)


def test_a_mode_applies_where_it_exists():
    x = np.log(1e9)
    plain, wide = get_cost("accounted"), get_cost("accounted", mode="chinchilla")
    assert wide.flops_per_token(np, x, 8192, "llama") > 1.1 * plain.flops_per_token(np, x, 8192, "llama")
    assert wide.flops_per_token(np, x, 8192, "xlstm") == plain.flops_per_token(np, x, 8192, "xlstm")
    with pytest.raises(AccountingError, match="no architecture counts in mode 'chinchila'"):
        get_cost("accounted", mode="chinchila")


def test_families_of_unknown_architectures_wait_until_they_are_asked_for():
    cost = get_cost("accounted", {"llama": ShapeFamily(vocab_size=256), "rwkv": ShapeFamily()})
    default = get_cost("accounted").flops_per_token(np, np.log(1e8), 2048, "llama")
    assert cost.flops_per_token(np, np.log(1e8), 2048, "llama") > default
    with pytest.raises(AccountingError, match="unknown architecture 'rwkv'"):
        cost.flops_per_token(np, np.log(1e8), 2048, "rwkv")


@pytest.mark.parametrize(
    ("context", "architecture", "message"),
    [
        (0, "llama", "context_length is 0"),
        (-5, "llama", "context_length is -5"),
        (2048, None, "needs an arch"),
    ],
)
def test_costs_refuse_impossible_queries(context, architecture, message):
    with pytest.raises(AccountingError, match=message):
        get_cost("accounted").flops_per_token(np, 20.0, context, architecture)


def test_unknown_costs_name_the_choices(measured):
    with pytest.raises(AccountingError, match="unknown cost '8ND': choose one of 6ND, accounted, table"):
        get_cost("8ND")
    with pytest.raises(AccountingError, match="no table of FLOPs"):
        get_cost("table").flops_per_token(np, 20.0, 2048, "llama")


def test_units_change_budgets_not_flops():
    hours = get_cost("6ND").in_unit("GPU hours", 3600 * 4e14)
    assert hours.to_flops(2.0) == 2 * 3600 * 4e14
    assert hours.from_flops(hours.to_flops(7.0)) == pytest.approx(7.0)
    assert hours.unit == "GPU hours"
    assert get_cost("6ND").to_flops(5.0) == 5.0
    with pytest.raises(AccountingError, match="flops_per_unit"):
        get_cost("6ND").in_unit("dollars", 0)


@pytest.mark.parametrize("name", ["table", "accounted"])
def test_a_table_goes_through_its_rows_and_rises_between(measured, name):
    cost = get_cost(name)
    for context, row in zip((2048, 8192), GRID, strict=True):
        assert np.allclose(
            cost.flops_per_token(np, np.log(ROWS["params"][:3]), context, "by-hand"), row, rtol=1e-12
        )
    x = np.linspace(np.log(1e6), np.log(1e12), 500)
    surface = np.array([cost.log_flops_per_token(np, x, t, measured) for t in np.linspace(2048, 8192, 25)])
    assert np.diff(surface, axis=0).min() >= 0
    assert np.diff(surface, axis=1).min() > 0
    with pytest.raises(AccountingError, match="context_length 16384 lies outside the table"):
        cost.flops_per_token(np, 20.0, 16384, measured)


def _changed(row: int, flops: float) -> dict[str, np.ndarray]:
    values = ROWS["flops_per_token"].copy()
    values[row] = flops
    return {**ROWS, "flops_per_token": values}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (_changed(1, 1.9e8), "rows 0 and 1: FLOPs per token must rise with params"),
        (_changed(4, 6.9e8), "rows 1 and 4: FLOPs per token must not fall with context_length"),
        (_changed(2, -1.0), r"flops_per_token is -1.0 \(row 2\)"),
        ({k: v[:-1] for k, v in ROWS.items()}, r"no row for params 4e\+08 at context_length 8192"),
        ({k: np.append(v, v[0]) for k, v in ROWS.items()}, "rows 0 and 6 are for the same"),
        ({**ROWS, "params": ROWS["params"][:-1]}, "as many rows"),
        ({k: v[[0, 3]] for k, v in ROWS.items()}, "two or more numbers of params"),
    ],
)
def test_bad_tables_are_refused_naming_the_rows(rows, message):
    with pytest.raises(AccountingError, match=message):
        flop_table(**rows)


def test_a_table_of_one_context_serves_that_context():
    curve = flop_table([1e8, 1e9], [2048, 2048], [7e8, 6.3e9]).curve(2048)
    assert np.allclose(np.exp(curve.value(np, np.log([1e8, 1e9]))), [7e8, 6.3e9], rtol=1e-12)
    with pytest.raises(AccountingError, match="context_length 4096 lies outside"):
        flop_table([1e8, 1e9], [2048, 2048], [7e8, 6.3e9]).curve(4096)


def test_a_table_that_would_fall_between_its_rows_is_refused():
    flops = [[1.0, 1.1, 8.0, 8.1, 8.2], [1.0001, 7.0, 8.0001, 30.0, 31.0]]
    params, contexts = np.tile(np.geomspace(1e7, 1e9, 5), 2), np.repeat([2048, 8192], 5)
    with pytest.raises(AccountingError, match="would fall between rows, near params"):
        flop_table(params, contexts, np.ravel(flops))


def test_row_order_does_not_matter():
    order = np.random.default_rng(3).permutation(6)
    shuffled = flop_table(**{k: v[order] for k, v in ROWS.items()})
    assert np.array_equal(shuffled.flops_per_token, flop_table(**ROWS).flops_per_token)


def test_an_architecture_of_one_s_own_by_functions_of_the_shape():
    register_architecture(
        "mlp",
        count_params=lambda shape: 12 * shape.num_blocks * shape.embedding_dim**2,
        count_forward=lambda shape, context, mode: 24.0 * context * shape.num_blocks * shape.embedding_dim**2,
    )
    try:
        found = get_cost("accounted").flops_per_token(np, LOG_PARAMS, 4096, "MLP")
        assert np.allclose(found, 6 * np.exp(LOG_PARAMS), rtol=1e-10)
        with pytest.raises(AccountingError, match="already known"):
            register_architecture("mlp", table=flop_table(**ROWS))
    finally:
        forget_architecture("mlp")
    with pytest.raises(AccountingError, match="unknown architecture"):
        get_cost("accounted").flops_per_token(np, LOG_PARAMS, 4096, "mlp")
    with pytest.raises(AccountingError, match="needs count_params= and count_forward="):
        register_architecture("empty")


def test_a_cost_of_one_s_own():
    cost = register_cost("seven", lambda params, context, architecture: 7 * params + context)
    found = get_cost("seven").flops_per_token(np, np.log([1e8, 1e9]), 2048, "llama")
    assert np.allclose(found, [7e8 + 2048, 7e9 + 2048], rtol=1e-10)
    assert cost.name == "seven"
    with pytest.raises(AccountingError, match="built in"):
        register_cost("6ND", lambda params, context, architecture: params)


def test_families_fitted_to_the_published_runs_cost_what_the_runs_cost():
    folder = os.environ.get("BAYES_SCALING_REFERENCE_DATA") or Path(__file__).parents[3] / "shared" / "data"
    path = Path(folder) / "xlstm_runs.csv"
    if not path.is_file():
        pytest.skip(f"reference data {path.name} is not in {path.parent}")
    pandas = pytest.importorskip("pandas")
    runs = pandas.read_csv(path)
    cost = get_cost("accounted", fit_families(runs))
    for (architecture, context), rows in runs.groupby(["architecture", "context_length"]):
        found = cost.flops_per_token(np, np.log(rows.params.to_numpy()), context, architecture)
        gap = found * rows.tokens.to_numpy() / rows.flops.to_numpy() - 1
        assert abs(gap.mean()) < 0.01  # widths and depths trade off within a grid: right on average
        assert np.abs(gap).max() < 0.15
        six = 6 * rows.params.to_numpy() * rows.tokens.to_numpy() / rows.flops.to_numpy() - 1
        assert np.std(gap) < np.std(six)
