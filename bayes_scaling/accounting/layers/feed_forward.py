"""Feed-forward layers: one gated layer, or experts of which a router picks a few for each token.

Sources: Shazeer 2020, arXiv:2002.05202 (gated layers); Mixtral, arXiv:2401.04088 (top-k experts);
DeepSeekMoE, arXiv:2401.06066 (shared experts). Experts are as wide as the shape's ``ffn_dim``. Softmax and
sorting of the router, and the weighted sum of the experts' outputs, are not counted as FLOPs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bayes_scaling.accounting.layers.layer import FeedForward
from bayes_scaling.accounting.shapes import AccountingError, Shape, check_size
from bayes_scaling.accounting.work import ffn_forward, ffn_weights

Array = Any


def gated_weights(shape: Shape) -> Array:
    """Weights of one gated layer of width ``ffn_dim``, without a norm."""
    return ffn_weights(shape) - shape.embedding_dim


@dataclass(frozen=True)
class Dense(FeedForward):
    """One gated layer that every token meets.

    Attributes
    ----------
    widening : float
        Its width over ``ffn_dim``: for dense layers among layers of experts.
    """

    widening: float = 1

    def __post_init__(self) -> None:
        check_size("widening", self.widening)

    def weights(self, shape: Shape) -> Array:
        """Weights of one layer."""
        return self.widening * gated_weights(shape)

    def active_weights(self, shape: Shape) -> Array:
        """All weights: no part is idle."""
        return self.weights(shape)

    def forward_flops(self, shape: Shape, tokens: Array) -> Array:
        """Forward FLOPs of one sequence."""
        return self.widening * ffn_forward(shape, tokens)


@dataclass(frozen=True)
class Experts(FeedForward):
    """Gated experts and a linear router.

    Attributes
    ----------
    total : int
        Experts that the router picks from.
    active : int
        Experts that it picks for each token.
    shared : int
        Further experts that every token meets.
    shared_gate : bool
        One number a token scales the shared experts.
    router_bias : bool
        The router has a bias.
    """

    total: int
    active: int
    shared: int = 0
    shared_gate: bool = False
    router_bias: bool = False

    def __post_init__(self) -> None:
        check_size("total", self.total, continuous=False)
        check_size("active", self.active, continuous=False)
        check_size("shared", self.shared, continuous=False, zero=True)
        if self.active > self.total:
            raise AccountingError(
                f"{self.active} active experts of {self.total} in total: give at most as many"
            )

    def router_matrix(self, shape: Shape) -> Array:
        """Weights of the router's matrix, and of the shared experts' gate."""
        return shape.embedding_dim * (self.total + self.shared_gate)

    def weights(self, shape: Shape) -> Array:
        """Weights of all experts and the router."""
        return (self.total + self.shared) * gated_weights(shape) + self._router(shape)

    def active_weights(self, shape: Shape) -> Array:
        """Weights of the experts that one token meets, and of the router."""
        return (self.active + self.shared) * gated_weights(shape) + self._router(shape)

    def forward_flops(self, shape: Shape, tokens: Array) -> Array:
        """Forward FLOPs of one sequence: active and shared experts, router."""
        experts = (self.active + self.shared) * ffn_forward(shape, tokens)
        return experts + 2.0 * tokens * self.router_matrix(shape)

    def _router(self, shape: Shape) -> Array:
        return self.router_matrix(shape) + self.router_bias * self.total
