"""The Chinchilla runs beside Epoch's replication: three estimators of one optimum; writes docs/epoch.md.

    python benchmarks/epoch_study.py RUNS [--output docs/epoch.md]

RUNS is the table of points that Besiroglu et al. 2024 read off the figure, with the column excluded_by_epoch.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.classical import huber_fit, isoflop_fit
from bayes_scaling.posterior.fit import Fit

BUDGETS = (1e22, 5.76e23)
WIDE = {name: {"scale": 3.0} for name in ("E", "R", "share", "slope_params", "slope_tokens")}
EPOCH = {
    "E": ("1.817", "0.026"),
    "A": ("477.8", "124.5"),
    "B": ("2,143", "1,293"),
    "alpha": ("0.347", "0.015"),
    "beta": ("0.367", "0.021"),
}
UNITS = {"E": "E, nats per token"}
PAGE = """# The Chinchilla runs, beside Epoch's replication

Besiroglu et al. 2024 (arXiv:2404.10102) read 245 runs off a figure of Hoffmann et al. 2022, left out five
and fitted the Chinchilla law by a Huber loss with 4,000 bootstrap resamples. Here are the same {runs} runs,
one group, under this package's estimators. Made by `benchmarks/epoch_study.py`.

## The law alone

`bs.fit(runs, law="chinchilla", discrepancy="none")`: {gate}

{coefficients}

The centres agree; the posterior is narrower, for two reasons and not for a third. A Huber loss with a delta
of 1e-3 on residuals of 0.3% is nearly a median regression, which uses less of what regular residuals say
than the Student-t law, whose tails are learnt (nu = {nu} degrees of freedom). And the posterior takes
residuals as independent with one scale, where a bootstrap does not. It is not the priors: with every prior
on the coefficients widened to a standard deviation of 3 in logs, the exponent beta / (alpha + beta) is
{wide_exponent} and N* at 5.76e23 FLOPs {wide_params}.

Some of the scatter is the reading of a figure and not of training: the points were digitised.

## What the drift changes

The law alone is narrow because it takes its form as true. The default lets it bend. Optimal params, C = 6ND,
with 90% intervals:

{optima}

Hoffmann et al. trained 70B params at 5.76e23 FLOPs. Epoch's own interval there is 73B (52B to 112B, 95%).

{reading}

The largest run has {largest} FLOPs:
{where}. What each estimator assumes: the law alone and the Huber fit,
that one power law holds for each term over five decades; the parabolas, that the minima of {curves} budgets
lie on a line; the default, that exponents may go on changing as they do among the runs. Kept-back runs say
which is honest: in the back-tests of this table ([backtest](backtest.md)) the 90% intervals of the default
hold their share of the losses, those of the law alone and of the Huber fit do not.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs")
    parser.add_argument("--output", type=Path, default=Path("docs/epoch.md"))
    arguments = parser.parse_args()
    frame = pd.read_csv(arguments.runs)
    frame = frame[~frame["excluded_by_epoch"].astype(bool)]
    alone = bs.fit(frame, law="chinchilla", discrepancy="none", seed=1)
    wide = bs.fit(frame, law="chinchilla", discrepancy="none", priors=WIDE, seed=1)
    fits = {
        "the default: gamma law with drift": bs.fit(frame, seed=1),
        "chinchilla law with drift": bs.fit(frame, law="chinchilla", seed=1),
        "gamma law alone": bs.fit(frame, discrepancy="none", seed=1),
        "chinchilla law alone": alone,
    }
    arguments.output.write_text(page(frame, fits, alone, wide), encoding="utf-8")
    print(arguments.output.read_text(encoding="utf-8"))


def page(frame: pd.DataFrame, fits: dict[str, Fit], alone: Fit, wide: Fit) -> str:
    table = optima(frame, fits)
    reach = np.log10(np.array(BUDGETS) / frame["flops"].max())
    return PAGE.format(
        runs=len(frame),
        gate=gate(alone),
        coefficients=coefficients(alone).to_markdown(index=False, disable_numparse=True),
        nu=f"{float(alone.posterior['nu'].median()):.1f}",
        wide_exponent=spread(exponent(wide)),
        wide_params=interval(wide, BUDGETS[1]),
        optima=table.to_markdown(index=False, disable_numparse=True),
        reading=reading(fits),
        largest=f"{frame['flops'].max():.2g}".replace("e+", "e"),
        where=" and ".join(map(place, BUDGETS, reach)),
        curves=isoflop_fit(frame, resamples=20).table()["budget"].nunique(),
    )


def place(budget: float, decades: float) -> str:
    """Where a budget lies."""
    where = f"{decades:.1f} decades beyond" if decades > 0 else "among the runs"
    return f"{budget:.3g} lies {where}".replace("e+", "e")


def gate(fit: Fit) -> str:
    """The convergence gate in a sentence."""
    rows = {row.name: row.value for row in fit.checks().rows}
    return (
        f"R-hat {rows['r_hat']:.3f}, smallest ESS {rows['ess_bulk']:,.0f}, "
        f"{rows['divergences']:.0f} divergences."
    )


def exponent(fit: Fit) -> np.ndarray:
    """Draws of d ln N* / d ln C of the law."""
    beta = fit.posterior["beta"]
    return np.ravel(beta / (fit.posterior["alpha"] + beta))


def spread(draws: np.ndarray) -> str:
    """Mean and standard deviation."""
    return f"{draws.mean():.3f} ± {draws.std():.3f}"


def coefficients(fit: Fit) -> pd.DataFrame:
    """Means and standard deviations beside Epoch's."""
    rows = []
    for name, (centre, error) in EPOCH.items():
        draws = np.ravel(fit.posterior[name])
        digits = 0 if draws.mean() > 10 else 3
        low, high = np.quantile(draws, (0.025, 0.975))
        rows.append(
            {
                "": UNITS.get(name, name),
                "posterior mean ± sd": f"{draws.mean():,.{digits}f} ± {draws.std():,.{digits}f}",
                "95%": f"{low:,.{digits}f} to {high:,.{digits}f}",
                "Epoch ± bootstrap SE": f"{centre} ± {error}",
            }
        )
    return pd.DataFrame(rows)


def optima(frame: pd.DataFrame, fits: dict[str, Fit]) -> pd.DataFrame:
    """Optimal params at both budgets, one row an estimator."""
    rows = [
        {"estimator": name} | {f"N* at {budget:.3g} FLOPs": interval(fit, budget) for budget in BUDGETS}
        for name, fit in fits.items()
    ]
    classical = {
        "Huber fit, 1,000 bootstrap fits": huber_fit(frame, resamples=1000, progress=False),
        "isoFLOP parabolas, line through minima": isoflop_fit(frame, resamples=1000),
    }
    for name, found in classical.items():
        table = found.frontier(list(BUDGETS))
        cells = {
            f"N* at {row.compute:.3g} FLOPs": words(row.params_estimate, row.params_q05, row.params_q95)
            for row in table.itertuples()
        }
        rows.append({"estimator": name} | cells)
    table = pd.DataFrame(rows)
    table.columns = [str(name).replace("e+", "e") for name in table.columns]
    return table


def interval(fit: Fit, budget: float) -> str:
    """Median and 90% interval of optimal params."""
    row = bs.frontier(fit, budget, extrapolate=True).table(full=True).iloc[0]
    return words(row["params_median"], row["params_q05"], row["params_q95"])


def words(middle: float, low: float, high: float) -> str:
    return f"{middle / 1e9:.3g}B ({low / 1e9:.3g}B to {high / 1e9:.3g}B)"


def reading(fits: dict[str, Fit]) -> str:
    """Whether the default's intervals hold what the law alone says, in plain words."""
    names = list(fits)
    default = fits[names[0]]
    found = []
    for budget in BUDGETS:
        own = bs.frontier(default, budget, extrapolate=True).table(full=True).iloc[0]
        other = bs.frontier(fits[names[-1]], budget, extrapolate=True).table(full=True).iloc[0]
        held = own["params_q05"] <= other["params_median"] <= own["params_q95"]
        verb = "holds" if held else "does not hold"
        found.append(
            f"At {budget:.3g} FLOPs the default's interval {verb} what the Chinchilla law alone says."
        )
    return "\n".join(found).replace("e+", "e")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
