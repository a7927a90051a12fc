"""Are fits that stop when the gate holds right? Their means and quantiles against long runs of fixed length.

    python benchmarks/stopped_fits.py [--fits 20] [--draws 10000] [--output docs/stopped_fits.md]

For each table a run of fixed length, then fits of other seeds that stop by themselves. z is the difference of
a fit's estimate from the long run's over both Monte Carlo errors together; were stopping at a good moment to
bias an estimate, its root mean square would leave 1.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import arviz_stats as az
import numpy as np
import pandas as pd
import xarray as xr
from convergence import tables

import bayes_scaling as bs

TABLES = ("measured", "gadre")
LIMIT = 1.1
REFERENCE_SEED = 1000
PROBABILITIES = (0.05, 0.95)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fits", type=int, default=20)
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    for name in TABLES:
        runs = bs.load_runs(tables()[name][0]())
        fixed = {"draws": arguments.draws, "max_draws": arguments.draws, "seed": REFERENCE_SEED}
        reference = estimates(bs.fit(runs, progress=False, **fixed))
        for seed in range(arguments.fits):
            found = estimates(bs.fit(runs, progress=False, seed=seed))
            rows.append(compared(found, reference).assign(table=name, seed=seed))
            print(name, seed, f"{np.sqrt((rows[-1]['z'] ** 2).mean()):.2f}", flush=True)
    text = page(pd.concat(rows), arguments.draws)
    print(text)
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")


def estimates(fit: bs.Fit) -> pd.DataFrame:
    """Mean and two quantiles of each quantity, each with its Monte Carlo error."""
    rows = []
    for name, draws in quantities(fit).items():
        mean = float(draws.mean()), float(az.mcse(draws, method="mean"))
        rows.append({"quantity": name, "estimate": "mean", "value": mean[0], "error": mean[1]})
        for p in PROBABILITIES:
            error = float(az.mcse(draws, method="quantile", prob=p))
            value = float(draws.quantile(p))
            rows.append({"quantity": name, "estimate": f"{p:g} quantile", "value": value, "error": error})
    return pd.DataFrame(rows).set_index(["quantity", "estimate"])


def quantities(fit: bs.Fit) -> dict[str, xr.DataArray]:
    """Logs of coefficients, optimal params and losses of the first and the last group; scales of all."""
    frame = fit.runs.frame
    groups = sorted(
        {(str(a), int(t)) for a, t in zip(frame["architecture"], frame["context_length"], strict=True)}
    )
    found = {}
    budget = float(frame["flops"].max())
    for architecture, context in (groups[0], groups[-1]):
        cell = fit.posterior.sel(architecture=architecture, context_length=context, drop=True)
        label = f"{architecture}, {context}"
        for name in ("E", "alpha", "beta", "gamma", "sigma"):
            found[f"ln {name} [{label}]"] = np.log(cell[name])
        optimum = bs.frontier(fit, budget, context, architecture).draws.squeeze(drop=True)
        for name in ("params", "loss"):
            found[f"ln optimal {name} [{label}]"] = np.log(optimum[name])
    for name in ("nu", "drift_scale"):
        found[f"ln {name}"] = np.log(fit.posterior[name])
    return found


def compared(found: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """One row an estimate: z, and the error in posterior standard deviations of the reference."""
    error = np.hypot(found["error"], reference["error"])
    return ((found["value"] - reference["value"]) / error).rename("z").reset_index()


def page(rows: pd.DataFrame, draws: int) -> str:
    """The rows as a page."""
    by = rows.groupby(["table", "estimate"], sort=False)
    table = by.agg(
        fits=("seed", "nunique"),
        rms=("z", lambda z: np.sqrt((z**2).mean())),
        largest=("z", lambda z: z.abs().max()),
    ).reset_index()
    count = rows.groupby("table")["quantity"].nunique().min()
    return "\n".join(
        [
            "# Are fits that stop by themselves right?",
            "",
            "Made by `python benchmarks/stopped_fits.py`. Sampling goes on in rounds until the convergence",
            "gate holds. Stopping at a good moment could bias an estimate. So fits of many seeds stand",
            f"against one run of 4 chains of {draws:,} draws: z is the difference of their estimates over",
            f"their Monte Carlo errors together, of {count} quantities. Without a bias its rms is",
            f"near 1; the limit is {LIMIT:g}.",
            "",
            str(table.to_markdown(index=False, floatfmt=".2f")),
            "",
        ]
    )


if __name__ == "__main__":
    main()
