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
# notebook goes from the datasheet to a posterior of step times, and from there to what to train.
#
# The timings are simulated: one draw of the prior of an H100 stands for a device that nobody has measured.
# With timings of your own, set `BAYES_SCALING_TIMINGS` to their file.

# %%
import os
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling import latency, plots
from bayes_scaling.roofline.devices import get_device

SHORT = bool(os.environ.get("BAYES_SCALING_SHORT"))
DEVICE = get_device("H100-SXM")
SAMPLING = {"draws": 120, "tune": 150, "chains": 2} if SHORT else {"draws": 800, "chains": 4}
DEVICE

# %% [markdown]
# ## Queries
#
# A decoding step reads every weight once, whatever the batch, and then either the keys and values of all
# tokens so far (a transformer) or a state of fixed size (an xLSTM). So the two differ most at long prompts
# and large batches. The table asks about both.

# %%
sizes = [(768, 12, 12), (1024, 24, 16), (2048, 24, 16)]
rows = [
    {"architecture": name, "embedding_dim": width, "num_blocks": blocks, "num_heads": heads}
    | {"ffn_dim": round(2.7 * width / 64) * 64, "batch_size": batch, "prefill": prompt}
    | ({"head_dim_qk": width // heads // 2} if name == "xlstm" else {})
    for name in ("transformer", "xlstm")
    for width, blocks, heads in sizes
    for batch in ((1, 16, 256) if SHORT else (1, 4, 16, 64, 256))
    for prompt in ((0, 2048, 16384) if SHORT else (0, 256, 2048, 8192, 16384))
]
queries = pd.DataFrame(rows)
len(queries)

# %% [markdown]
# ## What the datasheet says
#
# Before any timing there is the datasheet, with a prior on how much of it kernels reach. That is a forecast
# already, if a wide one.

# %%
settings = latency.LatencySettings(DEVICE)
asked = queries.assign(ttft_ms=1.0, step_time_ms=1.0)  # times that are not used: these are only designs
datasheet = latency.prior_fit(asked, settings)
forecast = latency.predict_table(datasheet, queries)
ends = forecast["step_time_ms_q95"] / forecast["step_time_ms_q05"]
print(f"the 90% interval of a step time spans a factor of {ends.median():.1f}")

# %%
if os.environ.get("BAYES_SCALING_TIMINGS"):
    timings = bs.latency.load_timings(os.environ["BAYES_SCALING_TIMINGS"]).frame
else:
    device = latency.prior_fit(asked, settings, draws=1, seed=7)  # the device that is timed
    drawn = latency.predict(device, queries, seed=7).isel(chain=0, draw=0)
    fits = drawn["fits"].to_numpy() > 0.5
    times = {name: np.where(fits, drawn[name].to_numpy(), np.nan) for name in ("ttft_ms", "step_time_ms")}
    timings = queries.assign(**times, measured=fits)
timings.groupby("architecture")[["ttft_ms", "step_time_ms"]].describe().T.round(2)

# %% [markdown]
# ## What timings add
#
# The fit learns launch times, bandwidths and rates from the timings. Microbenchmarks of the kernels
# (`bayes-scaling bench`) would give priors sharper than the datasheet's: pass their file as `bench`.

# %%
with warnings.catch_warnings():
    warnings.simplefilter("ignore", bs.errors.ConvergenceWarning)  # the checks are printed
    served = bs.latency.fit_latency(timings, DEVICE, progress=False, **SAMPLING)
print(served.checks())

# %%
learnt = latency.predict_table(served, queries)
ends = learnt["step_time_ms_q95"] / learnt["step_time_ms_q05"]
print(f"the 90% interval of a step time spans a factor of {ends.median():.2f}")
timed = np.flatnonzero(timings["step_time_ms"].notna())  # the others did not fit the device
order = timed[np.argsort(timings["step_time_ms"].to_numpy()[timed])]
place = np.arange(len(order))
figure, ax = plt.subplots(figsize=(6.6, 3.6), layout="constrained")
for table, colour, label in ((forecast, "#8A8A8A", "datasheet"), (learnt, "#0072B2", "timings")):
    low, high = (table[f"step_time_ms_{end}"].to_numpy()[order] for end in ("q05", "q95"))
    ax.fill_between(place, low, high, color=colour, alpha=0.35, lw=0, label=f"{label}, 90% response interval")
ax.plot(place, timings["step_time_ms"].to_numpy()[order], ".", color="black", ms=3, label="timed")
ax.set(yscale="log", xlabel="queries in order of step time", ylabel="step time (ms)")
ax.legend(frameon=False, fontsize=8)
figure

# %% [markdown]
# ## Questions of serving
#
# Sizes that were never timed: how likely is a step below 20 ms? At a short prompt weights decide, and both
# architectures may be of similar size. At a long one the transformer reads its cache and must be smaller.

# %%
params = np.geomspace(1e8, 3e10, 60)
figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.2), sharey=True, layout="constrained")
for ax, prompt in zip(axes, (2048, 16384), strict=True):
    for name, colour in (("transformer", "#0072B2"), ("xlstm", "#D55E00")):
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
    fit = bs.fit("simulated", progress=False, **({"draws": 120, "chains": 2} if SHORT else {}))
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
# 1. Keep only the timings of the smallest size and fit again. How much wider does P(step time <= 20 ms)
#    become at seven billion params? Which coefficients carry the extrapolation?
# 2. Ask for `probability=0.5` and `0.99` instead of 0.9 in the limits. What does certainty cost, in nats?
# 3. Replace the step time by `memory=True` with a batch of 256. Which architecture is limited first, and by
#    what: weights, or what is kept for every sequence?
