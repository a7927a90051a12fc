"""Draws of curves for simulation-based calibration: the law and its drift, from the prior or a posterior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayes_scaling.accounting import get_cost
from bayes_scaling.errors import SpecError
from bayes_scaling.laws.drift import KNOTS, in_context, origins
from bayes_scaling.laws.drift_draws import Drift
from bayes_scaling.laws.law import GAMMA_LAW
from bayes_scaling.laws.surface import Surface
from bayes_scaling.models.coefficients import draw_prior, to_user
from bayes_scaling.models.density import degrees, law_at_slots, misfit_weights, slot_scales, two_sided
from bayes_scaling.models.design import Design, walk_contexts
from bayes_scaling.models.walks import posterior_knots, prior_knots
from bayes_scaling.models.weights import shifts_of

LOWEST, HIGHEST = 1.0, 12.0  # nats per token: curves that leave this are not plausible
SMALLEST, LARGEST = 1e2, 1e18  # params: nor are those whose law has its optimum beyond
TARGET = 10.0  # times the runs' largest compute: where the optimum is asked for


@dataclass(frozen=True, eq=False)
class Curves:
    """Draws of the law and its drift.

    Attributes
    ----------
    natural : dict of str to ndarray
        Coefficients (draw, column) and scalars (draw,).
    knots : ndarray (draw, block, walk, knot) or None
        Weights of the drift.
    """

    natural: dict[str, np.ndarray]
    knots: np.ndarray | None

    def __getitem__(self, rows: np.ndarray) -> Curves:
        knots = None if self.knots is None else self.knots[rows]
        return Curves({name: value[rows] for name, value in self.natural.items()}, knots)


def prior_curve(design: Design, rng: np.random.Generator) -> Curves:
    """One draw from the prior cut to plausible curves.

    Raises
    ------
    SpecError
        There is hardly one.
    """
    for _ in range(50):
        natural, _ = draw_prior(design, 200, rng)
        found = Curves(natural, None if design.misfit is None else prior_knots(natural, design, rng))
        good = np.flatnonzero(plausible(design, found))
        if good.size:
            return found[good[:1]]
    raise SpecError("the prior gives hardly a curve of plausible losses for these runs: change it")


def posterior_curves(design: Design, natural: dict[str, np.ndarray], rng: np.random.Generator) -> Curves:
    """Draws (draw, ...) of a refit of a settled design."""
    kept = {name: value for name, value in natural.items() if name != "drift"}
    if design.misfit is None:
        return Curves(kept, None)
    return Curves(kept, posterior_knots(misfit_weights(natural, design), natural, design, rng))


def log_means(design: Design, curves: Curves) -> np.ndarray:
    """ln L of every slot: (draw, column, slot)."""
    if curves.knots is None or design.misfit is None:
        return np.asarray(law_at_slots(np, curves.natural, design))
    misfit = design.misfit
    walk, number = misfit.knots.T
    reached = curves.knots[..., walk, number + KNOTS]
    blocks = [reached[:, b] for b in range(len(misfit.blocks))]
    shifts = shifts_of(np, blocks, misfit)
    walked = shifts.params_term, shifts.tokens_term
    return np.asarray(law_at_slots(np, curves.natural, design, walked) + shifts.loss)


def plausible(design: Design, curves: Curves) -> np.ndarray:
    """Whether all losses of a draw are, and the optimum of its law: (draw,)."""
    loss = np.exp(log_means(design, curves))
    inside = (loss > LOWEST) & (loss < HIGHEST) | (design.weight == 0)
    user = design.spec.law_value.complete(to_user(curves.natural, design))
    params, _ = GAMMA_LAW.optimum(np, np.exp(_target(design)), user)
    return np.asarray(inside.all((-2, -1)) & ((params > SMALLEST) & (params < LARGEST)).all(-1))


def _target(design: Design) -> float:
    """Ln of the compute at which the optimum is asked for."""
    centre = np.log(design.reference_params) + np.log(design.reference_tokens)
    largest = (design.log_params + design.log_tokens)[design.weight > 0].max()
    return float(largest + centre + np.log(6 * TARGET))


def simulate_losses(design: Design, truth: Curves, rng: np.random.Generator, scale: float) -> np.ndarray:
    """ln L of runs of one curve (column, slot), the noise times ``scale``; free slots have none."""
    mean = log_means(design, truth)
    noise = scale * rng.standard_t(float(degrees(np, truth.natural["nu"])[0]), size=mean.shape)
    residual = two_sided(noise, *slot_scales(np, truth.natural, design), rng)
    return np.asarray(np.where(design.weight > 0, mean + residual, mean)[0])


def quantities(design: Design, curves: Curves) -> dict[str, np.ndarray]:
    """What is ranked, each (draw,): coefficients, scalars, optima, and the order of architectures."""
    labels = group_labels(design)
    names = design.hierarchy.names
    found = {
        f"{name} [{label}]": curves.natural[name][:, i] for name in names for i, label in enumerate(labels)
    }
    losses = []
    for i, label in enumerate(labels):
        params, loss = _optimum(design, curves, i)
        found |= {f"optimal params [{label}]": params, f"loss there [{label}]": loss}
        losses.append(loss)
    if len(labels) > 1:
        found["loss difference"] = losses[0] - losses[-1]
    return found | {name: curves.natural[name] for name in design.scalars}


def _optimum(design: Design, curves: Curves, column: int) -> tuple[np.ndarray, np.ndarray]:
    """Compute-optimal params and the loss there at `TARGET` times the runs' largest 6ND: (draw,) each."""
    log_compute = _target(design)
    user = to_user(curves.natural, design)
    values = design.spec.law_value.complete({n: v[None, :, column, None] for n, v in user.items()})
    surface = Surface(design.spec.law_value, values, _drift(design, curves, column))
    curve = get_cost("6ND").curve(1.0, "")
    log_params = surface.optimal_log_params(np.atleast_1d(log_compute), curve)
    params = np.exp(log_params)
    loss = surface.loss(params, np.exp(log_compute - curve.value(np, log_params)))
    return params[0, :, 0], loss[0, :, 0]


def _drift(design: Design, curves: Curves, column: int) -> Drift | None:
    if curves.knots is None or design.misfit is None:
        return None
    block = next(b for b, columns in enumerate(design.misfit.blocks) if column in columns)
    centre = float(np.log(design.reference_params)), float(np.log(design.reference_tokens))
    contexts = walk_contexts(design.groups, design.spec)
    assert contexts is not None
    columns = list(design.misfit.blocks[block])
    used = design.weight[columns] > 0
    start = origins(design.log_params[columns][used], design.log_tokens[columns][used])
    return Drift(in_context(curves.knots[None, :, block], float(contexts[column])), centre, start)


def group_labels(design: Design) -> list[str]:
    """Names of the columns."""
    if design.columns == 1:
        return ["all"]
    groups = design.groups
    return [f"{a}, {t}" for a, t in zip(groups.architecture, groups.context_length, strict=True)]
