import warnings

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import ConvergenceWarning, TimingsWarning
from bayes_scaling.latency.baselines import hard_roofline, study_lines
from bayes_scaling.latency.table import predict_table
from bayes_scaling.roofline.devices import get_device

DEVICE = "H100-SXM"


@pytest.fixture
def timings(reference_data):
    return bs.latency.load_timings(reference_data("inference_timings.csv"))


def _split(timings):
    small = (timings.frame["params"] < 2e9).to_numpy()
    return timings.subset(small), timings.subset(~small)


def test_the_reference_table_is_plausible_and_seconds_are_not(timings):
    assert len(timings) == 1300 and timings.notes == ()
    frame = timings.frame.assign(step_time_ms=timings.frame["step_time_ms"] / 1000)
    with pytest.warns(TimingsWarning, match="are they seconds"):
        bs.latency.load_timings(frame)


def test_baselines_miss_the_largest_model(timings):
    """A negative control of the model's 10%: neither baseline reaches it for all four quantities."""
    small, large = _split(timings)
    device = get_device(DEVICE)
    for name in timings.architectures:
        train, test = (part.frame[part.frame["architecture"] == name] for part in (small, large))
        for quantity in ("ttft_ms", "step_time_ms"):
            kept = test[test[quantity].notna()]
            time = kept[quantity].to_numpy()
            assert np.median(abs(hard_roofline(kept, quantity, device) / time - 1)) > 0.3
            assert np.median(abs(study_lines(train, kept, quantity) / time - 1)) > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["numpyro", "pymc"])
def test_the_largest_model_is_predicted_from_the_smaller(timings, backend):
    small, large = _split(timings)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        fit = bs.latency.fit_latency(small, DEVICE, backend=backend, progress=False)
    table = predict_table(fit, large.frame)
    for name in timings.architectures:
        rows = (table["architecture"] == name).to_numpy()
        for quantity in ("ttft_ms", "step_time_ms"):
            time = large.frame[quantity].to_numpy()
            kept = rows & ~np.isnan(time)
            error = abs(table[f"{quantity}_median"][kept] / time[kept] - 1)
            inside = (table[f"{quantity}_q05"][kept] <= time[kept]) & (
                time[kept] <= table[f"{quantity}_q95"][kept]
            )
            assert np.median(error) < 0.1
            assert inside.mean() >= 0.75
        fits = large.frame["measured"].to_numpy()[rows]
        assert ((table["fits_probability"][rows] > 0.5) == fits).mean() > 0.93
