"""Fixtures that every test may use; nothing heavy is imported here."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.helpers import seeds

os.environ.setdefault("JAX_PLATFORMS", "cpu")  # the same numbers on every machine
os.environ.setdefault("MPLBACKEND", "Agg")

if seeds.SHIFT:
    seeds.install()

ROOT = Path(__file__).parents[1]
REFERENCE = Path(os.environ.get("BAYES_SCALING_REFERENCE_DATA") or ROOT.parent / "shared" / "data")


@pytest.fixture(scope="session")
def reference_data() -> Callable[[str], Path]:
    """Path of a reference table by file name; the test is skipped where the table is absent."""

    def find(name: str) -> Path:
        path = REFERENCE / name
        if not path.is_file():
            pytest.skip(f"{name} is not in {REFERENCE}: set BAYES_SCALING_REFERENCE_DATA to its folder")
        return path

    return find


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed, new for every test."""
    return np.random.default_rng(20_220_329)
