"""Whether the difference between two runs, or two recipes with seeds, is more than noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.draws import summarise_draws
from bayes_scaling.errors import BudgetError, SpecError
from bayes_scaling.faces.faced import Faced
from bayes_scaling.faces.shown import shown
from bayes_scaling.models.density import total_scale
from bayes_scaling.numbers.plain import is_finite_number
from bayes_scaling.numbers.positive import positive_numbers
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.questions.groups import coefficients_of
from bayes_scaling.questions.query import Query
from bayes_scaling.questions.replicates import (
    SPREAD,
    Noise,
    Replicates,
    draw_locations,
    further_seeds,
    learnt_noise,
    locate,
    prior_noise,
    probability_lower,
)
from bayes_scaling.streams import Stream

DRAWS = 20_000  # of the expected losses
LOSS = "2.312"  # nats per token, as an example
QUANTITIES = ("first", "second", "difference", "noise")
SHORT = (
    *("architecture", "context_length", "probability"),
    *("difference_", "difference_q25", "difference_q75"),
    *("noise_median", "further_seeds"),
)  # columns of a short table


@dataclass(frozen=True, eq=False, repr=False)
class RunComparison(
    Faced, printer="run_comparison.print_runs", figures={"runs": "run_comparison.plot_run_comparison"}
):
    """Two recipes by the losses of their runs.

    Attributes
    ----------
    draws : Dataset
        In nats per token, dims chain (1), draw: first and second (the expected loss of either recipe, without
        the factor that noise adds to both), difference (second less first), noise (scale of one run's loss,
        with the known error in it).
    first, second : ndarray (replicate,)
        The losses given.
    architecture : str
    context_length : int
    loss_sd : float
        Known standard deviation of a loss, nats per token.
    probability : float
        That the second has the lower expected loss.
    further_seeds : float
        Of each recipe, until either has the lower expected loss with a probability of 0.95, if they differ as
        the median says. 0 for none; infinite for over 100.
    """

    draws: xr.Dataset
    first: np.ndarray
    second: np.ndarray
    architecture: str
    context_length: int
    loss_sd: float
    probability: float
    further_seeds: float

    def table(self, full: bool = False) -> pd.DataFrame:
        """One row.

        Columns: architecture, context_length; first_runs and second_runs, how many losses were given;
        probability (that the second has the lower expected loss); ``first_*``, ``second_*``,
        ``difference_*`` (second less first) and ``noise_*`` (scale of one run's loss), nats per token, with
        median, mean, sd and quantiles; further_seeds of each recipe (0 for none, infinite for over 100).

        Unless ``full``, only the columns that answer the question, displayed as people read them.
        """
        return shown(self._rows(), SHORT, full)

    def _rows(self) -> pd.DataFrame:
        asked = {
            "architecture": self.architecture,
            "context_length": self.context_length,
            "first_runs": len(self.first),
            "second_runs": len(self.second),
            "probability": self.probability,
        }
        row = self.draws.expand_dims("row", -1)
        tables = [summarise_draws(row[name], name) for name in QUANTITIES]
        found = pd.concat(
            [pd.DataFrame(asked, index=[0]), *(t.reset_index(drop=True) for t in tables)], axis=1
        )
        return found.assign(further_seeds=self.further_seeds)


def compare_runs(
    fit: Fit,
    first: Any,
    second: Any,
    context_length: Any = None,
    architecture: Any = None,
    loss_sd: float = 0.0,
    spread: float = SPREAD,
    seed: int = 0,
) -> RunComparison:
    """Tell whether two runs, or two recipes with seeds, of one size differ by more than noise.

    ln L of a run is a Student-t round what its recipe gives. Degrees of freedom are the fit's. The scale is
    the fit's residual scale times e^u with u ~ Normal(0, spread), the same for both recipes. The residual
    scale holds misfit of the law and differences between recipes too, so seeds alone may scatter less, and
    these runs may scatter more. Replicates tell of u; with one loss each nothing does.

    Parameters
    ----------
    fit : Fit
        Of runs like these, with ``errors="symmetric"``.
    first, second : float or sequence of float
        Losses of the runs of either recipe, nats per token: one, or one for each seed.
    context_length : int, optional
        One. Default: that of the fit, if it has one.
    architecture : str, optional
        One. Default: that of the fit, if it has one.
    loss_sd : float
        Known standard deviation of every loss given, such as that of a small set for evaluation.
    spread : float
        Standard deviation of u.
    seed : int
        For the draws of the expected losses.

    Returns
    -------
    RunComparison

    Raises
    ------
    BudgetError
        No loss, or one that is not a positive number; an unknown architecture, a bad context length, or more
        than one of either; a loss_sd or spread that is negative.
    SpecError
        A fit whose noise has two scales.

    See Also
    --------
    compare : two architectures, each at its own optimum.

    Examples
    --------
    >>> found = bs.compare_runs(fit, [2.312, 2.309], 2.301, 8192, "xlstm")
    >>> other = bs.compare_runs(fit, 2.301, [2.312, 2.309], 8192, "xlstm")
    >>> round(found.probability + other.probability, 6)
    1.0
    >>> more = bs.compare_runs(fit, [2.312, 2.309, 2.311], [2.301, 2.302], 8192, "xlstm")
    >>> more.probability > found.probability
    True
    """
    known_sd = _not_negative("loss_sd", loss_sd)
    turn = _not_negative("spread", spread)
    ours = positive_numbers("first", first, BudgetError, LOSS)
    theirs = positive_numbers("second", second, BudgetError, LOSS)
    query = _one_group(fit, context_length, architecture)
    one = Replicates(np.log(ours), known_sd / ours)
    other = Replicates(np.log(theirs), known_sd / theirs)
    prior = _noise_of(fit, query, turn)
    found = locate(one, other, prior)
    noise = learnt_noise(prior, found)
    probability = probability_lower(noise, found)
    rng = np.random.default_rng([seed, Stream.COMPARED_RUNS])
    first_log, second_log, scale = draw_locations(noise, found, DRAWS, rng)
    typical = float(np.exp(np.concatenate([one.log_loss, other.log_loss]).mean()))
    apart = float(np.median(second_log - first_log))
    counts = (len(ours), len(theirs))
    more = further_seeds(noise, probability, apart, counts, known_sd / typical)
    run_scale = typical * total_scale(np, scale, known_sd / typical)
    draws = _as_draws(np.exp(first_log), np.exp(second_log), run_scale)
    name = query.architecture[0]
    length = query.context_length[0]
    return RunComparison(draws, ours, theirs, name, length, known_sd, probability, more)


def _noise_of(fit: Fit, query: Query, spread: float) -> Noise:
    """What a fit knows of the noise of one group's runs."""
    theta = coefficients_of(fit, query)
    if "skew" in theta:
        raise SpecError(
            "the noise of this fit has two scales, below and above the law, and the question needs one: "
            'fit the runs again with errors="symmetric" and ask that fit'
        )
    sigma = theta["sigma"].transpose("chain", "draw", ...).to_numpy()
    nu = fit.posterior["nu"].transpose("chain", "draw").to_numpy()
    return prior_noise(sigma.ravel(), nu.ravel(), spread)


def _one_group(fit: Fit, context_length: Any, architecture: Any) -> Query:
    """The question of one architecture at one context length."""
    query = Query.without_budget(fit, context_length, architecture)
    if len(query.architecture) != 1:
        raise BudgetError(f"two runs are of one architecture: name one of {', '.join(query.architecture)}")
    if len(query.context_length) != 1:
        known = ", ".join(str(length) for length in query.context_length)
        raise BudgetError(f"two runs are of one context length: name one, such as one of {known}")
    return query


def _not_negative(name: str, value: Any) -> float:
    if not is_finite_number(value) or value < 0:
        raise BudgetError(f"{name} {value!r}: give a number that is 0 or more, such as 0.002")
    return float(value)


def _as_draws(first: np.ndarray, second: np.ndarray, noise: np.ndarray) -> xr.Dataset:
    values = {"first": first, "second": second, "difference": second - first, "noise": noise}
    data = {name: (("chain", "draw"), value[None]) for name, value in values.items()}
    return xr.Dataset(data, coords={"chain": [0], "draw": np.arange(len(first))})
