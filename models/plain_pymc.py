"""The statistical model as a textbook writes it, in PyMC: priors, hierarchy, drift and likelihood by name.

It is there to be read and to be held against: `density` samples the same posterior about a hundred times
faster, with the means, effects, slopes and scales of this model integrated out and in coordinates of its own,
and a test holds the two log densities equal. All laws, kernels and priors are those that `density` uses.

PyMC is imported at the top: nothing imports this file but who asks for the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_scaling.laws.covariates import folded
from bayes_scaling.laws.drift import LEARNT, WALK_NAMES, WALKS, Shifts, drifted_log_loss, knot_values
from bayes_scaling.models.density import law_arguments, skewed_t, total_scale, two_sided
from bayes_scaling.models.design import Design, build_design
from bayes_scaling.models.hierarchy import (
    ALONG_CONTEXT,
    DEVIATION,
    LOG_SPREAD,
    SLOPE_SHARED,
    Groups,
    center,
    context_coordinate,
    deviation_kernel,
)
from bayes_scaling.models.misfit import OFFSET, SCALE_NAMES
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.models.unit_priors import in_unit
from bayes_scaling.runs.table import Runs

Array = Any
CELLS = ("coefficient", "architecture", "context_length")


def plain_model(runs: Runs, spec: ModelSpec | None = None) -> pm.Model:
    """Write down the statistical model of `fit` in PyMC, every level of it a variable with a name.

    Its log density is the one that `fit` samples, means, effects, slopes and scales not integrated out. Use
    it to read the model, to draw its graph, to change it, or as a start for one of your own; `fit` samples
    about a hundred times faster.

    Parameters
    ----------
    runs : Runs
    spec : ModelSpec, optional
        Default: the default one.

    Returns
    -------
    pymc.Model
        Dims are ``coefficient``, ``architecture``, ``context_length``, ``run`` and, where they are needed,
        ``walk``, ``knot`` and ``offset_level``. The variables are:

        - ``mean``, ``tau_architecture``, ``tau_context``, ``slope`` (coefficient,), ``effect`` and
          ``own_slope`` (coefficient, architecture): the levels of the hierarchy, under partial pooling;
        - ``natural`` (coefficient, architecture, context_length): ln E, ln R and the other coefficients on
          their log or logit scales, relative to the reference sizes; (coefficient,) under complete pooling;
        - ``drift_scale`` (walk,) and ``turn`` (architecture, knot), in 1 per root e-fold: the walks;
        - ``offset`` (architecture, offset_level): shifts of ln L;
        - ``nu_above_two`` (): degrees of freedom of the noise above 2;
        - ``law`` (run,): ln L of the law, its terms walked, with L in nats per token, and ``drift``
          (run,): what the other walks add to it;
        - ``log_loss`` (run,): ln L, observed.

    Raises
    ------
    SpecError
        The runs lack a column that the spec needs.

    Examples
    --------
    >>> model = bs.models.plain_model(bs.load_runs("simulated"))
    >>> [variable.name for variable in model.observed_RVs]
    ['log_loss']
    >>> model.named_vars_to_dims["natural"]
    ('coefficient', 'architecture', 'context_length')
    """
    design = build_design(runs, in_unit(spec, runs.loss_unit))
    cells = _cells(design)
    with pm.Model(coords=_coords(design, cells)) as model:
        coefficients = _coefficients(design, cells)
        shifts = _walks(design, cells)
        law = pm.Deterministic("law", _law(coefficients, design, shifts), dims="run")
        drift = 0.0 if shifts is None else pm.Deterministic("drift", shifts.loss, dims="run")
        location = law + drift + _offsets(design, cells)
        _likelihood(location, coefficients, design)
    return model


@dataclass(frozen=True)
class Cells:
    """Where each run stands among all pairs of an architecture and a context length.

    Attributes
    ----------
    architectures : tuple of str
        Under complete pooling one stands for all.
    context_lengths : tuple of int
    architecture, context : ndarray of int (run,)
        Each run has an index in either.
    contexts : Groups
        One architecture has all context lengths here, with the reference.
    """

    architectures: tuple[str, ...]
    context_lengths: tuple[int, ...]
    architecture: np.ndarray
    context: np.ndarray
    contexts: Groups


def _cells(design: Design) -> Cells:
    groups = design.groups
    column = design.slots.column
    lengths = tuple(sorted(set(groups.context_length)))
    contexts = Groups(("any",) * len(lengths), lengths, groups.reference_context)
    if design.spec.pooling == "complete":
        return Cells(("all",), lengths, column, column, contexts)
    names = tuple(dict.fromkeys(groups.architecture))
    architecture = np.array([names.index(name) for name in groups.architecture])
    context = np.array([lengths.index(length) for length in groups.context_length])
    return Cells(names, lengths, architecture[column], context[column], contexts)


def _coords(design: Design, cells: Cells) -> dict[str, Any]:
    """Labels of all dims."""
    coords: dict[str, Any] = {
        "coefficient": design.hierarchy.names,
        "architecture": cells.architectures,
        "context_length": cells.context_lengths,
        "run": np.arange(len(design.slots.column)),
    }
    if design.misfit is not None:
        coords["walk"] = [WALK_NAMES[i] for i in LEARNT]
        coords["knot"] = [f"{WALK_NAMES[i]} {k:+d}" for i, k in design.misfit.knots]
        coords["offset_level"] = [f"{column} {value}" for column, value in design.misfit.levels]
    return coords


def _coefficients(design: Design, cells: Cells) -> dict[str, Array]:
    """Each coefficient at each run (run,), on its log or logit scale; () under complete pooling."""
    priors = [design.spec.prior(name) for name in design.hierarchy.names]
    median = np.array([center(prior) for prior in priors])
    scale = np.array([prior.scale for prior in priors])
    if design.spec.pooling == "complete":
        natural = pm.Normal("natural", median, scale, dims="coefficient")
        return {name: natural[i] for i, name in enumerate(design.hierarchy.names)}
    if design.spec.pooling == "none":
        natural = pm.Normal("natural", median[:, None, None], scale[:, None, None], dims=CELLS)
    else:
        group_scale = np.array([prior.group_scale for prior in priors])
        natural = _hierarchy(median, scale, group_scale, cells)
    at_runs = natural[:, cells.architecture, cells.context]
    return {name: at_runs[i] for i, name in enumerate(design.hierarchy.names)}


def _hierarchy(median: np.ndarray, scale: np.ndarray, group_scale: np.ndarray, cells: Cells) -> Array:
    """Coefficients that architectures and context lengths share in part; given (coefficient,) each.

    A coefficient of an architecture runs along a line in c = log_4(T / reference), and round it along a
    smooth function of c.
    """
    c = context_coordinate(cells.contexts)
    smooth = np.linalg.cholesky(deviation_kernel(cells.contexts))

    mean = pm.Normal("mean", median, scale, dims="coefficient")
    tau_architecture = pm.LogNormal("tau_architecture", np.log(group_scale), LOG_SPREAD, dims="coefficient")
    tau_context = pm.LogNormal(
        "tau_context", np.log(ALONG_CONTEXT * group_scale), LOG_SPREAD, dims="coefficient"
    )

    by_architecture = ("coefficient", "architecture")
    effect = pm.Normal("effect", 0.0, tau_architecture[:, None], dims=by_architecture)
    slope = pm.Normal("slope", 0.0, np.sqrt(SLOPE_SHARED) * tau_context, dims="coefficient")
    own_slope = pm.Normal(
        "own_slope", 0.0, np.sqrt(1 - SLOPE_SHARED) * tau_context[:, None], dims=by_architecture
    )

    level = mean[:, None] + effect
    rise = slope[:, None] + own_slope
    line = level[:, :, None] + rise[:, :, None] * c
    deviation = DEVIATION * tau_context[:, None, None, None] * smooth
    return pm.MvNormal("natural", line, chol=deviation, dims=CELLS)


def _law(coefficients: dict[str, Array], design: Design, shifts: Shifts | None) -> Array:
    """ln L of the law, its terms walked, at each run: (run,)."""
    theta = law_arguments(pt, coefficients, design.spec.law_value.fixed)
    places = {name: _of_runs(value, design) for name, value in design.places.items()}
    n = _of_runs(design.log_params, design)
    d = _of_runs(design.log_tokens, design)
    inside = shifts and shifts._replace(loss=0.0)
    return drifted_log_loss(pt, n, d, folded(pt, theta | places), inside)


def _walks(design: Design, cells: Cells) -> Shifts | None:
    """What the walks add at each run: outwards from the runs' centre, those of each architecture."""
    if design.misfit is None or not len(design.misfit.knots):
        return None
    priors = [design.scalars[name] for name in SCALE_NAMES]
    medians = np.array([prior.median for prior in priors])
    spreads = np.array([prior.scale for prior in priors])
    scale = pm.LogNormal("drift_scale", np.log(medians), spreads, dims="walk")
    walk = design.misfit.knots[:, 0]
    own = np.searchsorted(LEARNT, walk)
    turn = pm.Normal("turn", 0.0, scale[own], dims=("architecture", "knot"))

    n = _of_runs(design.log_params, design)
    d = _of_runs(design.log_tokens, design)
    context = context_coordinate(cells.contexts)[cells.context]
    steps = knot_values(n, d, design.misfit.knots, context) * turn[cells.architecture]
    target = np.array([WALKS[i].target for i in walk])
    return Shifts(*(steps[:, np.flatnonzero(target == t)].sum(-1) for t in range(len(Shifts._fields))))


def _offsets(design: Design, cells: Cells) -> Array:
    """What runs made alike share in ln L, at each run."""
    if design.misfit is None or not design.misfit.levels:
        return 0.0
    offset = pm.Normal("offset", 0.0, OFFSET, dims=("architecture", "offset_level"))
    basis = design.misfit.basis[design.slots.column, design.slots.slot]
    applies = basis[:, len(design.misfit.knots) :] != 0
    return (applies * offset[cells.architecture]).sum(-1)


def _likelihood(location: Array, coefficients: dict[str, Array], design: Design) -> None:
    """ln L of the runs round ``location`` (run,): a Student-t, or one of two scales."""
    prior = design.scalars["nu"]
    nu = 2.0 + pm.LogNormal("nu_above_two", np.log(prior.median), prior.scale)
    known = None if design.relative_sd is None else _of_runs(design.relative_sd, design)
    seen = _of_runs(design.log_loss, design)
    below = total_scale(pt, pt.exp(coefficients["sigma"]), known)
    if "skew" in coefficients:
        above = total_scale(pt, pt.exp(coefficients["sigma"] + coefficients["skew"]), known)
        loss = pm.CustomDist(
            "log_loss",
            *(location, below, above, nu),
            logp=_skewed_logp,
            random=_skewed_random,
            observed=seen,
            dims="run",
        )
    else:
        loss = pm.StudentT("log_loss", nu=nu, mu=location, sigma=below, observed=seen, dims="run")
    weight = _of_runs(design.weight, design)
    if (weight != 1).any():  # a run of weight 2 counts as two of it
        pm.Potential("weights", (weight - 1) * pm.logp(loss, seen), dims="run")


def _skewed_logp(value: Array, location: Array, below: Array, above: Array, nu: Array) -> Array:
    return skewed_t(pt, value, location, below, above, nu, pt.gammaln)


def _skewed_random(
    location: Array, below: Array, above: Array, nu: Array, rng: np.random.Generator, size: Any = None
) -> np.ndarray:
    noise = rng.standard_t(nu, size=size)
    return location + two_sided(noise, below, above, rng)


def _of_runs(table: Array, design: Design) -> Array:
    """Values (column, slot) as (run,); a number stays one."""
    return design.slots.gather(table) if np.ndim(table) else table
