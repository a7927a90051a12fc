"""Many fits of one design, compiled once: the losses, the mode and the whitening are arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayes_scaling.models.coordinates import Coordinates
from bayes_scaling.models.density import log_terms, unpin
from bayes_scaling.models.design import Design
from bayes_scaling.models.draws import TARGET_ACCEPTANCE, Sampling
from bayes_scaling.models.settling import settle
from bayes_scaling.models.whitening import Whitening, compile_objective


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


class Refitter:
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

        design, whitening = settle(replace(self._design, log_loss=log_loss), self._objective)
        with jax.enable_x64(True):
            keys = jax.random.split(jax.random.key(seed), self._sampling.chains)
            found = self._run(keys, (log_loss, _arrays(design), whitening.mode, whitening.factor))
            whitened, divergences = np.asarray(found[0]), int(np.sum(np.asarray(found[1])))
        return Refit(unpin(np, whitening.position(whitened, design)), divergences)


def _arrays(design: Design) -> dict[str, Any]:
    """The settled coordinates as arguments of a compiled function."""
    return vars(design.coordinates) if design.coordinates else {}


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
