import math

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.bench.shapes import GPU_SHAPES
from bayes_scaling.errors import LatencyError
from bayes_scaling.kernels import get_kernel, parse_shape
from bayes_scaling.latency.coverage import stage_coverage
from bayes_scaling.latency.kernel_priors import LINKS, bench_priors, ideal_seconds, laplace, parameter_of
from bayes_scaling.latency.settings import LatencySettings
from tests.helpers.latency_tables import DEVICE, queries


def grid() -> pd.DataFrame:
    """Kernels and shapes of the bench on a GPU, with their work."""
    rows = []
    for kernel in dict.fromkeys(link.kernel for link in LINKS):
        for shape in GPU_SHAPES[kernel]:
            work = get_kernel(kernel).work(shape, "bfloat16")
            text = ";".join(f"{name}={size}" for name, size in shape.items())
            rows.append(
                {"kernel": kernel, "shape": text, "bytes": float(work.bytes), "flops": float(work.flops)}
            )
    table = pd.DataFrame(rows)
    table["sizes"] = pd.Series([parse_shape(text) for text in table["shape"]], dtype=object)
    return table


def timed(share: float, launch: float = 5e-6) -> pd.DataFrame:
    """The bench of a device all of whose kernels reach one share of the datasheet."""
    parts = []
    table = grid()
    for link in LINKS:
        rows = table[table["kernel"] == link.kernel]
        ideal = 0.0 if link.resource == "launch" else ideal_seconds(link, rows, DEVICE)
        if link.kernel == "matmul":
            ideal = rows["bytes"] / DEVICE.bytes_per_second + rows["flops"] / DEVICE.flops_per_second
        parts.append(rows.assign(time_ms=1e3 * (launch + ideal / share), status="ok"))
    return pd.concat(parts, ignore_index=True).drop_duplicates(["kernel", "shape"]).drop(columns="sizes")


@pytest.mark.parametrize("share", [0.2, 0.6])
def test_benchmarks_find_the_efficiency(share):
    found = bench_priors(timed(share), DEVICE).priors
    for link in LINKS:
        if link.kernel in ("matmul", "mlstm_step") or link.resource == "keys":
            mean, sd = found[link.coefficients[0]]
            value = parameter_of(link.coefficients[0]).value(np, mean - link.shift)
            assert value == pytest.approx(share, rel=0.15), link
            assert sd >= link.discount


def test_launches_become_the_time_of_a_block():
    short, long = (
        bench_priors(timed(0.5, launch), DEVICE).priors["step/block_time"][0] for launch in (2e-6, 2e-5)
    )
    assert long - short == pytest.approx(math.log(10))


def test_benchmarks_replace_the_datasheet_prior():
    priors = bench_priors(timed(0.5), DEVICE).priors
    settings = LatencySettings(DEVICE, priors=priors)
    start = parameter_of("step/matmul")
    assert settings.prior_of("llama", "step", start).center == priors["step/matmul"][0] != start.center
    untouched = parameter_of("step/host_time")
    assert settings.prior_of("llama", "step", untouched) == untouched


def test_kernels_that_failed_do_not_count():
    table = timed(0.5)
    table.loc[table["kernel"] == "mlstm_step", "status"] = "out of memory"
    found = bench_priors(table, DEVICE)
    assert "step/state_bandwidth" not in found.priors and any("mlstm_step" in name for name in found.unused)
    with pytest.raises(LatencyError, match="no kernel"):
        bench_priors(table.assign(status="failed"), DEVICE)


def test_laplace_is_exact_for_a_normal():
    covariance = np.array([[2.0, 0.6], [0.6, 0.5]])
    precision = np.linalg.inv(covariance)
    center = np.array([1.0, -2.0])
    mode, found = laplace(lambda x: float(-0.5 * (x - center) @ precision @ (x - center)), np.zeros(2))
    np.testing.assert_allclose(mode, center, atol=1e-3)
    np.testing.assert_allclose(found, covariance, rtol=1e-4)


def _cover(devices, seed=0):
    return stage_coverage(queries().iloc[::5], grid(), DEVICE, devices=devices, draws=200, seed=seed)


def test_the_interval_after_benchmarks_holds_on_simulated_devices():
    """Cells of one device share its luck: the tolerance is for devices, not for cells."""
    devices = 12
    result = _cover(devices)
    per_device = result.rows.groupby("device")["covered"].mean()
    error = per_device.std() / math.sqrt(devices)
    assert 0.9 - 4 * max(error, 0.02) <= result.cover <= 1.0
    narrow = (result.rows["rank"] - 0.5).abs() <= 0.1  # the 20% interval holds far fewer: the check can fail
    assert narrow.mean() < 0.6


@pytest.mark.slow
def test_coverage_of_the_stage_after_benchmarks():
    devices = 150
    result = _cover(devices, seed=5)
    error = result.rows.groupby("device")["covered"].mean().std() / math.sqrt(devices)
    assert abs(result.cover - 0.9) <= 4 * error + 0.04  # moments, not the posterior itself, are handed on


def test_a_host_is_timed_end_to_end():
    from bayes_scaling.bench.host_models import time_host
    from bayes_scaling.latency import load_timings

    table = time_host(widths=((128, 1),), batches=(2,), prompts=(65,), repeats=1)
    timings = load_timings(table)
    assert timings.architectures == ("transformer", "xlstm") and len(timings) == 2
    assert (timings.frame[["ttft_ms", "step_time_ms"]] > 0).all(axis=None)


def test_the_figure_of_the_stages_shows_every_stage(tmp_path):
    from bayes_scaling.latency.stages import STAGES, summarise_stages
    from bayes_scaling.plots.latency import plot_stages
    from bayes_scaling.plots.style import save_figure

    rows = [
        {"architecture": "xlstm", "params": 1e8, "batch_size": batch, "prefill": 128, "stage": stage,
         "median": batch, "q05": batch / width, "q95": batch * width, "ratio": width**2,
         "time_ms": batch, "covered": True}
        for batch in (1, 2)
        for stage, width in zip(STAGES, (9.0, 3.0, 1.5), strict=True)
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    summary = summarise_stages(table).set_index("stage")
    assert summary.loc["microbenchmarks", "relative"] == pytest.approx(0.5)
    figure = plot_stages(table)
    assert len(figure.axes[0].collections) == len(STAGES)
    assert save_figure(figure, tmp_path / "stages.png").stat().st_size > 1000
