"""A fit with fewer draws says what the whole fit says."""

from __future__ import annotations

import numpy as np

from bayes_scaling.posterior.thinning import thinned
from bayes_scaling.questions.frontier import frontier
from tests.helpers.synthetic import synthetic_fit


def test_every_group_of_the_same_draws_is_thinned_alike() -> None:
    fit = synthetic_fit(draws=100)
    fewer = thinned(fit, 30)
    for name, node in fit.idata.children.items():
        own = node.to_dataset()
        kept = fewer.idata[name].to_dataset()
        if own.sizes.get("draw") == 100:
            np.testing.assert_array_equal(kept["draw"], own["draw"][::3])
        else:
            assert kept.sizes == own.sizes
    assert fewer.posterior.sizes["draw"] == 34 and fewer.runs is fit.runs
    assert fewer.idata.attrs == fit.idata.attrs


def test_answers_are_those_of_the_draws_that_are_kept() -> None:
    fit = synthetic_fit(draws=100)
    whole = frontier(fit, 1e21, 8192, "xlstm").draws["params"]
    some = frontier(thinned(fit, 50), 1e21, 8192, "xlstm").draws["params"]
    np.testing.assert_allclose(some, whole[:, ::2])


def test_few_draws_stay() -> None:
    fit = synthetic_fit(draws=100)
    assert thinned(fit, 51) is fit
