"""The protocol of the sweep: tuned on small models before it, then the same for every run."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from bayes_scaling.accounting import Shape
from bayes_scaling.data.catalog import FOLDER
from bayes_scaling.errors import SweepError

FILE = FOLDER / "sweep_protocol.toml"
REFERENCE_WIDTH = 64


@dataclass(frozen=True)
class Protocol:
    """How every run is trained.

    Attributes
    ----------
    vocab_size : int
        256: a token is a byte.
    chunk_size : int
        Of mLSTM layers.
    batch_tokens, validation_tokens : int
        Tokens a step, and tokens that the loss is measured on.
    learning_rate : tuple of (str, float)
        Peak for each architecture at an embedding width of 64.
    width_exponent : tuple of (str, float)
        Power of width / 64 that the peak follows.
    warmup_share, final_share : float
        Share of the steps over which the rate rises; share of the peak that the cosine ends at.
    beta1, beta2, clip : float
        Of Adam, and the largest norm of a gradient.
    """

    vocab_size: int
    chunk_size: int
    batch_tokens: int
    validation_tokens: int
    learning_rate: tuple[tuple[str, float], ...]
    width_exponent: tuple[tuple[str, float], ...]
    warmup_share: float
    final_share: float
    beta1: float
    beta2: float
    clip: float

    def peak(self, architecture: str, width: int) -> float:
        """Largest learning rate of a model."""
        exponent = dict(self.width_exponent)[architecture]
        return float(dict(self.learning_rate)[architecture] * (width / REFERENCE_WIDTH) ** exponent)

    def learning_rates(self, architecture: str, width: int, steps: int) -> np.ndarray:
        """Rate of every step: a linear rise, then half a cosine."""
        warmup = max(1, round(self.warmup_share * steps))
        done = np.arange(1, steps + 1)
        part = np.clip((done - warmup) / max(steps - warmup, 1), 0.0, 1.0)
        cosine = self.final_share + (1 - self.final_share) * 0.5 * (1 + np.cos(np.pi * part))
        return np.asarray(self.peak(architecture, width) * np.minimum(done / warmup, cosine))


@cache
def recipe() -> dict[str, Any]:
    """The file of the protocol: ``protocol``, ``shapes`` and ``grid``."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def load_protocol(**changes: Any) -> Protocol:
    """The frozen protocol; ``changes`` for tuning only."""
    table = {**recipe()["protocol"], **changes}
    pairs = {name: tuple(value.items()) for name, value in table.items() if isinstance(value, dict)}
    return Protocol(**{**table, **pairs})


def shape_names() -> tuple[str, ...]:
    """Names of the ladder of shapes, small to large."""
    return tuple(recipe()["shapes"])


def shape_of(architecture: str, name: str) -> Shape:
    """A shape of the ladder for an architecture.

    Raises
    ------
    SweepError
        No such shape.
    """
    if name not in shape_names():
        raise SweepError(f"no shape {name!r} in the protocol. Remedy: choose one of "
                         f"{', '.join(shape_names())}.")  # fmt: skip
    entry = recipe()["shapes"][name]
    width = entry["embedding_dim"]
    heads = entry["heads"][architecture]
    keys = width // heads // (2 if architecture == "xlstm" else 1)  # keys half as wide, as in the study
    return Shape(
        embedding_dim=width, num_blocks=entry["num_blocks"], num_heads=heads, ffn_dim=entry["ffn_dim"],
        head_dim_v=width // heads, head_dim_qk=keys,
        vocab_size=recipe()["protocol"]["vocab_size"], chunk_size=recipe()["protocol"]["chunk_size"],
    )  # fmt: skip
