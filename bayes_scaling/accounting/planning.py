"""Shapes that can be built: the real shape nearest to a number of params."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from bayes_scaling.accounting.architecture import Architecture
from bayes_scaling.accounting.families import ShapeFamily
from bayes_scaling.accounting.registry import get_architecture
from bayes_scaling.accounting.shapes import AccountingError, Shape, check_size

WIDTHS_EACH_SIDE = 4
DEPTHS_EACH_SIDE = 4
FURTHEST = 0.25
HEAD_DIM_MULTIPLE = 16
ASPECT_WEIGHT = 0.1  # being 10% wider than the family counts as much as missing N by 1%


@dataclass(frozen=True)
class RealShape:
    """A shape of whole numbers and its exact counts.

    Attributes
    ----------
    shape : Shape
    params : int
    flops_per_token : float
        Training FLOPs at ``context_length``.
    context_length : int
    """

    shape: Shape
    params: int
    flops_per_token: float
    context_length: int


def nearest_shape(
    architecture: str | Architecture,
    params: float,
    context_length: int,
    family: ShapeFamily | None = None,
    mode: str | None = None,
) -> RealShape:
    """The real shape nearest to ``params`` in a family.

    Widths are multiples of the family's ``width_multiple``, heads divide them, feed-forward widths are
    multiples of ``ffn_multiple``; depth is free. Params are matched first, the family's proportions second.

    Parameters
    ----------
    architecture : str or Architecture
    params : float
    context_length : int
    family : ShapeFamily, optional
        Default: the architecture's.
    mode : str, optional

    Raises
    ------
    AccountingError
        No real shape within a factor of 1.28 of ``params``.
    """
    check_size("params", params)
    value = get_architecture(architecture)
    chosen = family or value.family
    smooth = chosen.shape(value.params, float(params))
    candidates = [real_shape(chosen, w, n) for w in _widths(chosen, smooth) for n in _depths(chosen, w)]
    misses = [abs(float(np.log(value.params(shape) / params))) for shape in candidates]
    scores = [m + ASPECT_WEIGHT * _stretch(s, smooth) for m, s in zip(misses, candidates, strict=True)]
    best = int(np.argmin(scores))
    found = int(value.params(candidates[best]))
    if misses[best] > FURTHEST:
        raise AccountingError(
            f"no real {value.name} shape near {params:.4g} params; the nearest has {found:,}: "
            "give a family with a smaller vocab_size or width_multiple"
        )
    flops = value.training_flops_per_token(candidates[best], context_length, mode)
    return RealShape(candidates[best], found, float(flops), int(context_length))


def real_shape(family: ShapeFamily, embedding_dim: int, num_blocks: int) -> Shape:
    """The family's shape of that width and depth, in whole numbers."""
    smooth = family.at_width(float(embedding_dim))
    inner = max(round(family.expansion * embedding_dim / 8), 1) * 8
    head_dim = _head_dim(family, inner, float(smooth.head_dim_v))
    heads = inner // head_dim
    kv_heads = family.kv_ratio * heads if family.num_kv_heads is None else family.num_kv_heads
    ffn = round(family.ffn_ratio * embedding_dim / family.ffn_multiple) * family.ffn_multiple
    return Shape(
        embedding_dim=embedding_dim,
        num_blocks=num_blocks,
        num_heads=heads,
        num_kv_heads=_nearest(divisors(heads), kv_heads),
        head_dim_v=head_dim,
        head_dim_qk=max(round(family.qk_factor * head_dim), 1),
        ffn_dim=max(ffn, family.ffn_multiple) if family.ffn_ratio > 0 else 0,
        vocab_size=int(family.vocab_size),
        chunk_size=int(family.chunk_size),
    )


def _widths(family: ShapeFamily, smooth: Shape) -> list[int]:
    middle = round(float(smooth.embedding_dim) / family.width_multiple)
    span = max(WIDTHS_EACH_SIDE, middle // 8)
    steps = np.unique(np.linspace(middle - span, middle + span, 2 * WIDTHS_EACH_SIDE + 1).round().astype(int))
    return [int(step) * int(family.width_multiple) for step in steps if step >= 1]


def _depths(family: ShapeFamily, embedding_dim: int) -> list[int]:
    middle = round(float(family.at_width(float(embedding_dim)).num_blocks))
    span = max(DEPTHS_EACH_SIDE, middle // 4)
    return [n for n in range(middle - span, middle + span + 1) if n >= 1]


@lru_cache(maxsize=1024)
def divisors(whole: int) -> np.ndarray:
    """All divisors, increasing."""
    candidates = np.arange(1, whole + 1)
    return np.asarray(candidates[whole % candidates == 0])


def _nearest(values: np.ndarray, wanted: float) -> int:
    return int(values[np.argmin(np.abs(np.log(values / wanted)))])


def _head_dim(family: ShapeFamily, inner: int, wanted: float) -> int:
    fitting = divisors(inner)
    fitting = fitting[fitting <= family.largest_head_dim]
    even = fitting[fitting % HEAD_DIM_MULTIPLE == 0]
    return _nearest(even if even.size else fitting, min(wanted, family.largest_head_dim))


def _stretch(shape: Shape, smooth: Shape) -> float:
    width = abs(float(np.log(shape.embedding_dim / smooth.embedding_dim)))
    head = abs(float(np.log(shape.head_dim_v / smooth.head_dim_v)))
    return width + abs(float(np.log(shape.num_blocks / smooth.num_blocks))) + head
