"""NUTS by NumPyro in stages of any length: one compiled function, all chains at once in threads.

JAX runs calls from several threads side by side on one device, so chains need no devices of their own and it
does not matter who used JAX before.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayes_scaling.models.draws import RawDraws, Tell
from bayes_scaling.models.whitening import Whitening

CHUNK = 100  # transitions of one call at most
SECONDS = 0.2  # that a call is to take: how soon an interrupt is heard
FIRST_STEP = 0.3  # step size from which its adaptation starts
Array = Any
Potential = Callable[[Any, Any], Any]
"""Minus a log density of a point (size,), given a tree of arrays: the whitening and the data."""


@dataclass(frozen=True)
class Transitions:
    """How one chain moves.

    A call carries the sampler's whole state on, so that draws do not depend on how many transitions each
    call makes.

    Attributes
    ----------
    advance : callable
        It takes ``(state, fresh, point, key, averaging, count, adapting, target, given)`` to ``(state,
        averaging, points, statistics)``, the first ``count`` rows of the last two filled. Where ``fresh``,
        the chain begins at the point with the key, else it goes on from the state.
    blank : HMCState
        A chain that begins gives it for its state.
    """

    advance: Callable[..., Any]
    blank: Any


def compile_nuts(potential: Potential, size: int, given: Any) -> Transitions:
    """Transitions of one chain as a compiled function.

    Parameters
    ----------
    potential : callable
    size : int
        A point has so many coordinates.
    given : tree of arrays
        It has the shapes that the function will be called with.

    Returns
    -------
    Transitions
    """
    import jax

    jnp = jax.numpy
    with jax.enable_x64(True):
        init, advance = _advance(potential)
        state = jax.eval_shape(init, jnp.zeros(size), jax.random.key(0), given)
        blank = jax.tree.map(_blank, state)
        arguments = (blank, True, jnp.zeros(size), jax.random.key(0), _averaging(FIRST_STEP), 1, True, 0.8)
        lowered = jax.jit(advance).lower(*arguments, given)
        return Transitions(interruptible(lowered.compile), blank)


def interruptible(call: Callable[[], Any]) -> Any:
    """The result of a call that heeds no interrupt: it runs in a thread, and the caller stops waiting."""
    pool = ThreadPoolExecutor(1)
    try:
        return pool.submit(call).result()
    finally:
        pool.shutdown(wait=False)


def _blank(shape: Any) -> Any:
    """Zeros of a shape, or a key."""
    import jax

    jnp = jax.numpy
    if jnp.issubdtype(shape.dtype, jax.dtypes.prng_key):
        return jax.random.key(0)
    return jnp.zeros(shape.shape, shape.dtype)


def _advance(potential: Potential) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A chain's begin, ``(point, key, given)`` to its state, and `Transitions.advance`."""
    import jax
    from numpyro.infer.hmc import hmc
    from numpyro.infer.hmc_util import dual_averaging

    jnp = jax.numpy
    start, transition = hmc(potential_fn_gen=lambda given: lambda point: potential(point, given), algo="NUTS")
    _, update = dual_averaging()
    fixed = {"adapt_step_size": False, "adapt_mass_matrix": False, "find_heuristic_step_size": False}

    def init(point: Any, key: Any, given: Any) -> Any:
        return start(point, 0, FIRST_STEP, **fixed, model_args=(given,), rng_key=key)

    def advance(
        state: Any,
        fresh: Any,
        point: Any,
        key: Any,
        averaging: Any,
        count: Any,
        adapting: Any,
        target: Any,
        given: Any,
    ) -> Any:
        state = jax.lax.cond(fresh, lambda: init(point, key, given), lambda: state)
        rows = (_recorded(state), jnp.zeros_like(point))
        empty = jax.tree.map(lambda value: jnp.zeros((CHUNK, *value.shape), value.dtype), rows)

        def step(i: Any, carry: Any) -> Any:
            state, averaging, (statistics, points) = carry
            sized = state.adapt_state._replace(step_size=jnp.exp(averaging[0]))
            state = transition(state._replace(adapt_state=sized), model_args=(given,))
            adapted = update(target - state.accept_prob, averaging)
            averaging = jax.tree.map(lambda new, old: jnp.where(adapting, new, old), adapted, averaging)
            recorded = _recorded(state)
            statistics = {name: statistics[name].at[i].set(recorded[name]) for name in statistics}
            kept = statistics, points.at[i].set(state.z)
            return state, averaging, kept

        state, averaging, (statistics, points) = jax.lax.fori_loop(0, count, step, (state, averaging, empty))
        return state, averaging, points, statistics

    return init, advance


def _recorded(state: Any) -> dict[str, Any]:
    return {
        "diverging": state.diverging,
        "energy": state.energy,
        "n_steps": state.num_steps,
        "acceptance_rate": state.accept_prob,
        "step_size": state.adapt_state.step_size,
    }


def _averaging(step_size: float) -> tuple[Any, ...]:
    """The state of dual averaging: ln step size, its average, the average gradient, count, centre."""
    log_step = np.log(step_size)
    return log_step, log_step, np.zeros(()), np.zeros((), dtype=np.int64), np.log(10) + log_step


@dataclass(frozen=True)
class NumpyroEngine:
    """See `bayes_scaling.models.draws.Engine`.

    Attributes
    ----------
    nuts : Transitions
        `compile_nuts` makes it.
    data : tree of arrays
        The potential is given this after the whitening's arrays.
    """

    nuts: Transitions
    data: Any

    def pilot(
        self, whitening: Whitening, points: np.ndarray, transitions: int, target: float, seed: int, tell: Tell
    ) -> np.ndarray:
        """Points (chain, draw, size) of short chains whose step size adapts, the first third left out."""
        walkers = self._walkers(whitening, points, target, seed)
        _walk(walkers, transitions, tell, adapting=True)
        return np.stack([w.points(transitions)[transitions // 3 :] for w in walkers])

    def chains(
        self, whitening: Whitening, points: np.ndarray, tune: int, cap: int, target: float, seed: int
    ) -> NumpyroChains:
        """Chains from points (chain, size); ``tune`` transitions find the step size."""
        walkers = self._walkers(whitening, points, target, seed)
        _walk(walkers, tune, lambda _: None, adapting=True)
        log_step = float(np.median([float(w.averaging[1]) for w in walkers]))
        for walker in walkers:
            walker.fix(log_step)
        return NumpyroChains(walkers)

    def _walkers(self, whitening: Whitening, points: np.ndarray, target: float, seed: int) -> list[_Walker]:
        import jax

        given = (whitening.center, whitening.factor, whitening.scales), self.data
        with jax.enable_x64(True):
            keys = jax.random.split(jax.random.key(seed), len(points))
            return [
                _Walker(self.nuts, given, target, point, key) for point, key in zip(points, keys, strict=True)
            ]


@dataclass(frozen=True)
class NumpyroChains:
    """See `bayes_scaling.models.draws.Chains`."""

    walkers: list[_Walker]

    def reach(self, draws: int, tell: Tell) -> RawDraws:
        """The first ``draws`` draws of each chain, sampled as far as they are not there yet."""
        _walk(self.walkers, draws, tell, adapting=False)
        whitened = np.stack([walker.points(draws) for walker in self.walkers])
        found = [walker.statistics(draws) for walker in self.walkers]
        stats = {name: np.stack([part[name] for part in found]) for name in found[0]}
        stats["tree_depth"] = np.ceil(np.log2(stats["n_steps"] + 1)).astype(np.int64)
        return RawDraws(whitened, stats)

    def close(self) -> None:
        """Nothing runs between calls."""


@dataclass
class _Walker:
    """One chain: where it stands, and its draws since the step size was fixed."""

    nuts: Transitions
    given: Any
    target: float
    point: Any
    key: Any
    state: Any = None
    averaging: Any = field(default_factory=lambda: _averaging(FIRST_STEP))
    done: int = 0
    parts: list[tuple[np.ndarray, dict[str, np.ndarray]]] = field(default_factory=list)

    def fix(self, log_step: float) -> None:
        """Take a step size for good and forget the draws so far."""
        self.averaging = _averaging(np.exp(log_step))
        self.done = 0
        self.parts = []

    def walk(self, transitions: int, adapting: bool, stop: threading.Event) -> None:
        """Go on to so many transitions in calls of about `SECONDS`."""
        import jax

        count = 5
        while self.done < transitions and not stop.is_set():
            count = min(count, transitions - self.done, CHUNK)
            begin = time.perf_counter()
            with jax.enable_x64(True):
                found = self.nuts.advance(*self._at(), count, adapting, self.target, self.given)
            self.state, self.averaging, points, statistics = found
            kept = {name: np.asarray(value)[:count] for name, value in statistics.items()}
            self.parts.append((np.asarray(points)[:count], kept))
            self.done += count
            count = max(int(count * SECONDS / max(time.perf_counter() - begin, 1e-6)), 1)

    def _at(self) -> tuple[Any, ...]:
        """Where it stands, or that it begins."""
        fresh = self.state is None
        return self.nuts.blank if fresh else self.state, fresh, self.point, self.key, self.averaging

    def points(self, count: int) -> np.ndarray:
        """The first points (count, size)."""
        return np.concatenate([points for points, _ in self.parts])[:count]

    def statistics(self, count: int) -> dict[str, np.ndarray]:
        """The sampler's statistics of the first points, each (count,)."""
        names = self.parts[0][1]
        return {name: np.concatenate([part[name] for _, part in self.parts])[:count] for name in names}


def _walk(walkers: list[_Walker], transitions: int, tell: Tell, adapting: bool) -> None:
    """All chains at once; an interrupt stops them within a call."""
    stop = threading.Event()
    with ThreadPoolExecutor(len(walkers)) as pool:
        pending: set[Future[None]] = {pool.submit(w.walk, transitions, adapting, stop) for w in walkers}
        try:
            while pending:
                ended, pending = wait(pending, timeout=0.1, return_when="FIRST_EXCEPTION")
                tell(sum(walker.done for walker in walkers))
                for future in ended:
                    future.result()
        finally:
            stop.set()
