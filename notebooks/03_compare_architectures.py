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
# # Compare architectures by posterior
#
# "Architecture A is better" can mean that its curve lies lower where there are runs, that its exponent is
# larger, or that it will win at a budget that nobody has spent yet. Only the last is a reason to spend it.
# This notebook asks for that probability, for what the difference is worth in compute, and for the run that
# would settle the matter.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import bayes_scaling as bs
from bayes_scaling import plots

RUNS = os.environ.get("BAYES_SCALING_RUNS", "measured")
SHORT = bool(os.environ.get("BAYES_SCALING_SHORT"))
SAMPLING = {"draws": 120, "chains": 2, "max_draws": 120} if SHORT else {"draws": 1000, "chains": 4}

fit = bs.load_fit("fit.nc") if Path("fit.nc").exists() else bs.fit(RUNS, progress=False, **SAMPLING)
CONTEXT = fit.context_lengths[-1]
LARGEST = float(f"{fit.runs.frame['flops'].max():.0e}")
BUDGETS = np.array([1, 10, 100]) * LARGEST
print(f"{fit}\nchecks: {fit.checks().status}; budgets {BUDGETS}")

# %% [markdown]
# ## Each at its own optimum
#
# A fair comparison lets each architecture choose its own N and D for the same FLOPs, counted by its own
# accounting. In every joint draw one of them has the lower loss; the share of draws is the probability.

# %%
found = bs.compare(fit, BUDGETS, cost="accounted").table()
names = ["probability", "difference_q05", "difference_median", "difference_q95"]
first = found["architecture"] == fit.architectures[-1]
found.loc[first, ["architecture", "other", "context_length", "compute", *names]].round(4)

# %% [markdown]
# ## What it is worth
#
# Nats are hard to feel. The compute multiplier says how much more the other architecture must spend to reach
# the same loss. Its interval widens beyond the runs faster than that of the loss difference: when curves are
# flat, a small difference in loss is a large one in compute.

# %%
curve = np.geomspace(fit.runs.frame["flops"].min(), BUDGETS[-1], 13 if SHORT else 25)
plots.plot_comparison(bs.compare(fit, curve, cost="accounted").table())

# %% [markdown]
# ## The map
#
# Who wins may turn over with the context length as well as with the budget. The black lines are even odds and
# 5% and 95%; right of the dashed line there are no runs.

# %%
lengths = sorted({*fit.context_lengths, 4 * fit.context_lengths[-1]})
budgets = np.geomspace(curve[0], BUDGETS[-1], 9 if SHORT else 17)
winners = bs.compare_map(fit, budgets, lengths, cost="accounted")
plots.plot_map(winners)

# %% [markdown]
# ## Differences are not made of two intervals
#
# The intervals of two losses may overlap while the sign of their difference is certain. Part of what is not
# known of them is common to both, by the hierarchy, and cancels in the difference. Only joint draws keep
# that: shuffle the draws of one architecture and the difference scatters more.

# %%
losses = bs.frontier(fit, BUDGETS[1], CONTEXT, cost="accounted").draws["loss"].squeeze()
one, two = (losses.sel(architecture=name).to_numpy().ravel() for name in fit.architectures[:2])
shuffled = np.random.default_rng(0).permutation(two)
print(f"correlation of the losses {np.corrcoef(one, two)[0, 1]:.2f}")
print(f"sd of the difference: joint {np.std(one - two):.4f}, as if apart {np.std(one - shuffled):.4f}")

figure, ax = plt.subplots(figsize=(4.4, 3.4), layout="constrained")
ax.plot(one, two, ".", ms=2, alpha=0.4, color="#0072B2")
ends = [min(one.min(), two.min()), max(one.max(), two.max())]
ax.plot(ends, ends, color="#8A8A8A", lw=1)
ax.set(xlabel=f"loss of {fit.architectures[0]}", ylabel=f"loss of {fit.architectures[1]}")
ax.set_title(
    f"{BUDGETS[1]:.0e} FLOPs, context {CONTEXT:,}; on the line both are equal", fontsize=9, loc="left"
)
figure

# %% [markdown]
# ## Beside point fits
#
# A Huber fit of each architecture gives one difference. Bootstrap intervals around it tell how the fit
# scatters when runs are drawn again, not whether the law holds where it is asked.

# %%
huber = bs.classical.huber_fit(fit.runs, resamples=20 if SHORT else 200).frontier(BUDGETS)
here = huber[huber["context_length"] == CONTEXT]
points = here.pivot(index="compute", columns="architecture", values="loss_estimate")
posterior = bs.compare(fit, BUDGETS, CONTEXT).table().query("architecture == @fit.architectures[-1]")
posterior = posterior.set_index("compute")[["difference_q05", "difference_median", "difference_q95"]]
posterior.assign(huber=points[fit.architectures[-1]] - points[fit.architectures[0]]).round(4)

# %% [markdown]
# ## How sure, and which run would decide it?
#
# If the probability is not near 0 or 1 the next question is what to run. `design_runs` asks which runs would
# most reduce the variance of the difference for what they cost, each choice in view of the ones before.

# %%
design = bs.design_runs(fit, BUDGETS[1], CONTEXT, goal="difference", runs=2 if SHORT else 3)
design.table()[["architecture", "context_length", "params", "tokens", "price", "left", "refit"]]

# %% [markdown]
# ## When not to believe it
#
# - An architecture with runs at one learning rate, another corpus or another tokenizer differs in more than
#   its architecture. Give recipes an `offset`, or do not compare.
# - Two decades beyond the runs the probability is mostly about how laws drift. Look at the sensitivity of the
#   difference to the prior before quoting it.

# %%
difference = bs.compare(fit, BUDGETS, CONTEXT, cost="accounted").draws["difference"].isel(pair=0, drop=True)
sensitive = bs.sensitivity(fit, ["E"], extra={"difference": difference}).query("variable == 'difference'")
sensitive[["variable", "coefficient", "prior", "likelihood", "diagnosis"]].round(3)

# %% [markdown]
# ## Exercises
#
# 1. Repeat the comparison with `cost="6ND"`. How much of the difference at long context comes from the bill
#    for attention?
# 2. Fit with `pooling="none"`. What happens to the correlation of the two losses, and to the probability?
# 3. Leave out all runs of one architecture above 5e11 FLOPs and compare again at the largest budget. Is the
#    new interval of the difference wider? Does it hold the old median?
