"""`Posterior`: draws with the runs and the spec they came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import xarray as xr

from bayes_scaling.laws.covariates import NEUTRAL_VALUE, Covariate, checked_values, compute_factor, told
from bayes_scaling.laws.law import Law
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.runs.table import Runs


@dataclass(frozen=True, eq=False, repr=False)
class Posterior:
    """Draws of a fitted model, a frozen value.

    `bayes_scaling.Fit` adds the methods, and tells of the attributes idata, runs, spec and given.
    """

    idata: xr.DataTree
    runs: Runs
    spec: ModelSpec
    given: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "given", checked_values(self.law.name, self.covariates, self.given))

    def at(self, **values: Any) -> Self:
        """The same fit, asked about models of one value of its law's covariates.

        The draws, the runs and the checks are the same. Questions (`bayes_scaling.frontier`,
        `bayes_scaling.compare`, `bayes_scaling.decide` and others) and predictions of runs that lack the
        covariate's column are then about that value. A fit that is told none answers about dense models of
        one stream, and says so.

        Parameters
        ----------
        **values : float
            ``params_total_ratio``, all params over active ones, for a law with ``expert_worth``;
            ``parallel_streams`` for one with ``stream_worth``. Each is at least 1. What is not named keeps
            its value, 1 at first.

        Returns
        -------
        Fit

        Raises
        ------
        SpecError
            A covariate that the law does not know, or a value that is no number of at least 1.

        Examples
        --------
        >>> wide = fit.at(params_total_ratio=8)  # doctest: +SKIP
        >>> wide.frontier(1e22).table()  # doctest: +SKIP
        """
        return replace(self, given=self.conditions | values)

    @property
    def covariates(self) -> tuple[Covariate, ...]:
        """The covariates of the law; of a stack's those that its runs have."""
        return tuple(one for one in self.law.covariates if one.column in self.runs.frame)

    @property
    def conditions(self) -> dict[str, float]:
        """The value of each covariate that questions are about."""
        neutral = {one.name: NEUTRAL_VALUE for one in self.covariates}
        return neutral | dict(self.given)

    @property
    def law(self) -> Law:
        """The law fitted."""
        return self.spec.law_value

    @property
    def asked_at(self) -> str:
        """`conditions` in words, such as ``at params_total_ratio 8``; empty for a law without covariates."""
        return told(self.conditions)

    @property
    def compute_factor(self) -> float:
        """How many times the FLOPs of a model of as many params and tokens one at `conditions` takes."""
        return compute_factor(self.conditions)

    @property
    def loss_unit(self) -> str:
        """The unit of the losses; see `bayes_scaling.Runs`."""
        return self.runs.loss_unit

    @property
    def backend(self) -> str:
        """The back end that sampled."""
        return str(json.loads(self.idata.attrs["backend"]))

    @property
    def posterior(self) -> xr.Dataset:
        """Posterior draws."""
        return self.idata["posterior"].to_dataset()

    @property
    def architectures(self) -> tuple[str, ...]:
        """Architectures fitted, sorted."""
        return tuple(str(a) for a in self.posterior["architecture"].to_numpy())

    @property
    def context_lengths(self) -> tuple[int, ...]:
        """Context lengths fitted, sorted."""
        return tuple(int(t) for t in self.posterior["context_length"].to_numpy())

    def __str__(self) -> str:
        names = ", ".join(self.architectures)
        law = self.law.name + (" law with drift" if self.spec.discrepancy == "drift" else " law")
        kind = type(self).__name__
        size = self.posterior.sizes
        asked = f"; asked {self.asked_at}" if self.given else ""
        return (
            f"{kind}({law}, {self.spec.pooling} pooling, {self.backend}; {len(self.runs)} runs of "
            f"{names}; {size['chain']} chains x {size['draw']} draws{asked})"
        )

    def __repr__(self) -> str:
        return str(self)
