"""An architecture: named, sourced functions of a shape, checked before they count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from bayes_scaling.accounting.families import ShapeFamily
from bayes_scaling.accounting.flop_table import FlopTable
from bayes_scaling.accounting.shapes import AccountingError, Shape, check_size
from bayes_scaling.accounting.work import BF16, Decoding, Precision, Work

Array = Any
TRAINING_FACTOR = 3.0  # the backward pass costs two forward passes


@dataclass(frozen=True)
class Architecture:
    """What is known of one architecture; every count broadcasts over its arguments.

    Attributes
    ----------
    name : str
    aliases : tuple of str
        Other labels a table of runs may use.
    source : str
        Where the formulas come from.
    count_params : callable(shape), optional
        All of them, embeddings included.
    count_forward : callable(shape, context_length, mode), optional
        Forward FLOPs of one sequence.
    count_prefill : callable(shape, batch, prompt, precision), optional
    count_generation : callable(shape, batch, steps, precision), optional
    count_cache : callable(shape, batch, tokens, precision), optional
    modes : tuple of str
        Ways to count forward FLOPs, the default first.
    family : ShapeFamily
        Used where no runs have shape columns.
    table : FlopTable, optional
        Measured FLOPs per token, instead of formulas.
    check : callable(shape), optional
        Raises on shapes the architecture cannot have.
    count_active : callable(shape), optional
        Params that a token meets, where experts stand idle; default `count_params`.
    sized_by : {"all", "active"}
        Which params a size N means, in a table of runs and in shape families.
    """

    name: str
    aliases: tuple[str, ...] = ()
    source: str = ""
    count_params: Callable[..., Array] | None = None
    count_forward: Callable[..., Array] | None = None
    count_prefill: Callable[..., Work] | None = None
    count_generation: Callable[..., Work] | None = None
    count_cache: Callable[..., Array] | None = None
    modes: tuple[str, ...] = ("default",)
    family: ShapeFamily = field(default_factory=ShapeFamily)
    table: FlopTable | None = None
    check: Callable[[Shape], None] | None = None
    count_active: Callable[..., Array] | None = None
    sized_by: Literal["all", "active"] = "all"

    def __post_init__(self) -> None:
        if self.sized_by not in ("all", "active"):
            raise AccountingError(f'{self.name} is sized by {self.sized_by!r}: choose "all" or "active"')
        if self.sized_by == "active" and self.count_active is None:
            raise AccountingError(f"{self.name} is sized by active params: give count_active= too")

    def params(self, shape: Shape) -> Array:
        """The size N: all parameters, embeddings included, or the active ones where they size it."""
        return self.active_params(shape) if self.sized_by == "active" else self.all_params(shape)

    def all_params(self, shape: Shape) -> Array:
        """Parameters, embeddings included."""
        count = self._need("params", self.count_params, shape)
        return count(shape)

    def active_params(self, shape: Shape) -> Array:
        """Parameters that a token meets, embeddings included; fewer than all where experts stand idle."""
        count = self._need("params", self.count_active or self.count_params, shape)
        return count(shape)

    def forward_flops(self, shape: Shape, context_length: Array, mode: str | None = None) -> Array:
        """Forward FLOPs of one sequence of ``context_length`` tokens.

        Raises
        ------
        AccountingError
            An unknown mode, or a context that is not positive.
        """
        count = self._need("forward", self.count_forward, shape)
        check_size("context_length", context_length)
        return count(shape, context_length, self.mode(mode))

    def training_flops_per_token(self, shape: Shape, context_length: Array, mode: str | None = None) -> Array:
        """Training FLOPs per token, three times the forward pass."""
        return TRAINING_FACTOR * self.forward_flops(shape, context_length, mode) / context_length

    def training_flops(
        self, shape: Shape, tokens: Array, context_length: Array, mode: str | None = None
    ) -> Array:
        """Training FLOPs of a run over ``tokens`` tokens."""
        check_size("tokens", tokens)
        return self.training_flops_per_token(shape, context_length, mode) * tokens

    def prefill(self, shape: Shape, batch: Array, prompt: Array, precision: Precision = BF16) -> Work:
        """FLOPs and bytes of a batch of prompts, up to the first token."""
        count = self._need("prefill", self.count_prefill, shape)
        check_size("batch", batch)
        check_size("prompt", prompt)
        return Work(*count(shape, batch, prompt, precision))

    def generation(
        self,
        shape: Shape,
        batch: Array,
        prompt: Array,
        generated: Array = 1,
        precision: Precision = BF16,
        weight_reads: Array = 1.0,
    ) -> Work:
        """FLOPs and bytes of one decoding step of a batch, averaged over ``generated`` steps.

        Parameters
        ----------
        prompt : array
            Tokens before the first step; zero or more.
        generated : array
            Steps taken; one or more.
        weight_reads : array
            Reads of all weights per step; the xLSTM study used ``1 / generated``.
        """
        count = self._need("generation", self.count_generation, shape)
        check_size("batch", batch)
        check_size("prompt", prompt, zero=True)
        check_size("generated", generated)
        check_size("weight_reads", weight_reads)
        return Work(*count(shape, batch, Decoding(prompt, generated, weight_reads), precision))

    def cache_bytes(self, shape: Shape, batch: Array, tokens: Array, precision: Precision = BF16) -> Array:
        """Bytes of keys and values, or of states, after ``tokens`` tokens of each sequence of a batch."""
        count = self._need("cache", self.count_cache, shape)
        check_size("batch", batch)
        check_size("tokens", tokens, zero=True)
        return count(shape, batch, tokens, precision)

    def weight_bytes(self, shape: Shape, precision: Precision = BF16) -> Array:
        """Bytes of all weights."""
        return self.all_params(shape) * precision.weight

    def mode(self, mode: str | None) -> str:
        """The mode asked for, or the default one.

        Raises
        ------
        AccountingError
            No such mode.
        """
        if mode is not None and mode not in self.modes:
            raise AccountingError(f"{self.name} has no mode {mode!r}: choose one of {', '.join(self.modes)}")
        return mode or self.modes[0]

    def _need(self, what: str, count: Callable[..., Any] | None, shape: Shape) -> Callable[..., Any]:
        if count is None:
            raise AccountingError(
                f"architecture {self.name!r} does not count {what}: register it with count_{what}=..."
            )
        if self.check is not None:
            self.check(shape)
        return count
