"""Shape families: params as a smooth function of width, so that any N has a shape.

A family fixes how depth, heads and feed-forward width follow the embedding width (power laws); the width is
then solved so that the shape has exactly N parameters. Nothing is rounded, so FLOPs per token are a smooth,
increasing function of N inside and beyond the runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_scaling.accounting.shapes import AccountingError, Shape, check_size

Array = Any
REFERENCE_WIDTH = 1024.0
LARGEST_LOG_WIDTH = 27.6  # widths up to 1e12
STEPS = 200
TOLERANCE = 1e-13


@dataclass(frozen=True)
class ShapeFamily:
    """How the sizes of an architecture follow its embedding width w, relative to 1024.

    Attributes
    ----------
    blocks, blocks_exponent : float
        ``num_blocks = blocks (w/1024)^blocks_exponent``.
    head_dim, head_dim_exponent : float
        ``head_dim_v = head_dim (w/1024)^head_dim_exponent``; the exponent lies between 0 and 1.
    qk_factor : float
        ``head_dim_qk / head_dim_v``.
    expansion : float
        ``num_heads head_dim_v / w``.
    ffn_ratio : float
        ``ffn_dim / w``; 0 for none.
    kv_ratio : float
        ``num_kv_heads / num_heads``, used where `num_kv_heads` is None.
    num_kv_heads : float, optional
        The same number at every width.
    vocab_size, chunk_size : float
    width_multiple, ffn_multiple : int
        What real shapes are rounded to.
    largest_head_dim : float
        Real shapes take more heads rather than a larger `head_dim_v`.

    Raises
    ------
    AccountingError
        A size that is not positive or an exponent that would let FLOPs fall with N.
    """

    blocks: float = 14.8
    blocks_exponent: float = 0.7
    head_dim: float = 128.0
    head_dim_exponent: float = 0.0
    qk_factor: float = 1.0
    expansion: float = 1.0
    ffn_ratio: float = 2.667
    kv_ratio: float = 1.0
    num_kv_heads: float | None = None
    vocab_size: float = 50304
    chunk_size: float = 64
    width_multiple: int = 64
    ffn_multiple: int = 64
    largest_head_dim: float = float("inf")

    def __post_init__(self) -> None:
        names = (
            "blocks head_dim qk_factor expansion kv_ratio vocab_size chunk_size width_multiple ffn_multiple"
        )
        for name in names.split():
            check_size(name, getattr(self, name))
        check_size("ffn_ratio", self.ffn_ratio, zero=True)
        if not 0 <= self.blocks_exponent <= 4:
            raise AccountingError(f"blocks_exponent is {self.blocks_exponent}: give 0 to 4")
        if not 0 <= self.head_dim_exponent <= 1:
            raise AccountingError(f"head_dim_exponent is {self.head_dim_exponent}: give 0 to 1")

    def at_width(self, embedding_dim: Array) -> Shape:
        """The smooth shape of that width; sizes are real numbers."""
        relative = embedding_dim / REFERENCE_WIDTH
        head_dim = self.head_dim * relative**self.head_dim_exponent
        heads = self.expansion * embedding_dim / head_dim
        return Shape(
            embedding_dim=embedding_dim,
            num_blocks=self.blocks * relative**self.blocks_exponent,
            num_heads=heads,
            num_kv_heads=self.kv_ratio * heads if self.num_kv_heads is None else self.num_kv_heads,
            head_dim_v=head_dim,
            head_dim_qk=self.qk_factor * head_dim,
            ffn_dim=self.ffn_ratio * embedding_dim,
            vocab_size=self.vocab_size,
            chunk_size=self.chunk_size,
            continuous=True,
        )

    def width_for(self, count_params: Callable[[Shape], Array], params: Array) -> np.ndarray:
        """Width whose shape has that many params, to rounding error.

        Newton's method in logs from far above: ln params is increasing and convex in ln width.

        Raises
        ------
        AccountingError
            Params that are not positive, or a count that no width reaches.
        """
        check_size("params", params)
        target = np.log(np.asarray(params, dtype=float))
        x = np.full(target.shape, LARGEST_LOG_WIDTH)
        with np.errstate(all="ignore"):
            for _ in range(STEPS):
                gap, slope = self._gap_and_slope(count_params, x, target)
                x = np.clip(np.nan_to_num(x - gap / slope), -LARGEST_LOG_WIDTH, LARGEST_LOG_WIDTH)
                if np.all(np.abs(gap) < TOLERANCE * np.maximum(np.abs(target), 1.0)):
                    return np.asarray(np.exp(x))
        missed = ~(np.abs(gap) < 1e-11)
        if not missed.any():  # rounding in the count itself
            return np.asarray(np.exp(x))
        raise AccountingError(
            f"no shape of the family has {np.exp(target[missed].flat[0]):.4g} params: "
            "give params that grow smoothly and without bound with embedding_dim"
        )

    def _gap_and_slope(
        self, count_params: Callable[[Shape], Array], x: np.ndarray, target: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        step = 1e-5
        gap = np.log(count_params(self.at_width(np.exp(x)))) - target
        above = np.log(count_params(self.at_width(np.exp(x + step))))
        below = np.log(count_params(self.at_width(np.exp(x - step))))
        return gap, (above - below) / (2 * step)

    def shape(self, count_params: Callable[[Shape], Array], params: Array) -> Shape:
        """The smooth shape with exactly that many params.

        See Also
        --------
        bayes_scaling.accounting.nearest_shape : a shape that can be built.
        """
        return self.at_width(self.width_for(count_params, params))


def fit_family(shape: Shape, params: Array, **fixed: Any) -> ShapeFamily:
    """The family through the shapes of given runs.

    ln width and ln depth are regressed on ln params and the params eliminated; head dimensions are regressed
    on the width; ratios are geometric means. With one size of model the exponents are the defaults.

    Parameters
    ----------
    shape : Shape
        Arrays, one entry a run.
    params : array
        Parameters of each run.
    **fixed
        Attributes of the family to set instead of fitting, such as ``width_multiple=128``.

    Raises
    ------
    AccountingError
        Vocabularies, chunks or fixed key-value heads that differ among the runs.
    """
    sizes = _columns(shape, params)
    log_params = np.log(sizes["params"])
    log_width = np.log(sizes["embedding_dim"] / REFERENCE_WIDTH)
    width_slope = _slope(log_params, log_width, 0.0)
    depth_slope = _slope(log_params, np.log(sizes["num_blocks"]), 0.0)
    default = ShapeFamily.blocks_exponent
    exponent = float(np.clip(depth_slope / width_slope, 0, 4)) if width_slope > 0 else default
    head_exponent = float(np.clip(_slope(log_width, np.log(sizes["head_dim_v"]), 0.0), 0, 1))
    inner = sizes["num_heads"] * sizes["head_dim_v"]
    fitted = {
        "blocks": _scale(sizes["num_blocks"], exponent * log_width),
        "blocks_exponent": exponent,
        "head_dim": _scale(sizes["head_dim_v"], head_exponent * log_width),
        "head_dim_exponent": head_exponent,
        "qk_factor": _scale(sizes["head_dim_qk"] / sizes["head_dim_v"]),
        "expansion": _scale(inner / sizes["embedding_dim"]),
        "ffn_ratio": _scale(sizes["ffn_dim"] / sizes["embedding_dim"])
        if np.all(sizes["ffn_dim"] > 0)
        else 0.0,
        "largest_head_dim": float(sizes["head_dim_v"].max()),
        "vocab_size": _single("vocab_size", sizes),
        "chunk_size": _single("chunk_size", sizes),
    }
    return ShapeFamily(**{**fitted, **_kv_heads(sizes), **fixed})


def _columns(shape: Shape, params: Array) -> dict[str, np.ndarray]:
    values = {name: value for name, value in vars(shape).items() if name != "continuous"} | {"params": params}
    arrays = np.broadcast_arrays(*(np.asarray(value, dtype=float) for value in values.values()))
    columns = {name: np.atleast_1d(array).ravel() for name, array in zip(values, arrays, strict=True)}
    if columns["params"].size == 0:
        raise AccountingError("no runs to fit a shape family to: give at least one, or a ShapeFamily")
    check_size("params", columns["params"])
    return columns


def _slope(x: np.ndarray, y: np.ndarray, otherwise: float) -> float:
    centred = x - x.mean()
    spread = float(centred @ centred)
    return float(centred @ y) / spread if spread > 1e-9 else otherwise


def _scale(values: np.ndarray, log_trend: Array = 0.0) -> float:
    return float(np.exp(np.mean(np.log(values) - log_trend)))


def _single(name: str, sizes: dict[str, np.ndarray]) -> float:
    values = np.unique(sizes[name])
    if values.size > 1:
        raise AccountingError(f"{name} differs among the runs ({values[0]:g}, {values[1]:g}): fit them apart")
    return float(values[0])


def _kv_heads(sizes: dict[str, np.ndarray]) -> dict[str, float]:
    ratio = sizes["num_kv_heads"] / sizes["num_heads"]
    one_count = np.ptp(sizes["num_kv_heads"]) == 0 and np.ptp(ratio) > 0
    return {"num_kv_heads": float(sizes["num_kv_heads"][0])} if one_count else {"kv_ratio": _scale(ratio)}
