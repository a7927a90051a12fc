"""Shapes: impossible ones are refused by name, row and remedy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.accounting import AccountingError, Shape, get_architecture, shape_from_columns
from bayes_scaling.errors import BayesScalingError

SIZES = {"embedding_dim": 768, "num_blocks": 12, "num_heads": 12, "ffn_dim": 2048}


def test_defaults_follow_from_the_width():
    shape = Shape(**SIZES)
    assert (shape.num_kv_heads, shape.head_dim_v, shape.head_dim_qk) == (12, 64, 64)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_heads": 7}, "num_heads 7 does not divide embedding_dim 768"),
        ({"num_kv_heads": 5}, "num_kv_heads 5 does not divide num_heads 12"),
        ({"num_blocks": 0}, "num_blocks is 0: give a positive whole number"),
        ({"embedding_dim": -768}, "embedding_dim is -768"),
        ({"num_blocks": 12.5}, "num_blocks is 12.5"),
        ({"vocab_size": np.nan}, "vocab_size is nan"),
        ({"num_blocks": "twelve"}, "num_blocks is 'twelve'"),
        ({"ffn_dim": -1}, "ffn_dim is -1: give a non-negative"),
        ({"num_blocks": np.array([12, 12, -3])}, r"num_blocks is -3 \(row 2\)"),
        ({"num_heads": np.array([12, 11])}, r"num_heads 11 \(row 1\) does not divide"),
    ],
)
def test_impossible_shapes_are_refused(change, message):
    with pytest.raises(AccountingError, match=message):
        Shape(**{**SIZES, **change})


def test_a_continuous_shape_need_not_be_whole():
    assert Shape(**{**SIZES, "num_heads": 7.3}, continuous=True).head_dim_v == pytest.approx(768 / 7.3)


def test_errors_are_the_package_s_own():
    assert issubclass(AccountingError, BayesScalingError)


def test_shapes_from_columns():
    frame = pd.DataFrame({**SIZES, "vocab_size": 1000}, index=[3, 9])
    shape = shape_from_columns(frame, num_kv_heads=4)
    assert shape.vocab_size.tolist() == [1000, 1000]
    assert shape.num_kv_heads == 4
    nullable = shape_from_columns(frame.astype("Int64"))
    assert nullable.embedding_dim.tolist() == [768, 768]


def test_missing_and_wordy_columns_are_named():
    with pytest.raises(AccountingError, match="no column num_blocks"):
        shape_from_columns({k: v for k, v in SIZES.items() if k != "num_blocks"})
    with pytest.raises(AccountingError, match="column 'num_blocks' holds values"):
        shape_from_columns({**SIZES, "num_blocks": ["a", "b"]})


def test_an_xlstm_has_no_grouped_heads():
    with pytest.raises(AccountingError, match="one head count"):
        get_architecture("xlstm").params(Shape(**SIZES, num_kv_heads=4))


@pytest.mark.parametrize("context", [0, -1, np.nan, None, "long", np.array([2048, 0])])
def test_contexts_must_be_positive(context):
    with pytest.raises(AccountingError, match="context_length"):
        get_architecture("llama").forward_flops(Shape(**SIZES), context)


def test_unknown_architectures_and_modes_name_the_remedy():
    with pytest.raises(AccountingError, match=r"unknown architecture 'rwkv'.*register_architecture"):
        get_architecture("rwkv")
    with pytest.raises(AccountingError, match="no mode 'tfla': choose one of distill_scaling, chinchilla"):
        get_architecture("llama").forward_flops(Shape(**SIZES), 2048, mode="tfla")
