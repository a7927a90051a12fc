"""The law alone beside the default: kept with the fit, and told where it has another optimum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.posterior import law_sampled
from bayes_scaling.posterior import moved_optimum as moved_module
from bayes_scaling.posterior.answer_checks import answers
from bayes_scaling.posterior.checks import PASS, REVIEW
from bayes_scaling.posterior.fit import load_fit
from bayes_scaling.posterior.law_alone import GROUP, is_sampled, law_alone
from bayes_scaling.posterior.law_sampled import sample_law_alone
from bayes_scaling.posterior.moved_optimum import gap, moved_optimum
from bayes_scaling.posterior.posterior import Posterior
from bayes_scaling.posterior.verdict import store, stored
from tests.helpers.fits import small_fit
from tests.helpers.synthetic import synthetic_fit, with_group


def fresh() -> Posterior:
    """The small fit without a law alone beside it."""
    fit = small_fit()
    tree = fit.idata.copy()
    if GROUP in tree.children:
        del tree[GROUP]
    return replace(fit, idata=tree)


@pytest.mark.parametrize(
    ("ours", "theirs", "wanted"),
    [
        ((1, 2, 4), (1, 2, 4), 0.0),
        ((1, 2, 4), (4, 8, 16), 2.0),  # two octaves apart, an octave each
        ((4, 8, 16), (1, 2, 4), 2.0),
        ((1, 2, 4), (0.5, 8, 16), 0.5),  # the other's interval reaches four octaves down
        ((1, 2, 3), (1, np.nan, 4), np.nan),
    ],
)
def test_the_gap_is_counted_in_the_wider_half_interval_between(ours, theirs, wanted) -> None:
    found = gap(np.array(ours, dtype=float), np.array(theirs, dtype=float))
    np.testing.assert_allclose(found, wanted)


def test_without_a_discrepancy_the_law_alone_is_the_fit() -> None:
    fit = synthetic_fit(chains=1, draws=10)
    assert law_alone(fit) is fit and is_sampled(fit) and moved_optimum(fit) is None
    assert "drift_moves_optimum" not in [row.name for row in answers(fit)]


def test_a_stack_has_no_law_alone() -> None:
    fit = replace(fresh(), spec=ModelSpec(law="mixture"))
    assert law_alone(fit) is None


def test_the_law_alone_is_made_once_and_stays_with_the_fit(monkeypatch, tmp_path) -> None:
    fit = fresh()
    first = law_alone(fit)
    assert first is not None and first.spec == replace(fit.spec, discrepancy="none")
    assert set(first.posterior["E"].sizes) == set(fit.posterior["E"].sizes)
    saved = load_fit(type(fit)(fit.idata, fit.runs, fit.spec).save(tmp_path / "fit.nc"))
    again = fresh()
    monkeypatch.setattr("bayes_scaling.posterior.law_alone.settle", lambda design: pytest.fail("made again"))
    for kept in (fit, saved):
        np.testing.assert_allclose(law_alone(kept).posterior["E"], first.posterior["E"], rtol=1e-6)
    with pytest.raises(pytest.fail.Exception):  # the control: nothing is kept
        law_alone(again)
    others = replace(fit, runs=fit.runs.subset(np.arange(len(fit.runs)) > 3))
    with pytest.raises(pytest.fail.Exception):  # of other runs
        law_alone(others)


def test_sampled_draws_take_the_place_of_the_normals() -> None:
    fit = fresh()
    normal = law_alone(fit)
    assert not is_sampled(fit)
    store(fit.idata, [])
    sample_law_alone(fit)
    sampled = law_alone(fit)
    assert is_sampled(fit) and sampled.posterior.sizes["chain"] == 4
    assert stored(fit.idata) is None  # the checks hang on it
    both = [np.log(one.posterior["E"]) for one in (normal, sampled)]
    apart = abs(both[0].mean(("chain", "draw")) - both[1].mean(("chain", "draw")))
    assert (apart < 3 * both[1].std(("chain", "draw"))).all()  # two views of one posterior


def scaled(fit: Posterior, factor: float) -> Posterior:
    """The law alone with its params term scaled, which moves its optimum."""
    alone = law_alone(fit)
    return with_group(alone, "posterior", A=alone.posterior["A"] * factor)


@pytest.mark.parametrize(("factor", "status"), [(1.0, PASS), (30.0, REVIEW)])
def test_the_check_asks_for_review_where_the_optimum_moves(monkeypatch, factor: float, status: str) -> None:
    fit = fresh()
    other = scaled(fit, factor)
    monkeypatch.setattr(moved_module, "law_alone", lambda fit: other)
    row = {row.name: row for row in answers(fit)}["drift_moves_optimum"]
    assert row.status == status and (row.value > 1) == (status == REVIEW)
    assert "by the law alone" in row.advice


@pytest.mark.parametrize(("factor", "sampled"), [(1.0, False), (30.0, True)])
def test_what_looks_apart_is_sampled_before_it_is_said(monkeypatch, factor: float, sampled: bool) -> None:
    fit = fresh()
    other = scaled(fit, factor)
    asked: list[Posterior] = []
    monkeypatch.setattr(moved_module, "law_alone", lambda fit: other)
    monkeypatch.setattr(law_sampled, "sample_law_alone", asked.append)
    law_sampled.verify_moved_optimum(fit)
    assert (asked == [fit]) == sampled
