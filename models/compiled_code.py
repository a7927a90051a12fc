"""JAX's compiled code kept on disk, so that the next process need not compile it again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_cache_path

LEAST_SECONDS = 0.3  # of compilation: quicker code is not kept


@contextmanager
def kept_compiled() -> Iterator[None]:
    """Keep what is compiled here, unless the user has chosen a place or refused; put the setting back."""
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: getattr(jax.config, name) for name in names}
    if before[names[0]] is not None or "JAX_COMPILATION_CACHE_DIR" in os.environ:
        yield
        return
    folder = Path(user_cache_path("bayes_scaling")) / "jax"
    compilation_cache.reset_cache()  # it is opened once, at the first compilation
    jax.config.update(names[0], str(folder))
    jax.config.update(names[1], LEAST_SECONDS)
    try:
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
