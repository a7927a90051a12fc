import numpy as np
import pandas as pd
import pytest

from bayes_scaling.bench.shapes import GPU_SHAPES
from bayes_scaling.errors import LatencyError
from bayes_scaling.kernels import get_kernel
from bayes_scaling.latency import load_timings
from bayes_scaling.latency.coverage import stage_coverage
from bayes_scaling.latency.design import build_design
from bayes_scaling.latency.kernel_models import MODELS, columns_of
from bayes_scaling.latency.kernel_priors import bench_priors, best_times, fit_kernel, wide
from bayes_scaling.latency.settings import KernelPrior, LatencySettings
from tests.helpers.latency_tables import DEVICE, queries

KERNELS = tuple(kernel for model in MODELS for kernel in model.kernels)


def grid() -> pd.DataFrame:
    """Kernels and shapes of the bench on a GPU, with their work."""
    rows = []
    for kernel in KERNELS:
        for shape in GPU_SHAPES[kernel]:
            work = get_kernel(kernel).work(shape, "bfloat16")
            text = ";".join(f"{name}={size}" for name, size in shape.items())
            rows.append(
                {"kernel": kernel, "shape": text, "bytes": float(work.bytes), "flops": float(work.flops)}
            )
    return pd.DataFrame(rows)


def timed(given: dict[str, float] | None = None, noise: float = 0.02) -> pd.DataFrame:
    """The bench of a device whose kernels have the datasheet's medians, but for those given."""
    rng = np.random.default_rng(4)
    table = grid()
    parts = []
    for model in MODELS:
        rows = table[table["kernel"].isin(model.kernels)]
        values = {p.name: float(p.value(np, p.center)) for p in model.coefficients} | (given or {})
        seconds = model.seconds(np, values, columns_of(rows), DEVICE)
        times = 1e3 * seconds * np.exp(noise * rng.standard_normal(len(rows)))
        parts.append(rows.assign(time_ms=times, status="ok"))
    return pd.concat(parts, ignore_index=True)


TRUTH = {
    "product_launch": 3e-6,
    "bandwidth": 0.9,
    "matmul": 0.6,
    "prefill_matmul": 0.7,
    "key_bandwidth": 0.92,
    "whole_heads": 0.02,
    "score_matmul": 0.55,
    "state_bandwidth": 0.8,
    "serial_time": 6e-8,
    "small_launch": 1.3e-6,
    "mixer_launch": 4e-6,
}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_benchmarks_find_the_coefficients(model):
    """Within four posterior standard deviations of ``u``, and closer than the datasheet."""
    table = timed(TRUTH)
    rows = table[table["kernel"].isin(model.kernels)]
    found = fit_kernel(model, rows, DEVICE)
    sd = np.sqrt((found.factor**2).sum(1))
    for i, parameter in enumerate(model.coefficients):
        if parameter.name not in TRUTH:
            continue
        value = TRUTH[parameter.name]
        share = parameter.kind in ("efficiency", "share")
        u = np.log(value / (1 - value)) if share else np.log(value)
        assert abs(found.center[i] - u) < 4 * sd[i] + 0.05, parameter.name
        assert sd[i] < wide(parameter).sd, parameter.name


def test_a_kernel_that_splits_its_keys_does_not_push_their_bandwidth_to_its_bound():
    """Keys of few heads, split over the device: the bandwidth is the device's, rounds count for nothing."""
    model = next(model for model in MODELS if model.name == "keys")
    split = timed({**TRUTH, "whole_heads": 1e-6})
    whole = timed({**TRUTH, "whole_heads": 1 - 1e-6})
    place = {parameter.name: i for i, parameter in enumerate(model.coefficients)}
    found = {}
    for name, table in (("split", split), ("whole", whole)):
        center = fit_kernel(model, table[table["kernel"] == "decode_attention"], DEVICE).center
        found[name] = {key: float(model.coefficients[i].value(np, center[i])) for key, i in place.items()}
    assert found["split"]["key_bandwidth"] == pytest.approx(TRUTH["key_bandwidth"], abs=0.03)
    assert found["split"]["whole_heads"] < 0.1 and found["whole"]["whole_heads"] > 0.9


def test_what_one_kernel_says_is_correlated_and_counts_once():
    """Launch and bandwidth come from the same rows: their correlation is kept, and shared by all models."""
    kernels = bench_priors(timed(TRUTH), DEVICE).kernels
    launch = kernels.names.index("step/product_launch")
    bandwidth = kernels.names.index("step/bandwidth")
    matmul = kernels.names.index("step/matmul")
    covariance = np.array(kernels.covariance)
    assert abs(covariance[launch, bandwidth]) > 0 and abs(covariance[bandwidth, matmul]) > 0
    same = kernels.names.index("prefill/bandwidth")
    assert covariance[bandwidth, same] == pytest.approx(covariance[bandwidth, bandwidth])
    other = kernels.names.index("step/key_bandwidth")
    assert covariance[bandwidth, other] == 0


@pytest.mark.filterwarnings("ignore::bayes_scaling.errors.TimingsWarning")
def test_the_models_on_one_device_share_its_luck():
    kernels = KernelPrior(("step/bandwidth",), (1.0,), ((0.75,),), (0.5,))
    table = load_timings(queries().assign(ttft_ms=50.0, step_time_ms=50.0))
    drawn = {}
    for name, given in (("bench", kernels), ("datasheet", None)):
        design = build_design(table, LatencySettings(DEVICE, kernels=given))
        places = [design.coordinates.index(f"{each}/step/bandwidth") for each in ("llama", "xlstm")]
        drawn[name] = np.corrcoef(design.draw_prior(4000, np.random.default_rng(0))[:, places].T)[0, 1]
    assert drawn["bench"] == pytest.approx(0.75, abs=0.04)  # 0.75 of a variance of 0.75 + 0.5**2
    assert drawn["datasheet"] == pytest.approx(0.0, abs=0.06)


def test_benchmarks_replace_the_datasheet_prior():
    found = bench_priors(timed(TRUTH), DEVICE)
    settings = LatencySettings(DEVICE, kernels=found.kernels)
    by_name = {p.name: p for model in MODELS for p in model.coefficients}
    start = by_name["matmul"]
    place = found.kernels.names.index("step/matmul")
    assert settings.prior_of("llama", "step", start).center == found.kernels.mean[place] != start.center
    given = LatencySettings(DEVICE, kernels=found.kernels, priors={"step/matmul": (0.0, 0.1)})
    assert given.prior_of("llama", "step", start).sd == 0.1
    mixer = by_name["mixer_launch"]
    attends, recurs = (settings.prior_of(name, "step", mixer) for name in ("llama", "xlstm"))
    assert attends.sd < mixer.sd and recurs.sd < mixer.sd
    assert LatencySettings.from_json(settings.to_json()) == settings


def test_graphs_count_and_events_only_where_no_graph_fits():
    table = timed(TRUTH).assign(method="graph", l2="warm", provider="triton")
    events = table.assign(method="event", l2="flushed", time_ms=table["time_ms"] * 5)
    lost = table["kernel"] == "mlstm_step"
    both = pd.concat([table[~lost], events], ignore_index=True)
    best, _ = best_times(both, DEVICE)
    merged = best.merge(table, on=["kernel", "shape"], suffixes=("", "_graph"))
    ratio = (merged["time_ms"] / merged["time_ms_graph"]).groupby(merged["kernel"]).median()
    assert ratio["mlstm_step"] == pytest.approx(5) and ratio.drop("mlstm_step").to_numpy() == pytest.approx(1)


def test_kernels_that_failed_do_not_count():
    table = timed(TRUTH)
    table.loc[table["kernel"] == "mlstm_step", "status"] = "out of memory"
    found = bench_priors(table, DEVICE)
    assert "step/state_bandwidth" not in found.kernels.names and "states" in found.unused
    with pytest.raises(LatencyError, match="no kernel"):
        bench_priors(table.assign(status="failed"), DEVICE)


def test_times_faster_than_the_device_are_refused():
    table = timed(TRUTH)
    with pytest.raises(LatencyError, match="less than the .* ms that tester needs"):
        bench_priors(table.assign(time_ms=table["time_ms"] / 1000), DEVICE)


def test_a_bench_of_another_device_is_refused():
    from bayes_scaling.roofline.devices import get_device

    table = timed(TRUTH).assign(device="NVIDIA H200")
    with pytest.raises(LatencyError, match="'device', row 0: measured on 'NVIDIA H200'.*'A100-SXM-80GB'"):
        bench_priors(table, get_device("A100-SXM-80GB"))
    with pytest.raises(LatencyError, match="measured on 'NVIDIA H200'"):
        bench_priors(table, DEVICE)  # a device without names is not the H200
    bench_priors(table.assign(device="a card of our own"), DEVICE)
    mixed = table.assign(device=np.where(np.arange(len(table)) % 2, "NVIDIA H200", "NVIDIA B200"))
    with pytest.raises(LatencyError, match="of 2 devices"):
        bench_priors(mixed, DEVICE)


def _cover(devices, seed=0):
    return stage_coverage(queries().iloc[::5], grid(), DEVICE, devices=devices, draws=200, seed=seed)


def test_the_interval_after_benchmarks_holds_on_simulated_devices():
    """Cells of one device share its luck: the tolerance is for devices, not for cells."""
    devices = 12
    result = _cover(devices)
    per_device = result.rows.groupby("device")["covered"].mean()
    error = per_device.std() / np.sqrt(devices)
    assert 0.9 - 4 * max(error, 0.02) <= result.cover <= 1.0
    narrow = (result.rows["rank"] - 0.5).abs() <= 0.1  # the 20% interval holds far fewer: the check can fail
    assert narrow.mean() < 0.6


@pytest.mark.slow
def test_coverage_of_the_stage_after_benchmarks():
    devices = 150
    result = _cover(devices, seed=5)
    error = result.rows.groupby("device")["covered"].mean().std() / np.sqrt(devices)
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
         "quantity": "step_time_ms", "median": batch, "q05": batch / width, "q95": batch * width,
         "ratio": width**2, "time_ms": batch, "covered": True}
        for batch in (1, 2)
        for stage, width in zip(STAGES, (9.0, 3.0, 1.5), strict=True)
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    summary = summarise_stages(table).set_index("stage")
    assert summary.loc["microbenchmarks", "relative"] == pytest.approx(0.5)
    figure = plot_stages(table)
    assert len(figure.axes[0].collections) == len(STAGES)
    assert save_figure(figure, tmp_path / "stages.png").stat().st_size > 1000
