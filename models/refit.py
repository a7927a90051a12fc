"""Many fits of one design, compiled once: the losses, the mode and the coordinates are arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import numpy as np

from bayes_scaling.models.coordinates import Coordinates
from bayes_scaling.models.density import log_terms, unpin
from bayes_scaling.models.design import Design
from bayes_scaling.models.draws import TARGET_ACCEPTANCE, Sampling
from bayes_scaling.models.loss_pymc import add_terms, draw_nutpie
from bayes_scaling.models.settling import settle
from bayes_scaling.models.whitening import Whitening, compile_objective


@dataclass(frozen=True)
class Refit:
    """Draws of one refit.

    Attributes
    ----------
    natural : mapping of str to ndarray
        Natural coefficients (chain, draw, column), scalars (chain, draw) and, with a misfit, the coordinates
        of its weights (chain, draw, block, weight).
    divergences : int
    design : Design
        With the losses fitted, settled.
    """

    natural: Mapping[str, np.ndarray]
    divergences: int
    design: Design


class Refitter(Protocol):
    """Draws given losses (column, slot) and a seed."""

    def __call__(self, log_loss: np.ndarray, seed: int) -> Refit:
        """One refit."""
        ...


def compile_refitter(design: Design, sampling: Sampling, backend: str) -> Refitter:
    """The refitter of a back end, ``numpyro`` or ``pymc``."""
    made: dict[str, Callable[[Design, Sampling], Refitter]]
    made = {"numpyro": NumpyroRefitter, "pymc": PymcRefitter}
    return made[backend](design, sampling)


class NumpyroRefitter:
    """Refits by NumPyro; chains run one after the other in this process."""

    def __init__(self, design: Design, sampling: Sampling) -> None:
        import jax

        self._design, self._sampling = design, sampling
        self._objective = compile_objective(design)
        with jax.enable_x64(True):
            self._run = _compiled(design, sampling)

    def __call__(self, log_loss: np.ndarray, seed: int) -> Refit:
        """Draws given losses (column, slot)."""
        import jax

        design, whitening = settle(replace(self._design, log_loss=log_loss), self._objective)
        with jax.enable_x64(True):
            keys = jax.random.split(jax.random.key(seed), self._sampling.chains)
            found = self._run(keys, (log_loss, _arrays(design), whitening.mode, whitening.factor))
            whitened, divergences = np.asarray(found[0]), int(np.sum(np.asarray(found[1])))
        return Refit(unpin(np, whitening.position(whitened, design)), divergences, design)


class PymcRefitter:
    """Refits by nutpie on one PyMC model whose data change."""

    def __init__(self, design: Design, sampling: Sampling) -> None:
        import nutpie

        self._design, self._sampling = design, sampling
        self._objective = compile_objective(design)
        model, self._data = _with_data(design)
        self._compiled = nutpie.compile_pymc_model(model, freeze_model=False)

    def __call__(self, log_loss: np.ndarray, seed: int) -> Refit:
        """Draws given losses (column, slot)."""
        design, whitening = settle(replace(self._design, log_loss=log_loss), self._objective)
        values = {"log_loss": log_loss, "mode": whitening.mode, "factor": whitening.factor, **_arrays(design)}
        compiled = self._compiled.with_data(**{name: values[name] for name in self._data})
        raw = draw_nutpie(
            compiled, replace(self._sampling, seed=seed), TARGET_ACCEPTANCE[design.spec.pooling]
        )
        natural = unpin(np, whitening.position(raw.whitened, design))
        return Refit(natural, int(raw.stats["diverging"].sum()), design)


def _with_data(design: Design) -> tuple[Any, tuple[str, ...]]:
    """The PyMC model whose losses, whitening and coordinates are data, and the names of those it uses."""
    import pymc as pm
    from pytensor.graph.traversal import ancestors

    law = design.law_size
    with pm.Model(check_bounds=False) as model:
        log_loss = pm.Data("log_loss", design.log_loss)
        mode, factor = pm.Data("mode", np.zeros(law)), pm.Data("factor", np.eye(law))
        arrays = {name: pm.Data(name, value) for name, value in _empty(design).items()}
        coordinates = Coordinates(**arrays) if arrays else None
        add_terms(replace(design, log_loss=log_loss, coordinates=coordinates), Whitening(mode, factor))
    used = {variable.name for variable in ancestors(model.potentials)}
    return model, tuple(variable.name for variable in model.data_vars if variable.name in used)


def _empty(design: Design) -> dict[str, np.ndarray]:
    """Coordinates of the right shapes."""
    if design.misfit is None:
        return {}
    blocks, weights = design.misfit.shape
    slots = (*design.log_loss.shape, weights)
    shapes = {"rotation": (blocks, weights, weights), "eigenvalue": (blocks, weights)}
    shapes |= {"log_sigma": (design.columns,), "log_scale": ()}
    return {field.name: np.zeros(shapes.get(field.name, slots)) for field in fields(Coordinates)}


def _arrays(design: Design) -> dict[str, Any]:
    """The settled coordinates as arguments of a compiled function."""
    return dict(vars(design.coordinates)) if design.coordinates else {}


def _compiled(design: Design, sampling: Sampling) -> Callable[..., Any]:
    """Chains of whitened points (chain, draw, size) and whether each diverged, as one compiled function."""
    import jax
    import jax.numpy as jnp
    from jax.scipy.special import gammaln
    from numpyro.infer.hmc import hmc

    def potential(log_loss: Any, arrays: Any, mode: Any, factor: Any) -> Callable[[Any], Any]:
        coordinates = Coordinates(**arrays) if arrays else None
        changed = replace(design, log_loss=log_loss, coordinates=coordinates)

        def minus_log_density(whitened: Any) -> Any:
            position = Whitening(mode, factor).position(whitened, design)
            return -sum(term.sum() for term in log_terms(jnp, position, changed, gammaln).values())

        return minus_log_density

    init, step = hmc(potential_fn_gen=potential, algo="NUTS")

    def chain(key: Any, given: tuple[Any, ...]) -> Any:
        state = init(
            jnp.zeros(design.size),
            sampling.tune,
            model_args=given,
            rng_key=key,
            target_accept_prob=TARGET_ACCEPTANCE[design.spec.pooling],
        )
        state = jax.lax.fori_loop(0, sampling.tune, lambda _, s: step(s, model_args=given), state)

        def collect(state: Any, _: None) -> Any:
            state = step(state, model_args=given)
            return state, (state.z, state.diverging)

        return jax.lax.scan(collect, state, None, length=sampling.draws)[1]

    return jax.jit(lambda keys, given: jax.lax.map(lambda key: chain(key, given), keys))
