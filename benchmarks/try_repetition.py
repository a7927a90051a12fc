"""Forms of what repetition adds to a loss, each fitted to runs of many epochs and asked for the runs beyond.

    python benchmarks/try_repetition.py RUNS

Each form is added to Chinchilla's law with effective sizes (or without, where it says so), and fitted at its
posterior mode under the package's priors and Student-t noise. docs/repetition.md shows the table.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from bayes_scaling.laws.effective_sizes import effective
from bayes_scaling.laws.law import log_sum

CUTS = (0.4, 0.55, 0.7, 0.85)  # quantiles of compute up to which runs are fitted
STARTS = 12
NOISE = 0.03
NU = 5.0
LARGE = 500.0
REFERENCES = np.log([3e8, 1e10])  # params, tokens
# ln E, ln A and ln B at the references, ln alpha, ln beta, ln repeat_tokens, ln repeat_params; of the term
# ln overfit, ln overfit_params, ln of the exponent of epochs, ln overfit_epochs
MEDIAN = np.log([1.7, 0.7, 0.7, 0.35, 0.35, 15.0, 5.0, 0.01, 1.0, 1.0, 50.0])
SCALE = np.array([0.35, 0.7, 0.7, 0.4, 0.4, 0.7, 0.7, 2.0, 0.7, 0.7, 1.5])
LAW, TERM = 7, 10


class Form(NamedTuple):
    """A form: how its term grows with epochs, whether params and tokens fade, how many coefficients."""

    name: str
    growth: str | None
    params_fade: bool
    tokens_fade: bool
    size: int


FORMS = (
    Form("none: `data-limited`", None, True, True, LAW),
    Form("(D / U)^d - 1", "power", True, True, TERM),
    Form("(D / U)^d - 1, params do not fade", "power", False, True, TERM),
    Form("(D / U)^d - 1, nothing fades", "power", False, False, TERM),
    Form("(D / U - 1)^d", "repeats", True, True, TERM),
    Form("(ln D / U)^d", "log", True, True, TERM),
    Form("1 - exp(-(D / U - 1) / R): `overfitting`", "share", True, True, TERM + 1),
    Form("(R (1 - exp(-(D / U - 1) / R)))^d", "share^d", True, True, TERM + 1),
)


def growth(form: Form, over: np.ndarray, p: np.ndarray) -> np.ndarray:
    """How the term grows with ln (D / U)."""
    exponent = np.exp(p[9])
    repeats = np.expm1(over)
    if form.growth == "power":
        return np.expm1(exponent * over)
    if form.growth == "repeats":
        return (repeats + 1e-12) ** exponent
    if form.growth == "log":
        return over**exponent
    epochs = np.exp(p[10])
    share = -np.expm1(-repeats / epochs)
    return share if form.growth == "share" else (epochs * share) ** exponent


def log_loss(form: Form, p: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """ln L at ln params, ln tokens and ln unique tokens (3, run)."""
    n, d, u = logs
    alpha = np.exp(p[3])
    beta = np.exp(p[4])
    theta = {"alpha": alpha, "beta": beta, "log_unique": u}
    theta |= {"log_A": p[1] + alpha * REFERENCES[0], "log_B": p[2] + beta * REFERENCES[1]}
    theta |= {"repeat_tokens": np.exp(p[5]), "repeat_params": np.exp(p[6])}
    faded_n, faded_d = effective(np, n, d, theta)
    n_seen = faded_n if form.params_fade else n
    d_seen = faded_d if form.tokens_fade else d
    inner = log_sum(np, theta["log_A"] - alpha * n_seen, theta["log_B"] - beta * d_seen)
    loss = np.exp(log_sum(np, p[0], inner))
    if form.growth is None:
        return np.asarray(np.log(loss))
    size = np.exp(np.minimum(p[7] + np.exp(p[8]) * (n - u + np.log(20)), LARGE))
    return np.asarray(np.log(loss + size * growth(form, np.maximum(d - u, 0), p)))


def mode(form: Form, logs: np.ndarray, log_losses: np.ndarray) -> np.ndarray:
    """The best of some starts."""
    median = MEDIAN[: form.size]
    scale = SCALE[: form.size]
    rng = np.random.default_rng(0)

    def residuals(p: np.ndarray) -> np.ndarray:
        z = (log_loss(form, p, logs) - log_losses) / NOISE
        robust = np.sign(z) * np.sqrt((NU + 1) * np.log1p(z**2 / NU))
        return np.concatenate([robust, (p - median) / scale])

    starts = [median, *(median + 0.7 * scale * rng.standard_normal(form.size) for _ in range(STARTS - 1))]
    found = [least_squares(residuals, start, max_nfev=400) for start in starts]
    return np.asarray(min(found, key=lambda each: each.cost).x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path)
    frame = pd.read_csv(parser.parse_args().runs)
    logs = np.log(frame[["params", "tokens", "unique_tokens"]].to_numpy(dtype=float).T)
    log_losses = np.log(frame["loss"].to_numpy(dtype=float))
    compute = logs[0] + logs[1]
    rows = []
    for form in FORMS:
        error = log_loss(form, mode(form, logs, log_losses), logs) - log_losses
        row = {"grows with epochs as": form.name, "rms": error.std(), "median": np.median(np.abs(error))}
        for share in CUTS:
            known = compute <= np.quantile(compute, share)
            p = mode(form, logs[:, known], log_losses[known])
            beyond = np.abs(log_loss(form, p, logs[:, ~known]) - log_losses[~known])
            row |= {f"MAE beyond {share:.0%}": beyond.mean()}
        rows.append(row)
    print(pd.DataFrame(rows).to_markdown(index=False, floatfmt=".3f"))


if __name__ == "__main__":
    main()
