# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From kernels to a plan
#
# The model with the lowest loss may be too slow to serve. Whether it is depends on kernels: how many bytes a
# decoding step moves, how many FLOPs a prompt takes, and how much of the device's datasheet is reached. This
# notebook goes from the datasheet over the timings of single kernels to a posterior of step times, and from
# there to what to train.
#
# The device is an H200 that was measured: its kernels alone, and ten models end to end. For timings of your
# own, set `BAYES_SCALING_TIMINGS`, `BAYES_SCALING_BENCH` and `BAYES_SCALING_DEVICE`.

# %%
import os
import warnings
from importlib.resources import files
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import bayes_scaling as bs
from bayes_scaling import latency, plots
from bayes_scaling.roofline.devices import get_device

SHORT = bool(os.environ.get("BAYES_SCALING_SHORT"))
SHIPPED = files("bayes_scaling.data")
DEVICE = get_device(os.environ.get("BAYES_SCALING_DEVICE", "H200-SXM"))
TIMINGS = os.environ.get("BAYES_SCALING_TIMINGS", str(SHIPPED.joinpath("timings_h200.csv")))
BENCH = os.environ.get("BAYES_SCALING_BENCH", str(SHIPPED.joinpath("bench_h200_models.csv")))
SAMPLING = {"draws": 120, "tune": 150, "chains": 2} if SHORT else {"draws": 800, "chains": 4}
DEVICE

# %% [markdown]
# ## What was timed
#
# A decoding step reads every weight once, whatever the batch, and then either the keys and values of all
# tokens so far (a transformer) or a state of fixed size (an xLSTM). So the two differ most at long prompts
# and large batches.

# %%
timings = latency.load_timings(TIMINGS)
timings.frame.groupby(["architecture", "params"])[["ttft_ms", "step_time_ms"]].agg(
    ["count", "min", "max"]
).round(2)

# %% [markdown]
# ## What the datasheet says, and what kernels add
#
# Before any model is timed there is the datasheet, with a prior on how much of it kernels reach. That is a
# forecast already, if a wide one. The kernels alone, a product, an attention, a norm, say far more: a kernel
# takes as long inside a model as it takes by itself, but for a small offset.

# %%
settings = latency.LatencySettings(DEVICE)
forecasts = {
    "datasheet": latency.prior_fit(timings, settings),
    "kernels": latency.prior_fit(timings, settings, bench=BENCH),
}

# %% [markdown]
# ## What timings add
#
# Twelve timings of the smallest models tell what the kernels could not: launches of everything round them.
# The larger models are then predicted, not fitted.

# %%
small = (timings.frame["params"] < 2e8) & timings.frame["batch_size"].isin([1, 4, 16, 64])
few = timings.subset((small & timings.frame["prefill"].isin([128, 512, 2048])).to_numpy())
with warnings.catch_warnings():
    warnings.simplefilter("ignore", bs.errors.ConvergenceWarning)  # the checks are printed
    after_few = latency.fit_latency(few, DEVICE, bench=BENCH, progress=False, **SAMPLING)
forecasts["kernels and 12 timings"] = after_few
print(after_few.checks())

# %%
large = timings.subset((timings.frame["params"] > 2e9).to_numpy())
measured = large.frame["step_time_ms"].to_numpy()
order = np.argsort(measured)[: np.isfinite(measured).sum()]  # where no time is, memory did not suffice
place = np.arange(len(order))
figure, ax = plt.subplots(figsize=(6.6, 3.6), layout="constrained")
for (label, found), colour in zip(forecasts.items(), ("#8A8A8A", "#E69F00", "#0072B2"), strict=True):
    table = latency.predict_table(found, large)
    low, high = (table[f"step_time_ms_{end}"].to_numpy()[order] for end in ("q05", "q95"))
    error = np.median(np.abs(table["step_time_ms_median"].to_numpy()[order] / measured[order] - 1))
    ax.fill_between(place, low, high, color=colour, alpha=0.35, lw=0, label=f"{label}: 90% interval")
    print(f"{label}: step times of the largest models are {error:.0%} off at the median")
ax.plot(place, measured[order], ".", color="black", ms=3, label="timed")
ax.set(yscale="log", xlabel="queries of the 2.7B models in order of step time", ylabel="step time (ms)")
ax.legend(frameon=False, fontsize=8)
figure

# %% [markdown]
# ## Questions of serving
#
# From here on all timings count.

# %%
with warnings.catch_warnings():
    warnings.simplefilter("ignore", bs.errors.ConvergenceWarning)
    served = latency.fit_latency(timings, DEVICE, bench=BENCH, progress=False, **SAMPLING)
print(served.checks())

# %% [markdown]
# Sizes that were never timed: how likely is a step below 20 ms? At a short prompt weights decide, and both
# architectures may be of similar size. At a long one the transformer reads its cache and must be smaller.

# %%
params = np.geomspace(1e8, 3e10, 60)
figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.2), sharey=True, layout="constrained")
for ax, prompt in zip(axes, (2048, 16384), strict=True):
    for name, colour in (("llama", "#0072B2"), ("xlstm", "#D55E00")):
        question = {"architecture": name, "params": params, "batch_size": 4, "prefill": prompt}
        chance = latency.probability_below(served, quantity="step_time_ms", limit=20, **question)
        ax.plot(params, chance, color=colour, label=name)
    ax.set(xscale="log", xlabel="params", title=f"batch 4, prompt {prompt:,}")
axes[0].set_ylabel("P(step time <= 20 ms)")
axes[0].legend(frameon=False)
figure

# %% [markdown]
# ## The plan
#
# Now both posteriors are asked together: what should be trained with this budget if a step must take 20 ms at
# most, with probability 0.9? The limit turns into the params that each architecture may have, and its price
# is the loss that it costs. The models of the other notebooks are too small to be worth serving, so simulated
# runs of the usual sizes take their place here.

# %%
if Path("large.nc").exists():
    fit = bs.load_fit("large.nc")
else:
    fit = bs.fit(
        "simulated", progress=False, **({"draws": 120, "chains": 2, "max_draws": 120} if SHORT else {})
    )
    fit.save("large.nc")
CONTEXT, BUDGET = fit.context_lengths[-1], 1e22
limits = {"step_time_ms": 20.0, "batch_size": 4, "prefill": 16384}
decision = bs.decide(fit, BUDGET, CONTEXT, limits=limits, latency=served)
names = [
    "architecture",
    "feasible",
    "chosen",
    "params",
    "tokens",
    "loss_median",
    "best_probability",
    "binding",
]
decision.table()[names]

# %%
decision.limits[["architecture", "limit", "params_low", "params_high", "price", "binds"]]

# %%
plots.plot_decision(decision)

# %% [markdown]
# A plan is several such questions side by side. `bayes-scaling plan` and `bayes-scaling report --plan` take
# them from a file.

# %%
scenarios = [
    bs.Scenario("no limit", BUDGET, CONTEXT),
    bs.Scenario("20 ms", BUDGET, CONTEXT, limits=limits),
    bs.Scenario("10 ms", BUDGET, CONTEXT, limits={**limits, "step_time_ms": 10.0}),
]
planned = bs.plan(fit, scenarios, latency=served).table()
planned.loc[
    planned["chosen"], ["scenario", "architecture", "params", "loss_median", "regret_mean", "binding"]
]

# %% [markdown]
# ## Exercises
#
# 1. Fit all timings instead of twelve a model. How much narrower does P(step time <= 20 ms) become at seven
#    billion params? Which coefficients carry the extrapolation?
# 2. Ask for `probability=0.5` and `0.99` instead of 0.9 in the limits. What does certainty cost, in nats?
# 3. Replace the step time by `memory=True` with a batch of 256. Which architecture is limited first, and by
#    what: weights, or what is kept for every sequence?
