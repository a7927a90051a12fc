"""The errors and warnings a user can meet. Each message names the place and the remedy."""

from __future__ import annotations


class BayesScalingError(ValueError):
    """Bad input: the base of every error this package raises on purpose (exit code 2).

    Examples
    --------
    >>> try:
    ...     bs.frontier(fit, -1)
    ... except bs.BayesScalingError as error:
    ...     print(error)
    compute budget -1.0: give training FLOPs between 1 and 1e40, such as 1e21
    """


class RunsError(BayesScalingError):
    """A table of runs that cannot be read or is not valid."""


class SpecError(BayesScalingError):
    """A model specification that names no known law, pooling or prior."""


class TimingsError(BayesScalingError):
    """A table of timings that cannot be read or is not valid."""


class LatencyError(BayesScalingError):
    """A latency query, device or benchmark that a fit cannot use."""


class FitFileError(BayesScalingError):
    """A file that is not a whole, readable fit of this package."""


class BudgetError(BayesScalingError):
    """A compute budget, context length or architecture that a query cannot use."""


class DecisionError(BayesScalingError):
    """A limit, scenario or candidate run that a decision cannot use."""


class SweepError(BayesScalingError):
    """A sweep that cannot start or go on: its corpus, protocol, plan or file of results."""


class RecordError(BayesScalingError):
    """Predictions that cannot be written down, read or judged."""


class RunsWarning(UserWarning):
    """A table of runs that is valid but will not answer every question."""


class TimingsWarning(RunsWarning):
    """A table of timings that is valid but implausible."""


class ConvergenceWarning(UserWarning):
    """A posterior that did not pass the convergence gate."""


class FitFileWarning(UserWarning):
    """A saved file that is whole but of an older format."""
