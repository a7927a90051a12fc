"""Which bytes a run sees, and when: the same for every model of a seed and context length."""

from __future__ import annotations

import numpy as np

from bayes_scaling.errors import SweepError


class Batches:
    """Windows of the training text in random order, none twice.

    Parameters
    ----------
    text : array of uint8
    context_length : int
        Tokens of a window; it holds one more, the last target.
    windows : int
        Windows a step.
    seed : int

    Raises
    ------
    SweepError
        The text has no window of that length.
    """

    def __init__(self, text: np.ndarray, context_length: int, windows: int, seed: int) -> None:
        self.text = text
        self.context_length = context_length
        self.windows = windows
        count = (len(text) - 1) // context_length
        if count < windows:
            raise SweepError(f"{len(text)} bytes hold {count} windows of {context_length}, a step "
                             f"takes {windows}. Remedy: a shorter context or a smaller batch.")  # fmt: skip
        self.order = np.random.default_rng([seed, context_length]).permutation(count)

    @property
    def steps(self) -> int:
        """Steps before a window would come twice."""
        return len(self.order) // self.windows

    def take(self, first: int, steps: int) -> np.ndarray:
        """Windows of the steps from ``first`` on.

        Returns
        -------
        array of int32, shape (steps, windows, context_length + 1)

        Raises
        ------
        SweepError
            The text ends before.
        """
        if first + steps > self.steps:
            raise SweepError(f"step {first + steps} is beyond the {self.steps} that the corpus holds once. "
                             "Remedy: plan fewer tokens.")  # fmt: skip
        chosen = self.order[first * self.windows : (first + steps) * self.windows]
        return cut(self.text, chosen, self.context_length).reshape(steps, self.windows, -1)


def cut(text: np.ndarray, numbers: np.ndarray, context_length: int) -> np.ndarray:
    """Windows by number, shape (window, context_length + 1), int32."""
    return text[numbers[:, None] * context_length + np.arange(context_length + 1)].astype(np.int32)


def validation_windows(text: np.ndarray, context_length: int, tokens: int) -> np.ndarray:
    """The first ``tokens`` of the validation text as windows: every context length predicts the same bytes.

    Raises
    ------
    SweepError
        The text is shorter, or the windows do not divide the tokens.
    """
    if tokens % context_length or len(text) < tokens + 1:
        raise SweepError(f"{tokens} validation tokens are no whole windows of {context_length} "
                         f"in {len(text)} bytes. Remedy: change validation_tokens.")  # fmt: skip
    return cut(text, np.arange(tokens // context_length), context_length)
