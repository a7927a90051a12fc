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
# # From runs to a posterior
#
# A scaling study ends with a table: a few hundred training runs, each with its size, its tokens and the loss
# it reached. A point fit turns the table into six numbers. This notebook turns it into a posterior, which
# also says how far those numbers can be off, and checks whether that statement can be believed.
#
# The runs here are small and were trained for this package: two architectures, three context lengths, byte
# tokens (docs/sweep.md). The largest were trained after their losses had been predicted and the predictions
# written down, which the end of this notebook looks at. To use your own, set `BAYES_SCALING_RUNS` to a file
# with the columns architecture, context_length, params, tokens and loss.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

import bayes_scaling as bs
from bayes_scaling import plots

RUNS = os.environ.get("BAYES_SCALING_RUNS", "measured")
SHORT = bool(os.environ.get("BAYES_SCALING_SHORT"))  # a quick look: too few draws for the checks
SAMPLING = {"draws": 120, "chains": 2, "max_draws": 120} if SHORT else {"draws": 1000, "chains": 4}

# %% [markdown]
# ## Read the runs
#
# `load_runs` refuses what cannot be right, such as a loss of zero or a doubled column, and notes what is
# merely odd: copies, rounded losses, groups with too few runs.

# %%
runs = bs.load_runs(RUNS)
for finding in runs.notes:
    print(f"{finding.severity}: {finding.message}; {finding.advice}")
runs.describe().round(3)

# %% [markdown]
# ## The model, before it sees the data
#
# The law says L = E + (A N^-alpha + B D^-beta)^gamma. Each architecture and context length has coefficients
# of its own, drawn from a common hierarchy, so that groups with few runs borrow from the others. Away from
# the runs ln L may drift from the law.
#
# Priors are part of the model, and a prior can be looked at before there is a posterior. Here are the losses
# that it expects of our runs. It should allow for every loss that was seen without allowing for nonsense.

# %%
expected = bs.prior_predictive(runs, draws=400).to_numpy().reshape(-1, len(runs))
low, high = np.quantile(expected, [0.05, 0.95], axis=0)
seen = runs.frame["loss"].to_numpy()
order = np.argsort(runs.frame["flops"].to_numpy())
print(f"{np.mean((seen > low) & (seen < high)):.0%} of the losses lie in the prior's 90% intervals")

figure, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
place = np.arange(len(seen))
ax.fill_between(place, low[order], high[order], color="#8A8A8A", alpha=0.3, lw=0, label="prior, 90%")
ax.plot(place, seen[order], "o", ms=2.5, color="#0072B2", label="runs")
ax.set(xlabel="runs in order of compute", ylabel="loss (nats/token)", yscale="log")
ax.legend(frameon=False)
figure

# %% [markdown]
# ## Fit
#
# NUTS draws from the joint posterior of all groups. The fit is saved: the other notebooks read it.

# %%
fit = bs.fit(runs, progress=False, **SAMPLING)
fit.save("fit.nc")
fit

# %% [markdown]
# ## Can it be trusted?
#
# The checks come first. FAIL means that the sampler did not do its work, and nothing below would mean
# anything. REVIEW means that sampling converged and something deserves a look.

# %%
fit.checks()

# %% [markdown]
# Then the runs themselves. Each is compared with what the fitted model expects of a run of its design:
# the band is a *response* interval, of the law and the scatter of one run. If the law were wrong in a way
# that the data show, points of one kind would lie on one side.

# %%
plots.plot_residuals(plots.residual_table(fit))

# %% [markdown]
# ## What the data taught
#
# Grey is the prior, coloured is the posterior. A coefficient whose colours look like its grey was not
# learnt. Single coefficients trade off against each other, so wide marginals are no bad sign as such: the
# optimum, which is a combination of them, may still be known well.

# %%
plots.plot_coefficients(plots.coefficient_densities(fit))

# %%
fit.summary().query("variable in ('E', 'alpha', 'beta')").round(3)

# %% [markdown]
# ## The law through the runs
#
# The bands are *mean* intervals: where the law lies. They are narrow although single runs scatter, since
# hundreds of runs pin it down together.

# %%
plots.plot_isoflop(plots.isoflop_curves(fit), runs.frame)

# %% [markdown]
# ## Against what came later
#
# An interval is worth what it holds when nobody knows the answer yet. Before the runs of the largest budget
# were trained, a fit of the others predicted them at ten times its largest compute. Of many 90% intervals
# about nine in ten should hold. These share one fit and so are right or wrong together.

# %%
if RUNS == "measured":
    from bayes_scaling.sweep.verdict import shipped_verdict

    verdict = shipped_verdict()
    print(f"predictions of {verdict.losses.created}, SHA-256 {verdict.losses.sha256[:16]}")
    print(verdict.groups.round(3).to_string(index=False))

# %%
plots.plot_predictions(verdict.runs) if RUNS == "measured" else None

# %% [markdown]
# ## Two kinds of interval
#
# Suppose that a run of twice the largest params is planned, at 20 tokens a param. The mean interval answers
# what the law says. The response interval answers what this one run will show, and is the one to hold against
# its result.

# %%
params = 2 * runs.frame["params"].max()
groups = runs.frame[["architecture", "context_length"]].drop_duplicates()
planned = groups.assign(params=params, tokens=20 * params)
names = ["architecture", "context_length", "q05", "median", "q95"]
mean, response = (bs.predict_table(fit, planned, kind=kind)[names] for kind in ("mean", "response"))
mean.merge(response, on=names[:2], suffixes=(" mean", " response")).round(4)

# %% [markdown]
# ## Exercises
#
# 1. Fit only the runs below 3e11 FLOPs (`runs.subset(...)`) and predict the others. How many lie in their
#    90% response intervals? Repeat with `discrepancy="none"` and compare.
# 2. Fit the law `chinchilla` and rank both fits with `bs.compare_models`. Does leave-one-out, which looks at
#    interpolation, tell you which of them to trust at a hundred times the compute?
# 3. Give E a tight prior at a wrong place: `bs.fit(runs, spec=bs.ModelSpec(priors={"E": {"median": 1.5,
#    "scale": 0.01}}))`. Which check notices?
