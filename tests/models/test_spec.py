"""The specification: round trips, and refusals that name the remedy."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_scaling.errors import SpecError
from bayes_scaling.models.priors import DEFAULT_PRIORS
from bayes_scaling.models.spec import ModelSpec, Pooling

NAMES = [prior.name for prior in DEFAULT_PRIORS]
SPECS = st.builds(
    ModelSpec,
    law=st.sampled_from(["gamma", "chinchilla"]),
    pooling=st.sampled_from(get_args(Pooling)),
    priors=st.dictionaries(
        st.sampled_from(NAMES),
        st.dictionaries(st.sampled_from(["median", "scale"]), st.floats(1e-3, 0.99), min_size=1),
    ),
)


@given(SPECS)
def test_json_and_toml_round_trip(spec: ModelSpec) -> None:
    assert ModelSpec.from_json(spec.to_json()) == spec
    assert ModelSpec.from_toml(spec.to_toml()) == spec


def test_a_change_reaches_the_prior_and_leaves_the_others() -> None:
    spec = ModelSpec(priors={"E": {"median": 1.1}})
    assert spec.prior("E").median == 1.1
    assert spec.prior("E").scale == ModelSpec().prior("E").scale
    assert spec.prior("R") == ModelSpec().prior("R")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"law": "kaplan9"}, "kaplan9"),
        ({"pooling": "partail"}, "did you mean 'partial'"),
        ({"priors": {"alpah": {"median": 1.0}}}, "alpah"),
        ({"priors": {"E": {"mean": 1.0}}}, "mean"),
        ({"priors": {"E": {"median": -1.0}}}, "positive"),
        ({"priors": {"E": {"median": float("nan")}}}, "positive"),
        ({"priors": {"E": {"median": True}}}, "positive"),
        ({"priors": {"E": 1.7}}, "table"),
        ({"priors": {"share": {"median": 1.5}}}, "between 0 and 1"),
    ],
)
def test_a_bad_spec_is_refused_by_name(arguments: dict, named: str) -> None:
    with pytest.raises(SpecError, match=named):
        ModelSpec(**arguments)


@pytest.mark.parametrize("text", ["", "[", "3", '{"laws": "gamma"}'])
def test_text_that_is_no_spec_is_refused(text: str) -> None:
    with pytest.raises(SpecError):
        ModelSpec.from_json(text)


def test_the_spec_is_frozen() -> None:
    with pytest.raises(TypeError):
        ModelSpec(priors={"E": {"median": 1.0}}).priors["E"]["median"] = 2.0  # type: ignore[index]


@pytest.mark.parametrize("prior", DEFAULT_PRIORS, ids=NAMES)
def test_every_default_prior_has_a_unit_and_a_reason(prior) -> None:
    assert prior.unit
    assert len(prior.reason) > 40
    assert prior.median > 0 or prior.transform == "identity"
    assert prior.scale > 0
