"""Priors of losses in another unit than nats per token."""

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.models.unit_priors import UNIT_PRIORS, in_unit
from bayes_scaling.runs.column_units import loss_unit


def test_nats_per_token_keep_the_defaults():
    spec = ModelSpec(priors={"E": {"median": 1.5}})
    assert in_unit(spec, "nats/token") is spec
    assert in_unit(None, "nats/token") == ModelSpec()


@pytest.mark.parametrize("unit", [unit for unit in UNIT_PRIORS if unit != "nats/token"])
def test_another_unit_moves_two_priors_alone(unit):
    spec, default = in_unit(None, unit), ModelSpec()
    assert set(spec.priors) == {"E", "R"}
    for name in ("E", "R"):
        assert spec.prior(name).median != default.prior(name).median
    assert spec.prior("gamma") == default.prior("gamma")


def test_bits_are_nats_over_the_log_of_2():
    for nats, bits in (("nats/token", "bits/token"), ("nats/byte", "bits/byte")):
        for name in ("E", "R"):
            ratio = in_unit(None, bits).prior(name).median / in_unit(None, nats).prior(name).median
            assert ratio == pytest.approx(1 / np.log(2), rel=0.02), (bits, name)


def test_what_the_spec_changes_stays():
    own = ModelSpec(priors={"E": {"median": 0.9}, "gamma": {"scale": 0.1}})
    found = in_unit(own, "nats/byte")
    assert found.prior("E").median == 0.9
    assert found.prior("E").scale == UNIT_PRIORS["nats/byte"]["E"]["scale"]
    assert found.prior("gamma").scale == 0.1
    assert in_unit(found, "nats/byte") == found  # a saved fit's spec is used again as it is


def test_every_unit_that_a_table_can_tell_has_priors():
    names = (
        "loss",
        "bpb",
        "bits_per_byte",
        "loss (bits/char)",
        "bpc",
        "loss_bits",
        "nats_per_byte",
        "val_ppl",
    )
    frame = bs.load_runs("simulated").frame
    found = [loss_unit(frame, {"loss": name}) for name in names]
    assert found == [
        "nats/token",
        "bits/byte",
        "bits/byte",
        "bits/character",
        "bits/character",
        "bits/token",
        "nats/byte",
        "nats/token",
    ]
    assert set(found) == set(UNIT_PRIORS)


def test_a_vocabulary_of_bytes_tells_the_unit():
    frame = bs.load_runs("simulated").frame
    mapping = {"loss": "loss"}
    assert loss_unit(frame.assign(vocab_size=256), mapping) == "nats/byte"
    assert loss_unit(frame.assign(vocab_size=256), {"loss": "loss_bits"}) == "bits/byte"
    for size in (50304, np.where(np.arange(len(frame)) == 3, 50304, 256), "unknown"):
        assert loss_unit(frame.assign(vocab_size=size), mapping) == "nats/token"


def test_runs_of_bytes_are_fitted_with_their_priors():
    runs = bs.load_runs("measured")
    assert runs.loss_unit == "nats/byte"
    model = bs.models.plain_model(runs)
    default = bs.models.plain_model(runs, ModelSpec(priors={"E": {"median": 1.7}}))
    at = model.initial_point()
    log_p, other = (m.compile_logp()(at) for m in (model, default))
    assert abs(log_p - other) > 1
    drawn = bs.prior_predictive(runs, draws=200, seed=1)
    told = bs.prior_predictive(runs, in_unit(None, "nats/byte"), draws=200, seed=1)
    assert np.array_equal(drawn, told)


@pytest.mark.filterwarnings("ignore::bayes_scaling.errors.ConvergenceWarning")  # 100 draws will not pass
def test_the_fit_writes_its_priors_down():
    runs = bs.load_runs("measured")
    small = runs.subset(runs.frame["budget"].eq(6.25e10).to_numpy())
    fit = bs.fit(small, discrepancy="none", draws=50, max_draws=50, tune=100, chains=2, progress=False)
    assert fit.spec == in_unit(ModelSpec(discrepancy="none"), "nats/byte")
