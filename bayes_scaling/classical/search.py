"""The Huber fit of one group: many starts, the best polished, resamples warm from there."""

from __future__ import annotations

from itertools import product

import numpy as np

from bayes_scaling.classical.solver import Found, Problem, polish, solve_many
from bayes_scaling.laws.law import get_law

FIRST, LAST = 25, 150  # steps of every start, of the best ones
WARM, LONG = 25, 300  # steps of a resample from the optimum, of one that has not settled by then
BEST = 40
NO_FLOOR = 0.01  # share of the loss under which E is as good as none
SECOND = 0.3  # share of the loss from which E may come back


def best_fit(problem: Problem, weight: np.ndarray, starts: int) -> tuple[np.ndarray, float]:
    """Coefficients and objective of the best of many starts.

    Parameters
    ----------
    problem : Problem
    weight : ndarray (run,)
    starts : int
    """
    grid = start_grid(problem.log_loss.mean(), problem.law, starts)
    first = solve_many(grid, problem, weight, FIRST)
    leaders = first.points[np.argsort(first.values)[:BEST]]
    last = solve_many(leaders, problem, weight, LAST)
    return polish(last.points[np.argmin(last.values)], problem, weight)


def warm_fits(best: np.ndarray, problem: Problem, counts: np.ndarray) -> np.ndarray:
    """Coefficients of each resample (resample, coefficient), from the optimum of all runs.

    A start without a floor has no slope towards one: then each resample also starts from a floor of its
    own, and the lower of the two counts.

    Parameters
    ----------
    best : ndarray (coefficient,)
    problem : Problem
    counts : ndarray (resample, run)
    """
    found = _settle(best, problem, counts)
    centre = problem.log_loss.mean()
    if best[0] < centre + np.log(NO_FLOOR):
        other = _settle(np.array([centre + np.log(SECOND), *best[1:]]), problem, counts)
        return np.where((other.values < found.values)[:, None], other.points, found.points)
    return found.points


def _settle(start: np.ndarray, problem: Problem, counts: np.ndarray) -> Found:
    """Few steps for all, more for those that still gain by them."""
    found = solve_many(np.repeat(start[None], len(counts), axis=0), problem, counts, WARM)
    again = np.flatnonzero(~found.settled)
    if again.size:
        longer = solve_many(found.points[again], problem, counts[again], LONG)
        for whole, part in zip(found, longer, strict=True):
            whole[again] = part
    return found


def start_grid(log_loss: float, law: str, starts: int) -> np.ndarray:
    """Starts over shares of the loss and exponents, evenly thinned to ``starts``."""
    shares = np.log([0.1, 0.3, 0.5, 0.7, 0.9])
    terms = np.log([0.02, 0.1, 0.3, 0.6, 1.0])
    exponents = np.array([0.1, 0.3, 0.6, 1.2])
    axes = [log_loss + shares, terms, terms, exponents, exponents]
    if "gamma" not in get_law(law).fixed:
        axes.append(np.log([0.4, 0.7, 1.0, 1.5]))
    grid = list(product(*axes))
    chosen = np.linspace(0, len(grid) - 1, min(starts, len(grid))).round().astype(int)
    return np.array(grid)[chosen]
