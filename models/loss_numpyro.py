"""The joint loss model in NumPyro."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bayes_scaling.models.density import log_terms
from bayes_scaling.models.design import Design
from bayes_scaling.models.draws import TARGET_ACCEPTANCE, RawDraws, Sampling
from bayes_scaling.models.whitening import Whitening

_FIELDS = {
    "diverging": "diverging",
    "energy": "energy",
    "num_steps": "n_steps",
    "accept_prob": "acceptance_rate",
    "adapt_state.step_size": "step_size",
}


def build_numpyro(design: Design, whitening: Whitening) -> Callable[[], None]:
    """A NumPyro model of the whitened position."""
    import jax.numpy as jnp
    from jax.scipy.special import gammaln

    return whitened_model(
        design.size, lambda point: log_terms(jnp, whitening.position(point, design), design, gammaln)
    )


def whitened_model(size: int, terms: Callable[[Any], Mapping[str, Any]]) -> Callable[[], None]:
    """A NumPyro model of a point (size,), one factor for each named term of its log density."""
    import numpyro
    from numpyro import distributions as dist

    def model() -> None:
        space = dist.ImproperUniform(dist.constraints.real_vector, (), (size,))
        for name, term in terms(numpyro.sample("whitened", space)).items():
            numpyro.factor(name, term)

    return model


def sample_numpyro(design: Design, whitening: Whitening, sampling: Sampling) -> RawDraws:
    """NUTS by NumPyro, chains in parallel where JAX has a device for each."""
    model = build_numpyro(design, whitening)
    return draw_numpyro(model, design.size, sampling, TARGET_ACCEPTANCE[design.spec.pooling])


def draw_numpyro(
    model: Callable[[], None], size: int, sampling: Sampling, target_acceptance: float, dense: bool = False
) -> RawDraws:
    """Draws of a model whose only site is ``whitened`` (size,); ``dense`` adapts a whole metric."""
    import jax
    from numpyro.infer import MCMC, NUTS, init_to_value

    method = _chain_method(sampling.chains)
    start = init_to_value(values={"whitened": np.zeros(size)})
    with _double_everywhere():
        kernel = NUTS(model, init_strategy=start, target_accept_prob=target_acceptance, dense_mass=dense)
        mcmc = MCMC(
            kernel,
            num_warmup=sampling.tune,
            num_samples=sampling.draws,
            num_chains=sampling.chains,
            chain_method=method,
            progress_bar=sampling.progress,
        )
        mcmc.run(jax.random.key(sampling.seed), extra_fields=tuple(_FIELDS))
        whitened = np.asarray(mcmc.get_samples(group_by_chain=True)["whitened"])
        fields = mcmc.get_extra_fields(group_by_chain=True)
    stats = {name: np.asarray(fields[field]) for field, name in _FIELDS.items()}
    stats["tree_depth"] = np.ceil(np.log2(stats["n_steps"] + 1)).astype(np.int64)
    return RawDraws(whitened, stats)


@contextlib.contextmanager
def _double_everywhere() -> Iterator[None]:
    """Double precision in all threads: the progress bar's callbacks run in others than the caller's."""
    import jax

    before = bool(jax.config.jax_enable_x64)
    jax.config.update("jax_enable_x64", True)
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", before)


def split_host(chains: int) -> None:
    """Give each chain a JAX device of its own; possible only before JAX is first used."""
    import jax

    with contextlib.suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", max(chains, jax.config.jax_num_cpu_devices))


def keep_compiled() -> None:
    """Keep JAX's compiled code on disk, unless the user has chosen a place or refused."""
    import jax
    from platformdirs import user_cache_path

    if jax.config.jax_compilation_cache_dir is None and "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        folder = Path(user_cache_path("bayes_scaling")) / "jax"
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)


def _chain_method(chains: int) -> str:
    """``parallel`` needs a JAX device for each chain; ``vectorized`` is some three times slower."""
    import jax

    if chains == 1:
        return "sequential"
    return "parallel" if jax.local_device_count() >= chains else "vectorized"
