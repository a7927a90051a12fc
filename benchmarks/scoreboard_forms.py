"""The published forms that `scoreboard` fits by least squares, each group alone: the usual point fit.

A form is a function of the columns of the runs and a point p. Starts are round numbers, not fitted values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from bayes_scaling.laws.law import get_law

STARTS = 20
STEPS = 300  # evaluations of a start at most
WIDTH = 20.0  # how many spreads round the middle p may go
HUGE = 1e3  # what stands for a loss that is no number
SIZES = {"params": 3e8, "tokens": 1e10}  # where the terms of a law have the scales that p holds

Columns = Mapping[str, np.ndarray]
Loss = Callable[[Columns, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Form:
    """A published form.

    Attributes
    ----------
    name : str
        With its source.
    loss : callable
        Columns (run,) and p (coefficient,) to losses (run,).
    middle, spread : tuple of float
        Of the starts of p (coefficient,).
    """

    name: str
    loss: Loss
    middle: tuple[float, ...]
    spread: tuple[float, ...]


def _law_loss(law: str, more: Sequence[str] = ()) -> Loss:
    """A law of the package; p holds logs: E, the two terms at `SIZES`, their exponents, and more."""
    known = get_law(law)

    def loss(columns: Columns, p: np.ndarray) -> np.ndarray:
        e, params_term, tokens_term, alpha, beta, *others = np.exp(p)
        theta = {"E": e, "alpha": alpha, "beta": beta} | dict(zip(more, others, strict=True))
        theta["A"] = params_term * SIZES["params"] ** alpha
        theta["B"] = tokens_term * SIZES["tokens"] ** beta
        if "unique_tokens" in known.columns:
            theta["unique_tokens"] = columns["unique_tokens"]
        return np.asarray(known.loss(np, columns["params"], columns["tokens"], theta))

    return loss


def _parallel(columns: Columns, p: np.ndarray) -> np.ndarray:
    """E + a (N / 1e9 (k ln P + 1))^-alpha; p holds logs of E, a, alpha, k."""
    e, a, alpha, k = np.exp(p)
    size = columns["params"] / 1e9 * (k * np.log(columns["parallel_streams"]) + 1)
    return np.asarray(e + a * size**-alpha)


def _routed(columns: Columns, p: np.ndarray) -> np.ndarray:
    """ln L linear in ln N, ln X' and their product, X' the experts between a start and a limit."""
    constant, by_params, by_experts, both, start, room = p
    first = np.exp(start)
    last = first * (1 + np.exp(room))
    offset = 1 / (1 / first - 1 / last)
    effective = np.log(1 / (1 / (columns["num_experts"] - 1 + offset) + 1 / last))
    log_params = np.log(columns["params"] / SIZES["params"])
    logs = constant + by_params * log_params + by_experts * effective + both * log_params * effective
    return np.asarray(np.exp(logs))


def _fine_tuned(columns: Columns, p: np.ndarray) -> np.ndarray:
    """E + a / ((D / 1e6)^beta + b); p holds logs of E, a, beta, b."""
    e, a, beta, b = np.exp(p)
    return np.asarray(e + a / ((columns["tokens"] / 1e6) ** beta + b))


def _farseer(columns: Columns, p: np.ndarray) -> np.ndarray:
    """exp(s N^q + S) + exp(b N^r + Q) D^-exp(a N^t + T); p holds s, q, S, b, r, Q, a, t, T."""
    s, q, floor, b, r, scale, a, t, exponent = p
    n = columns["params"]
    power = np.exp(a * n**t + exponent)
    return np.asarray(np.exp(s * n**q + floor) + np.exp(b * n**r + scale - power * np.log(columns["tokens"])))


_TERMS = (0.5, -0.4, -0.4, -1.0, -1.0)
_WIDE = (0.4, 0.7, 0.7, 0.4, 0.4)
CHINCHILLA = Form("Chinchilla (Hoffmann et al. 2022)", _law_loss("chinchilla"), _TERMS, _WIDE)
MUENNIGHOFF = Form(
    "effective data (Muennighoff et al. 2023)",
    _law_loss("data-limited", ("repeat_tokens", "repeat_params")),
    (*_TERMS, 2.5, 1.5),
    (*_WIDE, 0.7, 0.7),
)
PARALLEL = Form("ParScale (Chen et al. 2025)", _parallel, (0.2, -0.5, -1.5, -1.0), (0.4, 0.7, 0.4, 0.7))
ROUTED = Form(
    "routed networks (Clark et al. 2022)",
    _routed,
    (1.0, -0.1, -0.05, 0.01, 0.5, 5.0),
    (0.2, 0.05, 0.03, 0.01, 0.5, 1.0),
)
FINE_TUNED = Form("rectified (Lin et al. 2024)", _fine_tuned, (0.5, 0.0, -1.0, 0.0), (0.4, 0.7, 0.4, 1.0))
FARSEER = Form(
    "Farseer (Li et al. 2025)",
    _farseer,
    (-0.1, 0.1, 0.0, 200.0, -0.2, -1.0, -2.0, 0.05, 3.0),
    (0.05, 0.03, 0.3, 50.0, 0.03, 0.5, 0.5, 0.01, 0.3),
)


def least_squares_forecast(
    form: Form, past: pd.DataFrame, future: pd.DataFrame, group: Sequence[str], seed: int = 0
) -> np.ndarray:
    """Losses (run,) of the future runs by the best of some starts; NaN in a group with too few past runs.

    Parameters
    ----------
    form : Form
    past, future : DataFrame
        Runs by canonical columns, in either what the form asks for; past ones with a loss.
    group : sequence of str
        Columns whose values make a group.
    seed : int
    """
    found = np.full(len(future), np.nan)
    for _, runs, wanted in groups_to_predict(past, future, group):
        if len(runs) > len(form.middle):
            point = _best_point(form, _arrays(runs), np.random.default_rng(seed))
            with np.errstate(all="ignore"):
                found[wanted] = form.loss(_arrays(future[wanted]), point)
    return found


def groups_to_predict(
    past: pd.DataFrame, future: pd.DataFrame, group: Sequence[str]
) -> Iterator[tuple[str, pd.DataFrame, np.ndarray]]:
    """Each group with runs on either side: its name, past runs, and which future ones are its (run,)."""
    past_keys, future_keys = (runs[list(group)].astype(str).agg(", ".join, axis=1) for runs in (past, future))
    for key in dict.fromkeys(future_keys):
        if (past_keys == key).any():
            yield key, past[past_keys == key], (future_keys == key).to_numpy()


def _arrays(runs: pd.DataFrame) -> dict[str, np.ndarray]:
    numbers = runs.select_dtypes("number")
    return {str(name): numbers[name].to_numpy(dtype=float) for name in numbers}


def _best_point(form: Form, columns: Columns, rng: np.random.Generator) -> np.ndarray:
    middle = np.array(form.middle)
    spread = np.array(form.spread)
    limits = (middle - WIDTH * spread, middle + WIDTH * spread)

    def residuals(p: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            loss = form.loss(columns, p)
        return np.clip(np.nan_to_num(loss, nan=HUGE), -HUGE, HUGE) - columns["loss"]

    starts = [middle, *(middle + spread * rng.standard_normal(len(middle)) for _ in range(STARTS - 1))]
    fits = [
        least_squares(residuals, start, bounds=limits, x_scale=spread, max_nfev=STEPS) for start in starts
    ]
    return np.asarray(min(fits, key=lambda each: each.cost).x)
