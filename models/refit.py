"""Many fits of one design, compiled once: the losses, the mode and the whitening are arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from bayes_scaling.models.density import log_terms, unpin
from bayes_scaling.models.design import Design
from bayes_scaling.models.draws import TARGET_ACCEPTANCE, Sampling
from bayes_scaling.models.loss_pymc import add_terms, draw_nutpie
from bayes_scaling.models.whitening import Whitening, compile_objective, find_whitening


@dataclass(frozen=True)
class Refit:
    """Draws of one refit.

    Attributes
    ----------
    natural : mapping of str to ndarray
        Natural coefficients (chain, draw, column) and ``nu`` (chain, draw).
    divergences : int
    """

    natural: Mapping[str, np.ndarray]
    divergences: int


class Refitter(Protocol):
    """A compiled fit of one design whose losses change."""

    def __call__(self, log_loss: np.ndarray, seed: int) -> Refit:
        """Draws given losses (column, slot)."""


def compile_refitter(design: Design, sampling: Sampling, backend: str) -> Refitter:
    """The refitter of a back end, ``numpyro`` or ``pymc``."""
    made: dict[str, Callable[[Design, Sampling], Refitter]]
    made = {"numpyro": NumpyroRefitter, "pymc": PymcRefitter}
    return made[backend](design, sampling)


class NumpyroRefitter:
    """NUTS by NumPyro on one design whose losses change from fit to fit.

    Parameters
    ----------
    design : Design
    sampling : Sampling
        Chains run one after the other in this process.
    """

    def __init__(self, design: Design, sampling: Sampling) -> None:
        import jax

        self._design, self._sampling = design, sampling
        self._objective = compile_objective(design)
        with jax.enable_x64(True):
            self._run = _compiled(design, sampling)

    def __call__(self, log_loss: np.ndarray, seed: int) -> Refit:
        """Draws given losses (column, slot)."""
        import jax

        design = replace(self._design, log_loss=log_loss)
        whitening = find_whitening(design, self._objective)
        with jax.enable_x64(True):
            keys = jax.random.split(jax.random.key(seed), self._sampling.chains)
            found = self._run(keys, (log_loss, whitening.mode, whitening.factor))
            whitened, divergences = np.asarray(found[0]), int(np.sum(np.asarray(found[1])))
        return Refit(unpin(np, whitening.position(whitened, design)), divergences)


class PymcRefitter:
    """NUTS by nutpie on the PyMC model, with what changes as its data.

    Parameters
    ----------
    design : Design
    sampling : Sampling
    """

    def __init__(self, design: Design, sampling: Sampling) -> None:
        import nutpie
        import pymc as pm

        self._design, self._sampling = design, sampling
        self._objective = compile_objective(design)
        with pm.Model(check_bounds=False) as model:
            log_loss = pm.Data("log_loss", design.log_loss)
            mode = pm.Data("mode", np.zeros(design.size))
            factor = pm.Data("factor", np.eye(design.size))
            add_terms(replace(design, log_loss=log_loss), Whitening(mode, factor))
        self._compiled = nutpie.compile_pymc_model(model, freeze_model=False)

    def __call__(self, log_loss: np.ndarray, seed: int) -> Refit:
        """Draws given losses (column, slot)."""
        design = replace(self._design, log_loss=log_loss)
        whitening = find_whitening(design, self._objective)
        data = {"log_loss": log_loss, "mode": whitening.mode, "factor": whitening.factor}
        raw = draw_nutpie(self._compiled.with_data(**data), design, replace(self._sampling, seed=seed))
        natural = unpin(np, whitening.position(raw.whitened, design))
        return Refit(natural, int(raw.stats["diverging"].sum()))


def _compiled(design: Design, sampling: Sampling) -> Callable[..., Any]:
    """Chains of whitened points (chain, draw, size) and whether each diverged, as one compiled function."""
    import jax
    import jax.numpy as jnp
    from jax.scipy.special import gammaln
    from numpyro.infer.hmc import hmc

    def potential(log_loss: Any, mode: Any, factor: Any) -> Callable[[Any], Any]:
        changed = replace(design, log_loss=log_loss)

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
