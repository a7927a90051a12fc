"""Shape families are exact, smooth and increasing; real shapes are near and can be built."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.accounting import (
    AccountingError,
    Shape,
    ShapeFamily,
    fit_families,
    fit_family,
    get_architecture,
    nearest_shape,
)
from bayes_scaling.accounting.curves import spline_curve

PARAMS = np.geomspace(1e5, 1e15, 400)
ARCHITECTURES = ["transformer", "xlstm", "mamba2"]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_family_has_exactly_the_params_asked_for(name):
    value = get_architecture(name)
    shape = value.family.shape(value.params, PARAMS)
    assert np.max(np.abs(value.params(shape) / PARAMS - 1)) < 1e-12
    wider = value.family.at_width(shape.embedding_dim * 1.001)
    assert np.min(value.params(wider) / PARAMS - 1) > 5e-4


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("context", [512, 16384, 1_000_000])
def test_flops_rise_with_params_and_are_smooth_to_the_second_derivative(name, context):
    value = get_architecture(name)

    def log_flops(x: np.ndarray) -> np.ndarray:
        shape = value.family.shape(value.params, np.exp(x))
        return np.log(value.training_flops_per_token(shape, context))

    x, step = np.log(PARAMS), 2e-3
    below, here, above = log_flops(x - step), log_flops(x), log_flops(x + step)
    assert np.all(above > here)
    assert np.all(here > below)
    second = (above - 2 * here + below) / step**2
    assert np.max(np.abs(second)) < 1
    assert np.max(np.abs(np.diff(second))) < 0.1 * np.ptp(second) + 1e-6  # no jump between neighbours


def test_scalars_give_scalars():
    value = get_architecture("llama")
    assert np.shape(value.family.width_for(value.params, 1e9)) == ()


def test_fitting_recovers_a_family():
    truth = ShapeFamily(
        blocks=18, blocks_exponent=0.6, head_dim=90, head_dim_exponent=0.3, ffn_ratio=2.7, vocab_size=32000
    )
    value = get_architecture("llama")
    n = np.geomspace(1e8, 1e10, 12)
    found = fit_family(truth.shape(value.params, n), n)
    for name in ("blocks", "blocks_exponent", "head_dim", "head_dim_exponent", "ffn_ratio", "vocab_size"):
        assert getattr(found, name) == pytest.approx(getattr(truth, name), rel=0.002), name
    other = fit_family(ShapeFamily(vocab_size=32000).shape(value.params, n), n)
    assert other.blocks != pytest.approx(truth.blocks, rel=0.05)


def test_one_size_of_model_is_enough():
    shape = Shape(2048, 24, 16, 5504, num_kv_heads=8)
    family = fit_family(shape, get_architecture("llama").params(shape))
    again = family.at_width(2048.0)
    assert again.num_blocks == pytest.approx(24)
    assert again.num_kv_heads == pytest.approx(8)
    assert family.blocks_exponent == ShapeFamily.blocks_exponent


def test_a_fixed_number_of_kv_heads_stays_fixed():
    shape = Shape(np.array([2048, 4096]), np.array([24, 32]), np.array([16, 32]), 5504, num_kv_heads=8)
    family = fit_family(shape, get_architecture("llama").params(shape))
    assert family.num_kv_heads == 8
    assert family.at_width(8192.0).num_kv_heads == 8


def test_families_of_a_table_skip_what_has_no_shape():
    columns = {
        "architecture": ["llama", "llama", "other"],
        "params": [1e8, 2e8, 1e8],
        "embedding_dim": [512, 768, np.nan],
        "num_blocks": [12, 14, np.nan],
        "num_heads": [8, 12, np.nan],
        "ffn_dim": [1408, 2048, np.nan],
    }
    assert list(fit_families(columns)) == ["llama"]
    assert fit_families(columns, vocab_size=7000)["llama"].vocab_size == 7000
    assert fit_families({"architecture": ["llama"], "params": [1e8]}) == {}
    with pytest.raises(AccountingError, match="among the 2 rows of 'llama': num_heads 7"):
        fit_families({**columns, "num_heads": [8, 7, np.nan]})


def test_two_vocabularies_are_refused():
    shape = Shape(512, 12, 8, 1408, vocab_size=np.array([32000, 50304]))
    with pytest.raises(AccountingError, match="vocab_size differs"):
        fit_family(shape, np.array([1e8, 1.1e8]))


@pytest.mark.parametrize(
    "change", [{"blocks": 0}, {"blocks_exponent": -1}, {"head_dim_exponent": 1.5}, {"ffn_ratio": -1}]
)
def test_families_that_make_no_sense_are_refused(change):
    with pytest.raises(AccountingError, match=next(iter(change))):
        ShapeFamily(**change)


def test_params_no_width_reaches_are_refused():
    with pytest.raises(AccountingError, match="no shape of the family has 2e"):
        ShapeFamily().width_for(lambda shape: 1e6 / (1 + 1 / shape.embedding_dim), np.array([2e9]))


def test_rounded_shapes_are_refused_as_a_cost():
    with pytest.raises(AccountingError, match="jump or bend"):
        spline_curve("rounded", lambda x: x + 1e-6 * np.round(3 * x))
    with pytest.raises(AccountingError, match="fall with params"):
        spline_curve("falling", lambda x: -x)
    with pytest.raises(AccountingError, match="not positive and finite"):
        spline_curve("infinite", lambda x: x + np.inf)


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("params", [1e8, 1e9, 7e9, 7e10, 1e12])
def test_the_nearest_shape_can_be_built(name, params):
    value, real = get_architecture(name), nearest_shape(name, params, 8192)
    shape = real.shape
    assert real.params == value.params(shape)
    assert real.params == pytest.approx(params, rel=0.03)
    assert shape.embedding_dim % 64 == 0
    assert shape.ffn_dim % 64 == 0
    assert shape.num_heads * shape.head_dim_v == value.family.expansion * shape.embedding_dim
    assert shape.num_heads % shape.num_kv_heads == 0
    assert shape.head_dim_v <= value.family.largest_head_dim
    assert real.flops_per_token == value.training_flops_per_token(shape, 8192)
    smooth = value.training_flops_per_token(value.family.shape(value.params, real.params), 8192)
    assert real.flops_per_token == pytest.approx(smooth, rel=0.03)
    assert all(isinstance(size, int) for key, size in vars(shape).items() if key != "continuous")


def test_a_model_smaller_than_its_embedding_has_no_real_shape():
    with pytest.raises(AccountingError, match="no real transformer shape near 1e"):
        nearest_shape("llama", 1e5, 2048)
    assert nearest_shape("llama", 1e5, 2048, ShapeFamily(vocab_size=256, width_multiple=16)).params < 1.3e5
