"""The runs as arrays for the log density: one row of slots per group, scaled logs, hierarchies."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from bayes_scaling.errors import SpecError
from bayes_scaling.laws.covariates import COVARIATES, NEUTRAL_VALUE, REFERENCE
from bayes_scaling.laws.effective_sizes import UNLIMITED
from bayes_scaling.laws.law import pivots
from bayes_scaling.laws.overfitting import NAMES as OVERFIT
from bayes_scaling.laws.overfitting import ratio_pivot
from bayes_scaling.models.hierarchy import Groups, Hierarchy, build_hierarchy, center, context_coordinate
from bayes_scaling.models.misfit import SCALE_NAMES, Misfit, build_misfit
from bayes_scaling.models.priors import Prior
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.runs.table import Runs

GROUP_PRIORS = (
    "E", "R", "share", "slope_params", "slope_tokens", "gamma", "eta", "repeat_tokens", "repeat_params",
    *OVERFIT, *(one.coefficient for one in COVARIATES), "sigma", "skew",
)  # fmt: skip
ALWAYS = ("R", "share", "slope_params", "slope_tokens")


@dataclass(frozen=True)
class Slots:
    """Where each run stands in the (column, slot) arrays, so that nothing is gathered by group.

    Attributes
    ----------
    column, slot : ndarray (run,)
    shape : tuple of int
        It counts the columns (groups, or one under complete pooling) and the most runs that one of them has.
    """

    column: np.ndarray
    slot: np.ndarray
    shape: tuple[int, int]

    def spread(self, values: np.ndarray, empty: float) -> np.ndarray:
        """Values (run,) as (column, slot), the free slots filled with ``empty``."""
        table = np.full(self.shape, empty)
        table[self.column, self.slot] = values
        return table

    def gather(self, table: np.ndarray) -> np.ndarray:
        """Values (..., column, slot) as (..., run)."""
        return table[..., self.column, self.slot]


@dataclass(frozen=True)
class Design:
    """All that the log density needs.

    Attributes
    ----------
    spec : ModelSpec
    groups : Groups
        The observed groups, which share one column under complete pooling.
    slots : Slots
    log_loss, log_params, log_tokens, weight : ndarray (column, slot)
        The first three are natural logs, params and tokens relative to the references; the weight multiplies
        a run's log likelihood and is 0 in a free slot.
    relative_sd : ndarray (column, slot) or None
        The loss is known to this standard deviation, over the loss itself.
    reference_params, reference_tokens : float
        They are geometric means over the runs.
    hierarchy : Hierarchy
        It holds the priors of the coefficients, in the order of the rows of a position.
    scalars : mapping of str to Prior
        All groups share them: ``nu``, and the scale of each walk with a drift.
    misfit : Misfit or None
        It describes the walks and the offsets, where the spec has any.
    places : mapping of str to array
        What the law's effective sizes need beside coefficients, relative to the references: pivots, unique
        tokens (column, slot); the values of covariates (column, slot) and, for reference, their geometric
        means over the runs.
    """

    spec: ModelSpec
    groups: Groups
    slots: Slots
    log_loss: np.ndarray
    log_params: np.ndarray
    log_tokens: np.ndarray
    weight: np.ndarray
    relative_sd: np.ndarray | None
    reference_params: float
    reference_tokens: float
    hierarchy: Hierarchy
    scalars: Mapping[str, Prior]
    misfit: Misfit | None = None
    places: Mapping[str, Any] = field(default_factory=dict)

    @property
    def columns(self) -> int:
        """Groups, or 1 under complete pooling."""
        return self.slots.shape[0]

    @property
    def law_size(self) -> int:
        """Length of a position's part with normal coordinates: coefficients x columns, then the scalars."""
        return len(self.hierarchy.names) * self.columns + len(self.scalars)

    @property
    def size(self) -> int:
        """Length of a position: the law's part, then the coordinates of the misfit's weights."""
        return self.law_size + (0 if self.misfit is None else int(np.prod(self.misfit.shape)))

    @cached_property
    def key(self) -> str:
        """Digest of all but the losses and where the misfit is settled."""
        digest = hashlib.sha256(self.spec.to_json().encode())
        parts = (self.spec.law_value, self.groups, self.reference_params, self.reference_tokens)
        digest.update(repr(parts).encode())
        arrays = [self.log_params, self.log_tokens, self.weight, self.slots.column, *self.places.values()]
        arrays += [self.hierarchy.mean, self.hierarchy.log_weight]
        arrays += [] if self.relative_sd is None else [self.relative_sd]
        arrays += [] if self.misfit is None else [self.misfit.basis]
        for array in arrays:
            digest.update(np.ascontiguousarray(array, dtype=float).tobytes())
        return digest.hexdigest()

    @property
    def centers(self) -> np.ndarray:
        """Prior means of the scalars on their log scales."""
        return np.array([center(prior) for prior in self.scalars.values()])


class Alike:
    """A design as a key of what is compiled: equal but for losses and where the misfit is settled."""

    def __init__(self, design: Design) -> None:
        self.design = design

    def __hash__(self) -> int:
        return hash(self.design.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Alike) and self.design.key == other.design.key


def build_design(runs: Runs, spec: ModelSpec) -> Design:
    """Arrays of the runs for one spec."""
    groups, code = observed_groups(runs)
    slots = _slots(np.zeros_like(code) if spec.pooling == "complete" else code)
    log_params = np.log(_floats(runs, "params"))
    log_tokens = np.log(_floats(runs, "tokens"))
    loss = _floats(runs, "loss")
    sd = np.nan_to_num(_floats(runs, "loss_sd", 0.0))
    n = slots.spread(log_params - log_params.mean(), 0.0)
    d = slots.spread(log_tokens - log_tokens.mean(), 0.0)
    weight = slots.spread(_floats(runs, "weight", 1.0), 0.0)
    references = float(np.exp(log_params.mean())), float(np.exp(log_tokens.mean()))
    return Design(
        spec=spec,
        groups=groups,
        slots=slots,
        log_loss=slots.spread(np.log(loss), float(np.log(loss).mean())),
        log_params=n,
        log_tokens=d,
        weight=weight,
        misfit=build_misfit(
            n, d, weight, _blocks(groups, spec), walk_contexts(groups, spec), _offsets(runs, spec, slots)
        ),
        relative_sd=slots.spread(sd / loss, 0.0) if sd.any() else None,
        reference_params=references[0],
        reference_tokens=references[1],
        hierarchy=build_hierarchy({name: spec.prior(name) for name in sampled(spec)}, groups, spec.pooling),
        scalars={name: spec.prior(name) for name in _scalars(spec)},
        places=_places(runs, spec, slots, references),
    )


def _scalars(spec: ModelSpec) -> tuple[str, ...]:
    return ("nu", *SCALE_NAMES) if spec.discrepancy == "drift" else ("nu",)


def sampled(spec: ModelSpec) -> tuple[str, ...]:
    """The coefficients of a position: those that every law has, the law's own, the noise's.

    Where beta is fixed, gamma is the slope of tokens over it.
    """
    law = spec.law_value
    tied = {"gamma"} if "beta" in law.fixed else set()
    free = {*ALWAYS, *law.names, *spec.noise_names} - tied
    return tuple(name for name in GROUP_PRIORS if name in free)


def _places(runs: Runs, spec: ModelSpec, slots: Slots, references: tuple[float, float]) -> dict[str, Any]:
    """See `Design.places`.

    Raises
    ------
    SpecError
        The runs lack a column that the law needs.
    """
    law = spec.law_value
    known = law.of_runs(runs.frame)
    places: dict[str, Any] = pivots(np, *references) if "eta" in law.names else {}
    if law.repeats:
        unique = known.get("unique_tokens", np.full(len(runs.frame), UNLIMITED))
        places["pivot_ratio"] = ratio_pivot(np, *references)
        places["log_unique"] = slots.spread(np.log(unique / references[1]), float(np.log(UNLIMITED)))
    for one in law.covariates:
        values = known.get(one.name, np.full(len(runs.frame), NEUTRAL_VALUE))
        reference = float(np.exp(np.log(values).mean()))
        places[one.name] = slots.spread(values, reference)
        places[one.name + REFERENCE] = np.array(reference)
    return places


def observed_groups(runs: Runs) -> tuple[Groups, np.ndarray]:
    """Groups sorted by architecture then context length, and each run's index among them."""
    frame = runs.frame
    keys = [(str(a), int(t)) for a, t in zip(frame["architecture"], frame["context_length"], strict=True)]
    order = sorted(set(keys))
    index = {key: i for i, key in enumerate(order)}
    contexts = np.log(sorted({t for _, t in order}))
    architecture, context_length = zip(*order, strict=True)
    groups = Groups(architecture, context_length, float(np.exp(contexts.mean())))
    return groups, np.array([index[key] for key in keys])


def walk_contexts(groups: Groups, spec: ModelSpec) -> np.ndarray | None:
    """c of each column, at which its walks are; 0 under complete pooling, None without walks."""
    if spec.discrepancy != "drift":
        return None
    return np.zeros(1) if spec.pooling == "complete" else context_coordinate(groups)


def _blocks(groups: Groups, spec: ModelSpec) -> tuple[tuple[int, ...], ...]:
    """Columns of each architecture, in order; all as one under complete pooling."""
    if spec.pooling == "complete":
        return ((0,),)
    names = groups.architecture
    return tuple(tuple(i for i, other in enumerate(names) if other == name) for name in dict.fromkeys(names))


def _offsets(runs: Runs, spec: ModelSpec, slots: Slots) -> dict[tuple[str, str], np.ndarray]:
    """Where each value of the offsets' columns applies, (column, slot).

    Raises
    ------
    SpecError
        The runs lack a column.
    """
    found = {}
    for name in spec.offsets:
        if name not in runs.frame:
            raise SpecError(
                f"offsets: the runs have no column {name!r}; there are {', '.join(runs.frame.columns)}"
            )
        values = runs.frame[name].astype(str).to_numpy()
        for value in dict.fromkeys(values):
            found[name, value] = slots.spread((values == value).astype(float), 0.0)
    return found


def _slots(column: np.ndarray) -> Slots:
    order = np.argsort(column, kind="stable")
    counts = np.bincount(column)
    slot = np.empty_like(column)
    slot[order] = np.concatenate([np.arange(n) for n in counts])
    return Slots(column, slot, (len(counts), int(counts.max())))


def _floats(runs: Runs, column: str, default: float | None = None) -> np.ndarray:
    if default is not None and column not in runs.frame:
        return np.full(len(runs.frame), default)
    return runs.frame[column].to_numpy(dtype=float)
