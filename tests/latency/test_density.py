import warnings

import numpy as np
import pytest

from bayes_scaling.latency import LatencySettings, load_timings
from bayes_scaling.latency.design import build_design
from bayes_scaling.models.latency_density import log_terms, log_time
from bayes_scaling.models.latency_design import MemoryBlock
from bayes_scaling.models.whitening import Whitening
from tests.helpers.latency_tables import DEVICE, queries, simulated


@pytest.fixture(scope="module")
def design():
    return build_design(load_timings(simulated()[0]), LatencySettings(DEVICE))


def _positions(design, count=3):
    return design.draw_prior(count, np.random.default_rng(0))


def _identity(design):
    return Whitening(np.zeros(design.size), np.eye(design.size))


def test_every_architecture_and_phase_is_a_block(design):
    blocks = {(block.architecture, block.phase) for block in design.blocks}
    assert blocks == {(a, p) for a in ("llama", "xlstm") for p in ("step", "prefill", "memory")}
    assert len(set(design.coordinates)) == design.size


def test_numpyro_has_the_density_of_numpy_term_by_term(design):
    import jax
    from numpyro import handlers

    from bayes_scaling.models.latency_numpyro import build_numpyro

    position = _positions(design)[0]
    model = build_numpyro(design, _identity(design))

    def factors(whitened):
        seeded = handlers.seed(model, jax.random.key(0))
        trace = handlers.trace(handlers.substitute(seeded, {"whitened": whitened})).get_trace()
        return {name: site["fn"].log_factor for name, site in trace.items() if name != "whitened"}

    with jax.enable_x64(True):
        found = {name: float(value) for name, value in jax.jit(factors)(position).items()}
    expected = log_terms(np, position, design)
    assert set(found) == set(expected) and len(found) == 11
    for name, value in expected.items():
        assert found[name] == pytest.approx(float(value), abs=1e-8, rel=1e-11), name


def test_pymc_has_the_density_of_numpy_term_by_term(design):
    from bayes_scaling.models.latency_pymc import build_pymc

    model = build_pymc(design, _identity(design))
    position = _positions(design)[1]
    terms = model.compile_fn(
        model.potentials, inputs=[model["whitened"]], mode="FAST_COMPILE", point_fn=False
    )
    found = dict(zip((p.name for p in model.potentials), terms(position), strict=True))
    expected = log_terms(np, position, design)
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert float(found[name]) == pytest.approx(float(value), abs=1e-8, rel=1e-11), name


def test_the_density_broadcasts_over_draws(design):
    positions = _positions(design).reshape(3, 1, -1)
    together = log_terms(np, positions, design)
    for i in range(3):
        alone = log_terms(np, positions[i, 0], design)
        for name in alone:
            np.testing.assert_allclose(together[name][i, 0], alone[name], rtol=1e-12)


def test_the_gradient_is_finite_at_the_prior_mean(design):
    from bayes_scaling.models.latency_mode import compile_potential

    value, gradient = compile_potential(design)(design.start())
    assert np.isfinite(value) and np.isfinite(gradient).all() and np.abs(gradient).max() > 1


def test_every_overhead_slows(design):
    """More of any time, less of any efficiency: never faster."""
    position = design.start()
    for block, part in design.parts(position):
        if isinstance(block, MemoryBlock):
            continue
        before = log_time(np, block, part, design.device)
        for i, parameter in enumerate(block.parameters):
            if not (parameter.kind == "efficiency" or parameter.unit == "s"):
                continue
            changed = part.copy()
            changed[i] += 0.5 if parameter.unit == "s" else -0.5
            assert (log_time(np, block, changed, design.device) >= before - 1e-12).all(), parameter.name


def test_more_work_takes_longer():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = load_timings(queries().assign(ttft_ms=1.0, step_time_ms=1.0))
    design = build_design(table, LatencySettings(DEVICE))
    for block, part in design.parts(design.start()):
        if block.phase == "prefill":
            time = log_time(np, block, part, design.device)
            frame = table.frame[
                (table.frame["architecture"] == block.architecture) & (table.frame["prefill"] > 0)
            ]
            for _, rows in frame.assign(time=time).groupby(["params", "batch_size"]):
                assert (np.diff(rows.sort_values("prefill")["time"]) > 0).all()
