"""The model as a textbook writes it has the log density that is sampled, all that it has more integrated out.

Given the scales, the plain model is normal in its means, effects, slopes and cells without runs. So the log
of their integral is the plain model's own log density at their mode and half the log determinant of its
Hessian there. The scales are summed over the points of the fast form, each with the mass of the plain
model's prior that lies nearest to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pymc as pm
import pytest
from pytensor.compile.mode import Mode
from pytensor.gradient import grad
from scipy.special import gammaln, logsumexp

from bayes_scaling.errors import SpecError
from bayes_scaling.models import density, plain_pymc, weights
from bayes_scaling.models.design import Design, build_design
from bayes_scaling.models.misfit import OFFSET, log_scales, settled_at
from bayes_scaling.models.mode import start
from bayes_scaling.models.plain_pymc import plain_model
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.models.whitening import Whitening
from tests.helpers.small_runs import UNEVEN, odd_runs, small_runs

TOLERANCE = 1e-8
PYTHON = Mode(linker="py", optimizer="fast_compile")  # no compiler: seconds instead of a minute
LEVELS = ("mean", "effect", "slope", "own_slope")
SCALES = ("tau_architecture", "tau_context")
SPECS = {
    "default": ModelSpec(),
    "no drift": ModelSpec(discrepancy="none"),
    "skewed": ModelSpec(errors="skewed"),
    "skewed without drift": ModelSpec(errors="skewed", discrepancy="none"),
    "chinchilla": ModelSpec("chinchilla"),
    "kaplan": ModelSpec("kaplan"),
    "varying exponent": ModelSpec("varying-exponent"),
    "data-limited": ModelSpec("data-limited"),
    "overfitting": ModelSpec("overfitting"),
    "experts": ModelSpec("mixture-of-experts"),
    "streams": ModelSpec("parallel", discrepancy="none"),
    "offsets": ModelSpec(offsets=("recipe",)),
    "offsets without drift": ModelSpec(offsets=("recipe",), discrepancy="none"),
    "independent groups": ModelSpec(pooling="none"),
    "one group": ModelSpec(pooling="complete"),
}
Values = Mapping[str, np.ndarray]


def settled(spec: ModelSpec) -> tuple[Design, Whitening]:
    """A design whose misfit is settled somewhere, and a space to take points from."""
    design = build_design(odd_runs(), spec)
    turn = np.eye(design.law_size) + 0.01 * np.random.default_rng(3).normal(size=(design.law_size,) * 2)
    whitening = Whitening(start(design), 0.3 * turn)
    if design.misfit is None:
        return design, whitening
    walked = 0.02 * np.random.default_rng(5).normal(size=(2, *design.weight.shape))
    gains = np.random.default_rng(6).uniform(0.2, 0.8, size=walked.shape)
    settled = settled_at(design.misfit, 0.8 * design.weight, walked, gains, 6.0)
    return replace(design, misfit=settled), whitening


def points(design: Design, count: int = 3) -> np.ndarray:
    return np.random.default_rng(11).normal(size=(count, design.size))


def fast_log_density(position: Values, design: Design) -> float:
    """Of natural coefficients, scalars and the weights themselves, in place of their coordinates."""
    total = sum(term.sum() for term in density.log_terms(np, position, design, gammaln).values())
    if design.misfit is None:
        return float(total)
    natural = density.unpin(np, position)
    here = density.misfit_weights(natural, design)
    stretched = np.empty((here.size, here.size))
    for row, step in zip(stretched, np.eye(here.size), strict=True):  # the weights are linear in coordinates
        moved = natural | {"drift": natural["drift"] + step.reshape(here.shape)}
        row[:] = (density.misfit_weights(moved, design) - here).ravel()
    return float(total - np.linalg.slogdet(stretched)[1])


@dataclass(frozen=True)
class Plain:
    """A plain model's log densities as functions of values by name."""

    model: pm.Model
    rest: Callable[[Values], float]
    levels: Callable[[Values], Values]


def compiled(model: pm.Model) -> Plain:
    """What the levels of the hierarchy add, by coefficient, and gradients; all else but the scales."""
    own = [model[name] for name in (*LEVELS, "natural") if name in model.named_vars]
    others = [rv for rv in model.basic_RVs if rv not in own and rv.name not in SCALES]
    inner = [model.rvs_to_values[rv] for rv in own]
    terms = model.logp(own, sum=False)
    by_coefficient = sum(term.reshape((term.shape[0], -1)).sum(-1) for term in terms)
    found = {"value": by_coefficient}
    found |= {v.name: g for v, g in zip(inner, grad(by_coefficient.sum(), inner), strict=True)}
    levels = pm.compile(model.value_vars, list(found.values()), mode=PYTHON, on_unused_input="ignore")
    rest = pm.compile(
        model.value_vars, model.logp([*others, *model.potentials]), mode=PYTHON, on_unused_input="ignore"
    )

    def ordered(values: Values) -> list[np.ndarray]:
        return [np.asarray(values[v.name]) for v in model.value_vars]

    return Plain(
        model,
        lambda values: float(rest(*ordered(values))),
        lambda values: dict(zip(found, levels(*ordered(values)), strict=True)),
    )


def plain_log_density(position: Values, design: Design, plain: Plain) -> float:
    """Of the same coefficients, scalars and weights as `fast_log_density`."""
    values = plain_values(position, design, plain.model)
    h = design.hierarchy
    unseen = np.ones(values["natural"].shape[1:], dtype=bool)
    if design.spec.pooling != "complete":
        unseen[cells_of(design)] = False
    integrals = np.empty((len(h.names), len(h.weight)))
    for k in range(len(h.weight)):
        logs = {f"{name}_log__": np.log(h.tau[:, k, i]) for i, name in enumerate(SCALES) if h.tau.any()}
        integrals[:, k] = log_integral(values | logs, unseen, plain)
    return plain.rest(values) + float(logsumexp(integrals + log_masses(design, plain.model), axis=-1).sum())


def log_integral(values: Values, unseen: np.ndarray, plain: Plain) -> np.ndarray:
    """Log of the integral over levels and cells without runs: (coefficient,).

    There the log density is quadratic.
    """
    if values["natural"].ndim == 1:
        return plain.levels(values)["value"]
    names = [name for name in LEVELS if name in plain.model.named_vars]
    rows = len(values["natural"])
    widths = [values[name].reshape(rows, -1).shape[1] for name in names]
    size = sum(widths) + int(unseen.sum())

    def at(inner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Value (coefficient,) and gradient (coefficient, size) at a point of each coefficient."""
        parts = np.split(inner, np.cumsum(widths), axis=-1)
        moved = {n: p.reshape(values[n].shape) for n, p in zip(names, parts[:-1], strict=True)}
        natural = values["natural"].copy()
        natural[:, unseen] = parts[-1]
        found = plain.levels({**values, **moved, "natural": natural})
        gradient = [found[name].reshape(rows, -1) for name in names] + [found["natural"][:, unseen]]
        return found["value"], np.concatenate(gradient, axis=-1)

    mode = np.zeros((rows, size))
    for _ in range(2):  # the second step mends the rounding of the first, which starts far away
        _, gradient = at(mode)
        precision = np.stack([gradient - at(mode + step)[1] for step in np.eye(size)], axis=-1)
        mode = mode + np.linalg.solve(precision, gradient[..., None])[..., 0]
    return at(mode)[0] + 0.5 * size * np.log(2 * np.pi) - 0.5 * np.linalg.slogdet(precision)[1]


def log_masses(design: Design, model: pm.Model) -> np.ndarray:
    """Log prior mass of the scales nearest to each pair of points: (coefficient, component)."""
    h = design.hierarchy
    if "tau_context" not in model.named_vars:
        return np.zeros((len(h.names), 1))
    tau = h.tau.reshape(len(h.names), *h.points, 2)
    between = masses(model["tau_architecture"], tau[:, :, 0, 0])
    along = masses(model["tau_context"], tau[:, 0, :, 1])
    return np.log(between[:, :, None] * along[:, None, :]).reshape(len(h.names), -1)


def masses(scale: pm.Distribution, known: np.ndarray) -> np.ndarray:
    """Of a scale (coefficient,), nearest to each of its points (coefficient, point) on a log axis.

    By quadrature of the model's own density: PyMC's cumulative one is right to nine digits only.
    """
    far = 12.0
    edges = 0.5 * (np.log(known[:, 1:]) + np.log(known[:, :-1]))
    edges = np.concatenate([edges[:, :1] - far, edges, edges[:, -1:] + far], axis=-1)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    half = 0.5 * np.diff(edges)[..., None]
    logs = edges[:, :-1, None] + half * (1 + nodes)
    log_density = pm.logp(scale, np.exp(logs).T).eval(mode=PYTHON).T + logs
    return (half * weights * np.exp(log_density)).sum(-1)


def cells_of(design: Design) -> tuple[list[int], list[int]]:
    """Indices of the groups among architectures and context lengths."""
    groups = design.groups
    names = list(dict.fromkeys(groups.architecture))
    lengths = sorted(set(groups.context_length))
    return [names.index(a) for a in groups.architecture], [lengths.index(t) for t in groups.context_length]


def plain_values(position: Values, design: Design, model: pm.Model) -> dict[str, np.ndarray]:
    """Values of the plain model's variables at a position, zero where the position has none."""
    values = {name: np.array(value) for name, value in model.initial_point().items()}
    natural = density.unpin(np, position)
    stacked = np.stack([natural[name] for name in design.hierarchy.names])
    if design.spec.pooling == "complete":
        values["natural"] = stacked[:, 0]
    else:
        values["natural"][:] = 0.0
        values["natural"][:, *cells_of(design)] = stacked
    values["nu_above_two_log__"] = natural["nu"]
    if design.spec.discrepancy == "drift":
        values["drift_scale_log__"] = np.stack(log_scales(natural))
    if design.misfit is not None:
        weights = density.misfit_weights(natural, design)
        knots = len(design.misfit.knots)
        values |= {"turn": weights[:, :knots], "offset": OFFSET * weights[:, knots:]}
    return values


def both(spec: ModelSpec, plain: Plain, count: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """The fast and the plain log density at some points."""
    design, whitening = settled(spec)
    positions = [whitening.position(x, design) for x in points(design, count)]
    offsets = 0.0 if design.misfit is None else design.misfit.shape[0] * len(design.misfit.levels)
    fast = np.array([fast_log_density(p, design) for p in positions]) - offsets * np.log(OFFSET)
    return fast, np.array([plain_log_density(p, design, plain) for p in positions])


@pytest.mark.parametrize("name", SPECS)
def test_the_log_density_is_the_one_that_is_sampled(name: str) -> None:
    spec = SPECS[name]
    fast, plain = both(spec, compiled(plain_model(odd_runs(), spec)))
    assert np.ptp(fast) > 1
    np.testing.assert_allclose(plain, fast, rtol=0, atol=TOLERANCE)


def test_sums_that_were_made_before_leave_the_density_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    design, whitening = settled(SPECS["default"])
    position = whitening.position(points(design)[0], design)
    natural = density.unpin(np, position)
    exact = density.misfit_weights(natural, design)
    monkeypatch.setattr(weights, "FEW", 0)
    assert np.abs(density.misfit_weights(natural, design) / exact - 1).max() > 1e-3  # another map
    test_the_log_density_is_the_one_that_is_sampled("default")


CHANGED = {
    "sd of a prior": ModelSpec(priors={"E": {"scale": 0.3501}}),
    "median of a prior": ModelSpec(priors={"gamma": {"median": 0.7501}}),
    "scale between groups": ModelSpec(priors={"share": {"group_scale": 0.2001}}),
    "tails of the noise": ModelSpec(priors={"nu": {"scale": 0.8001}}),
    "scale of a walk": ModelSpec(priors={"drift_compute": {"median": 0.0020002}}),
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_changed_prior_is_seen(name: str) -> None:
    """The negative control of the agreement, with priors moved by less than a thousandth."""
    assert_apart(compiled(plain_model(odd_runs(), CHANGED[name])))


@pytest.mark.parametrize("name", ["SLOPE_SHARED", "DEVIATION", "ALONG_CONTEXT", "LOG_SPREAD"])
def test_a_changed_part_of_the_hierarchy_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_pymc, name, 1.001 * getattr(plain_pymc, name))
    assert_apart(compiled(plain_model(odd_runs())))


def assert_apart(changed: Plain) -> None:
    """From the default model, by more than the agreement lets pass."""
    fast, plain = both(ModelSpec(), changed, count=1)
    assert abs(plain[0] - fast[0]) > 1000 * TOLERANCE


def test_variables_have_dims_and_labels() -> None:
    model = plain_model(odd_runs(), SPECS["offsets"])
    dims = {name: dims for name, dims in model.named_vars_to_dims.items() if dims}
    assert dims["natural"] == ("coefficient", "architecture", "context_length")
    assert dims["turn"] == ("architecture", "knot")
    assert dims["drift_scale"] == ("walk",)
    assert dims["offset"] == ("architecture", "offset_level")
    assert dims["log_loss"] == ("run",)
    assert set(dims) == set(model.named_vars) - {"nu_above_two"}
    assert model.coords["architecture"] == ("llama", "xlstm")
    assert model.coords["context_length"] == (2048, 8192)
    assert set(model.coords["offset_level"]) == {"recipe new", "recipe old"}
    assert tuple(model.coords["walk"]) == ("params_term", "tokens_term", "ratio", "compute", "context")
    knots = model.coords["knot"]
    assert "params_term +0" in knots
    assert len(set(knots)) == len(knots)


@pytest.mark.parametrize("name", ["default", "skewed", "one group"])
def test_it_can_be_drawn_from(name: str) -> None:
    """Losses of the prior, near those of trained language models."""
    with plain_model(small_runs(UNEVEN), SPECS[name]):
        drawn = pm.sample_prior_predictive(50, random_seed=1, compile_kwargs={"mode": PYTHON})
    log_loss = drawn["prior_predictive"]["log_loss"].to_numpy()
    assert log_loss.shape == (1, 50, 3 * 24)
    assert 0.5 < np.exp(np.median(log_loss)) < 20


def test_skewed_noise_lies_above_the_law_by_its_share() -> None:
    """A side's share is that of its scale: scales 1 and 3 give three in four above."""
    ones = np.ones(40_000)
    drawn = plain_pymc._skewed_random(
        0 * ones, ones, 3 * ones, 5 * ones, np.random.default_rng(4), ones.shape
    )
    assert abs((drawn > 0).mean() - 0.75) < 5 * np.sqrt(0.75 * 0.25 / ones.size)


def test_a_column_that_the_law_needs_is_named() -> None:
    with pytest.raises(SpecError, match="unique_tokens"):
        plain_model(small_runs(UNEVEN), ModelSpec("data-limited"))
