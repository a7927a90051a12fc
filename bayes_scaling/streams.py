"""The random streams: what a seed is joined with, so that two uses of one seed draw independent numbers."""

from __future__ import annotations

from enum import IntEnum, unique


@unique
class Stream(IntEnum):
    """One number for each use of random numbers: ``np.random.default_rng([seed, Stream.SCATTER])``.

    A number never changes, for results with a seed depend on it. A new use gets the next free number.
    """

    HIERARCHY = 0  # means, effects and groups without runs, of a fit
    NEW_GROUPS = 1  # architectures and context lengths beyond those of a fit
    SCATTER = 2  # noise of losses: a fit's own runs and predictions
    NEW_DRIFT = 3  # the drift of an architecture without runs
    NEW_OFFSETS = 4  # offsets of runs with values that were not fitted
    BOOTSTRAP_FORECAST = 5  # noise of forecasts by a bootstrap
    ISOFLOP_FORECAST = 6  # noise of forecasts by the isoFLOP line
    LATENCY_SCATTER = 7  # noise of predicted times
    STACKING = 8  # which model a draw of a mixture is of
    LATENCY_PRIOR = 11  # draws of the prior of times
    SAMPLING = 13  # stages of a sampler
    LATENCY_SIZES = 17  # deviations of the times of single model sizes
    SIMULATED_CURVES = 18  # curves and losses of simulation-based calibration
    NEXT_RUNS = 19  # outcomes among which the next runs are chosen
    NEXT_RUNS_CHECK = 20  # outcomes by which the chosen runs are judged
    MEMORY_LIMIT = 21  # whether a model fits into memory, where that is uncertain
    CONFORMAL_SPLIT = 22  # which runs fit and which calibrate a conformal forecast
    COMPARED_RUNS = 23  # expected losses of two recipes
