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
# # Credible optimal params and tokens under true FLOPs
#
# How large a model, on how many tokens, for a given budget? A scaling law answers with a point. This notebook
# answers with a posterior of the point, under what training really costs, and then asks the question that
# follows: given that uncertainty, what should one do?

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
LARGEST = fit.runs.frame["flops"].max()
BUDGETS = np.array([1, 10, 100]) * float(f"{LARGEST:.0e}")
print(f"{fit}\nchecks: {fit.checks().status}; the largest run took {LARGEST:.1e} FLOPs")

# %% [markdown]
# ## Every draw has an optimum
#
# Each posterior draw is a law, and each law has its own best N and D for a budget. The draws of the optimum
# are the answer; the band holds 90% of them. Beyond the last run (grey) the band rests on the law, and on how
# far the model thinks that laws drift.

# %%
curve = np.geomspace(fit.runs.frame["flops"].min(), BUDGETS[-1], 25)
plots.plot_frontier(bs.frontier(fit, curve, CONTEXT).table())

# %% [markdown]
# ## What training really costs
#
# C = 6 N D counts the matrix multiplications with the params and leaves out attention, whose cost per token
# grows with the context. With `cost="accounted"` each architecture pays its own bill, and the optimum moves:
# where a param is dearer than it looks, fewer of them, or fewer tokens, can be had for the money.

# %%
keys = ["architecture", "context_length", "compute"]
both = (
    bs.frontier(fit, BUDGETS, cost="6ND")
    .table()
    .merge(bs.frontier(fit, BUDGETS, cost="accounted").table(), on=keys, suffixes=("_6ND", "_accounted"))
)
both["params ratio"] = both["params_median_accounted"] / both["params_median_6ND"]
both["tokens ratio"] = both["tokens_median_accounted"] / both["tokens_median_6ND"]
both["loss difference"] = both["loss_median_accounted"] - both["loss_median_6ND"]
both[[*keys, "params ratio", "tokens ratio", "loss difference"]].round(3)

# %% [markdown]
# The ratios fall furthest below one where context is long and models are small: there attention is a large
# part of the bill. The same effect as slopes, d ln N* / d ln context and so on, with intervals:

# %%
effect = bs.context_effect(fit, BUDGETS[0]).table()
names = [name for name in effect if "slope" in name and name.endswith(("q05", "median", "q95"))]
effect[["architecture", *names]].round(3).T

# %%
plots.plot_context(bs.frontier(fit, BUDGETS[:2], cost="accounted").table())

# %% [markdown]
# ## Beside the usual method
#
# IsoFLOP parabolas, one for each budget, with a power law through their minima. Where there are runs both
# agree. The bootstrap takes parabola and power law for granted, so its intervals say nothing of either being
# wrong.

# %%
parabolas = bs.classical.isoflop_fit(fit.runs, resamples=20 if SHORT else 200)
plots.plot_optima(bs.frontier(fit, curve).table(), parabolas.table(), parabolas.frontier(curve))

# %% [markdown]
# ## From belief to action
#
# The optimum is uncertain, yet one run must be chosen. `decide` takes the params that lose least on average
# over the draws, and says what the choice may cost: its *regret*, the loss it gives away to the optimum of
# whichever draw is true.
#
# The interval of N* is wide. The *flat region*, the params that lose less than 0.01 nats with probability one
# half or more, is wider still. This is often the most useful answer of all: inside it the size can be chosen
# for other reasons, such as what it costs to serve.

# %%
decision = bs.decide(fit, BUDGETS, CONTEXT, cost="accounted")
table = decision.table()
names = ["params", "tokens", "regret_mean", "regret_probability", "flat_low", "flat_high", "flat_factor"]
table[["architecture", "compute", *names]]

# %%
plots.plot_decision(bs.decide(fit, BUDGETS[1], CONTEXT, cost="accounted"))

# %% [markdown]
# ## Is regret small because we know much, or because the valley is flat?
#
# Both can be seen in one figure: the draws of N* scatter over a factor of two and more, and the regret of one
# choice stays small in nearly all of them.

# %%
chosen = table[table["chosen"]]["architecture"].iloc[-1]
draws = decision.draws.sel(architecture=chosen, context_length=CONTEXT, compute=BUDGETS[-1])
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3), layout="constrained")
left.hist(np.log10(draws["optimum_params"].to_numpy().ravel()), 40, color="#0072B2")
left.set(xlabel="log10 of the optimal params", yticks=[])
right.hist(1e3 * draws["regret"].to_numpy().ravel(), 40, color="#D55E00")
right.set(xlabel="regret of the choice (thousandths of a nat)", yticks=[])
figure.suptitle(f"{chosen}, {BUDGETS[-1]:.0e} FLOPs, context {CONTEXT:,}", fontsize=10)
figure

# %% [markdown]
# ## The other way round
#
# Which budget reaches a wanted loss? Where a loss lies below what some draws think can be reached at all,
# the table says with what probability it can.

# %%
goals = table.loc[table["compute"] == BUDGETS[1], "loss_median"].round(2).to_numpy()
bs.iso_loss(fit, goals, CONTEXT, cost="accounted").table()[
    ["architecture", "loss", "probability", "compute_q05", "compute_median", "compute_q95"]
]

# %% [markdown]
# ## Exercises
#
# 1. Decide with `utility="cvar:0.9"`, which minds the worst tenth of the draws. Does the choice move towards
#    smaller or larger models, and why is it so little?
# 2. Ask with `limits={"tokens_at_most": 1e7}`. What does the limit cost, and is its price larger than
#    the regret of not knowing the law?
# 3. Compare the mean of the draws of N*, N* of the mean coefficients, and the action. They differ. Which of
#    them answers the question "what should I train"?
