"""Simulated runs in the shape of a scaling study, drawn from a truth that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from bayes_scaling.accounting import get_cost
from bayes_scaling.accounting.budgets import check_budget
from bayes_scaling.data.catalog import FOLDER
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.data.truth import KEYS, Truth, make_truth
from bayes_scaling.errors import RunsError
from bayes_scaling.files.whole import write_text
from bayes_scaling.laws.law import Law, fitted_laws, get_law
from bayes_scaling.laws.optimum import optimal_log_params
from bayes_scaling.runs.table import Runs

__all__ = ["Simulation", "Truth", "shipped_files", "shipped_truth", "simulate"]

SEED = 20_250  # of the data set that ships
SIZES = 10
SIZE_FACTOR = 8.0
SIZE_JITTER = 0.04
RATIO_PARAMS = (160e6, 400e6)
RATIO_COMPUTE = 3e20  # fixed-ratio runs above this many FLOPs are left out
NU = 10.0
EPOCHS = (1, 2, 5, 15, 40)  # of runs in turn
COVARIATE_VALUES = (1, 2, 4, 8, 16)  # of runs in turn
CSV_NAME, TRUTH_NAME = "simulated_runs.csv", "simulated_truth.json"


@dataclass(frozen=True, eq=False)
class Simulation:
    """Simulated runs and the truth behind them.

    Attributes
    ----------
    runs : Runs
        Beside the canonical columns: ``design`` (isoflop or token_param) and ``budget`` (FLOPs of the
        isoFLOP grid, else missing).
    truth : Truth
    """

    runs: Runs
    truth: Truth

    def to_csv(self) -> str:
        """The runs as CSV text, the same on every machine."""
        counts = {"params": "int64", "tokens": "int64"}
        return str(self.runs.frame.astype(counts).to_csv(index=False, lineterminator="\n"))


def simulate(
    seed: int = 0,
    architectures: Sequence[str] = ("transformer", "xlstm"),
    context_lengths: Sequence[int] = (2048, 8192, 16384),
    law: str = "gamma",
    budgets: Sequence[float] = (6e18, 1e19, 3e19, 1e20),
    token_param_ratios: Sequence[float] = (22, 44, 110, 220, 550, 1100),
    noise: float = 0.004,
    truth: Truth | None = None,
) -> Simulation:
    """Draw runs from a known law: isoFLOP grids and fixed ratios of tokens to params.

    Parameters
    ----------
    seed : int
    architectures : sequence of str
        ``transformer`` and ``xlstm`` have fixed coefficients; any other name gets some drawn near them.
    context_lengths : sequence of int
        In tokens.
    law : str
        A name in `bayes_scaling.laws.LAWS`. Under a law of repetition some runs go over their tokens 2, 5,
        15 or 40 times (column ``unique_tokens``); under a law with a covariate its values are 1 to 16.
    budgets : sequence of float
        Training FLOPs of the isoFLOP grids; each has 10 sizes over a factor of 8 round the optimum.
    token_param_ratios : sequence of float
        Each is run at 160M and 400M params while 6 * params * tokens is at most 3e20.
    noise : float
        Scale of the Student-t noise (10 degrees of freedom) in ln loss.
    truth : Truth, optional
        Draw from these coefficients; architectures, context lengths, law and noise are then its own.

    Returns
    -------
    Simulation

    Raises
    ------
    BayesScalingError
        An argument is out of range or a list empty.

    Examples
    --------
    >>> len(bs.data.simulate(seed=1).runs)
    300
    """
    _check(architectures, context_lengths, budgets, token_param_ratios, noise)
    rng = _generator(seed)
    if get_law(law).name not in fitted_laws():
        raise RunsError(f"simulate: law {law!r} is that of stacks; choose one of {', '.join(fitted_laws())}")
    if truth is None:
        truth = make_truth(rng, architectures, context_lengths, get_law(law).name, noise, NU)
    frame = _design(rng, truth, budgets, token_param_ratios)
    frame["loss"] = np.round(truth.expected_loss(frame) * np.exp(_noise(rng, truth, frame)), 6)
    runs = load_runs(frame)
    return Simulation(replace(runs, source=f"simulated(seed={seed})"), truth)


def shipped_files() -> dict[str, str]:
    """Name and text of the files of the data set ``simulated``, made anew."""
    simulation = simulate(SEED)
    return {CSV_NAME: simulation.to_csv(), TRUTH_NAME: simulation.truth.to_json()}


def shipped_truth() -> Truth:
    """The truth behind the data set ``simulated``."""
    return Truth.from_json((FOLDER / TRUTH_NAME).read_text(encoding="utf-8"))


def write_shipped_files(folder: Path) -> None:
    """Write the files of the data set ``simulated`` into a folder."""
    for name, text in shipped_files().items():
        write_text(folder / name, text)


def _design(
    rng: np.random.Generator, truth: Truth, budgets: Sequence[float], ratios: Sequence[float]
) -> pd.DataFrame:
    """Runs without losses."""
    law = get_law(truth.law)
    parts = []
    for row in truth.coefficients.to_dict(orient="records"):
        optimum = _optimal_params(law, {name: row[name] for name in law.names}, budgets)
        part = pd.concat([_isoflop(rng, budgets, optimum), _fixed_ratio(rng, ratios)], ignore_index=True)
        parts.append(part.assign(**{key: row[key] for key in KEYS}))
    frame = pd.concat(parts, ignore_index=True)
    frame = _with_covariates(frame, law)
    if law.repeats:
        frame["unique_tokens"] = frame["tokens"] / np.resize(EPOCHS, len(frame))
    frame["run_id"] = [f"sim-{i:04d}" for i in range(len(frame))]
    return frame


def _with_covariates(frame: pd.DataFrame, law: Law) -> pd.DataFrame:
    """The runs with the columns of the law's covariates, and their FLOPs; each keeps to its budget."""
    flops_per_token = 6.0 * frame["params"]
    columns = {}
    for one in law.covariates:
        values = np.resize(COVARIATE_VALUES, len(frame))
        columns[one.column] = values * (frame[one.over] if one.over else 1.0)
        flops_per_token = flops_per_token * (values if one.compute else 1.0)
    bound = frame["budget"].notna()
    if any(one.compute for one in law.covariates):
        frame["tokens"] = np.where(bound, np.round(frame["budget"] / flops_per_token), frame["tokens"])
    return frame.assign(flops=flops_per_token * frame["tokens"], **columns)


def _optimal_params(law: Law, values: dict[str, float], budgets: Sequence[float]) -> np.ndarray:
    compute = np.asarray(budgets, dtype=float)
    if "eta" not in law.names:
        return np.asarray(law.optimum(np, compute, values)[0])
    theta = {name: np.asarray(value) for name, value in law.complete(values).items()}
    return np.exp(optimal_log_params(theta, np.log(compute), get_cost("6ND").curve(1.0, "")))


def _isoflop(rng: np.random.Generator, budgets: Sequence[float], optimum: np.ndarray) -> pd.DataFrame:
    """Sizes round the optimum of each budget."""
    grid = np.geomspace(SIZE_FACTOR**-0.5, SIZE_FACTOR**0.5, SIZES)
    params = np.round(np.multiply.outer(optimum, grid).ravel() * _jitter(rng, len(budgets) * SIZES))
    budget = np.repeat(np.asarray(budgets, dtype=float), SIZES)
    tokens = np.round(budget / (6.0 * params))
    return pd.DataFrame({"params": params, "tokens": tokens, "design": "isoflop", "budget": budget})


def _fixed_ratio(rng: np.random.Generator, ratios: Sequence[float]) -> pd.DataFrame:
    """Fixed ratios of tokens to params at a few sizes."""
    sizes, of_each = np.meshgrid(RATIO_PARAMS, np.asarray(ratios, dtype=float), indexing="ij")
    affordable = 6.0 * sizes**2 * of_each <= RATIO_COMPUTE
    size = sizes[affordable]
    ratio = of_each[affordable]
    params = np.round(size * _jitter(rng, len(size)))
    tokens = np.round(ratio * params)
    return pd.DataFrame({"params": params, "tokens": tokens, "design": "token_param", "budget": np.nan})


def _jitter(rng: np.random.Generator, count: int) -> np.ndarray:
    return np.asarray(np.exp(SIZE_JITTER * (2.0 * rng.random(count) - 1.0)))


def _noise(rng: np.random.Generator, truth: Truth, frame: pd.DataFrame) -> np.ndarray:
    """Noise in ln loss, through the quantile function: uniform numbers are the same on every machine."""
    scale = truth.by_run(frame)["sigma"].to_numpy()
    return np.asarray(scale * stdtrit(truth.nu, rng.random(len(frame))))


def _generator(seed: int) -> np.random.Generator:
    try:
        return np.random.Generator(np.random.PCG64(seed))
    except (TypeError, ValueError) as error:
        raise RunsError(f"simulate: seed must be a whole number, 0 or more, not {seed!r}") from error


def _check(
    architectures: Sequence[str],
    context_lengths: Sequence[int],
    budgets: Sequence[float],
    ratios: Sequence[float],
    noise: float,
) -> None:
    check_budget(list(budgets))
    if isinstance(architectures, str) or not architectures or not context_lengths:
        raise RunsError("simulate needs a list of architectures and a list of context lengths")
    if len({*architectures}) < len(architectures) or len({*context_lengths}) < len(context_lengths):
        raise RunsError("simulate: an architecture or a context length is listed twice")
    for name, values in {"context_lengths": context_lengths, "token_param_ratios": ratios}.items():
        if not all(np.isfinite(v) and v > 0 for v in values):
            raise RunsError(f"simulate: {name} must be finite and above 0, not {list(values)}")
    if not (np.isfinite(noise) and 0 <= noise < 1):
        raise RunsError(f"simulate: noise is the scale in ln loss, 0 to 1, not {noise}")
