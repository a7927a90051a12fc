"""The spread of a new size grows with its distance, and bytes reserved inform the memory model."""

import numpy as np
import pytest

from bayes_scaling.latency import LatencySettings, load_timings
from bayes_scaling.latency.design import build_design, used_memory
from bayes_scaling.models.latency_mode import find_whitening
from bayes_scaling.models.size_spread import size_conditional, size_covariance
from bayes_scaling.roofline.memory import MEMORY, log_reserved, memory_parameters
from tests.helpers.latency_tables import DEVICE, simulated

FITTED = np.array([1.6e8, 4e8, 8e8, 1.4e9])


def test_the_spread_grows_with_the_distance_from_the_fitted_sizes():
    new = np.array([1.2e9, 1.8e9, 3e9, 7e9, 7e10])
    _, sd = size_conditional(new, FITTED, 4.3)
    assert (np.diff(sd) > 0).all() and sd[0] < 1.5 and sd[-1] > 3 * sd[0]
    _, flat = size_conditional(new, FITTED, 0.0)
    np.testing.assert_allclose(flat, 1.0)  # without a walk every size is as uncertain as the next


def test_a_new_size_leans_on_its_neighbour():
    weight, _ = size_conditional(np.array([3e9]), FITTED, 4.3)
    assert weight[0].argmax() == 3 and 0.3 < weight[0].sum() < 1.0


def test_the_conditional_is_that_of_the_joint_normal():
    new = np.array([2.5e8, 5e9])
    weight, sd = size_conditional(new, FITTED, 2.0)
    place = np.log(np.concatenate([FITTED, new])) - np.log(FITTED).mean()
    walk = 0.5 * (abs(place[:, None]) + abs(place) - abs(place[:, None] - place))
    joint = np.eye(6) + 2.0 * walk
    gain = joint[4:, :4] @ np.linalg.inv(joint[:4, :4])
    np.testing.assert_allclose(weight, gain, atol=1e-12)
    left = joint[4:, 4:] - gain @ joint[:4, 4:]
    np.testing.assert_allclose(sd, np.sqrt(np.diag(left)), rtol=1e-12)
    np.testing.assert_allclose(size_covariance(FITTED, 2.0), joint[:4, :4])


def test_bytes_reserved_inform_the_memory_model():
    """Made with twice the usual cache and half the activations; without the bytes little is learnt."""
    table = simulated()[0]
    rows = load_timings(table[table["architecture"] == "llama"])
    settings = LatencySettings(DEVICE)
    truth = {p.name: np.array([p.value(np, p.center)]) for p in memory_parameters()}
    truth |= {"cache": np.array([2.0]), "activations": np.array([3.0])}
    used = used_memory("llama", rows.frame, settings)
    noise = 0.02 * np.random.default_rng(5).standard_normal(len(rows))
    reserved = np.exp(log_reserved(np, truth, used) + noise)
    places = {p.name: i for i, p in enumerate(memory_parameters())}
    found = {}
    for name, column in (("told", reserved), ("untold", np.full(len(rows), np.nan))):
        design = build_design(load_timings(rows.frame.assign(reserved_bytes=column)), settings)
        alone = next(part for part in design.alone() if part.blocks[0].phase == MEMORY)
        found[name] = find_whitening(alone)
    for name in ("cache", "activations"):
        i = places[name]
        sd = {key: np.sqrt((value.factor[i] ** 2).sum()) for key, value in found.items()}
        assert sd["told"] < 0.4 * sd["untold"]
        assert np.exp(found["told"].center[i]) == pytest.approx(float(truth[name][0]), rel=5 * sd["told"])
