"""Every seed shifted, so that the tests can be run on other draws than those they were written with.

`BAYES_SCALING_TEST_SEED_SHIFT=1 pytest` gives every generator that the tests and the package make from a
seed another stream, JAX's and nutpie's among them, for they are seeded by these.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

VARIABLE = "BAYES_SCALING_TEST_SEED_SHIFT"
SHIFT = int(os.environ.get(VARIABLE, "0"))
_ORIGINAL = np.random.default_rng, np.random.SeedSequence


def shifted(seed: Any) -> Any:
    """The seed with the shift in it; generators and no seed at all stay."""
    if seed is None or isinstance(seed, np.random.Generator | np.random.BitGenerator | _ORIGINAL[1]):
        return seed
    return [*np.atleast_1d(seed).tolist(), 7919 + SHIFT]


def install() -> None:
    """Shift the seeds of all generators made from now on."""
    generator, sequence = _ORIGINAL

    def default_rng(seed: Any = None) -> np.random.Generator:
        return generator(shifted(seed))

    class SeedSequence(sequence):  # type: ignore[misc, valid-type]
        def __new__(cls, entropy: Any = None, **more: Any) -> Any:
            return sequence(shifted(entropy), **more)

    np.random.default_rng = default_rng
    np.random.SeedSequence = SeedSequence  # type: ignore[misc]
