"""How far a question lies from its runs: in compute, params, tokens and context length."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bayes_scaling.errors import BudgetError
from bayes_scaling.runs.table import Runs

COLUMNS = {"compute": "flops", "params": "params", "tokens": "tokens", "context": "context_length"}
FARTHEST = "extrapolation_decades"
NEAR = 0.005  # decades; nearer is the same budget
FAR = 2.0  # decades of compute beyond the runs: told above an answer, for no back-test reached there
TOO_FAR = 4.0  # decades: refused unless it is asked for


def decades_outside(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Decades by which each value lies outside the range of the known ones; 0 inside."""
    logs = np.log10(values)
    low = np.log10(known.min())
    high = np.log10(known.max())
    return np.maximum(0.0, np.maximum(logs - high, low - logs))


def nearest_runs(runs: Runs, column: str, architecture: str, context_length: int) -> np.ndarray:
    """The column for the group's runs; the architecture's or all where there are none.

    Context lengths are those of the architecture's runs, or of all.
    """
    frame = runs.frame
    same = (frame["architecture"].astype(str) == architecture).to_numpy()
    group = same & (frame["context_length"] == context_length).to_numpy()
    masks = (same, np.ones_like(same)) if column == COLUMNS["context"] else (group, same, np.ones_like(same))
    chosen = next(mask for mask in masks if mask.any())
    return frame[column].to_numpy(dtype=float)[chosen]


def group_size(runs: Runs, architecture: str, context_length: int) -> int:
    """How many runs a group has."""
    frame = runs.frame
    same = frame["architecture"].astype(str) == architecture
    return int((same & (frame["context_length"] == context_length)).sum())


def decades_from_group(
    runs: Runs, architecture: str, context_length: int, asked: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Decades by which what is asked of a group lies outside its runs.

    Parameters
    ----------
    runs : Runs
    architecture : str
    context_length : int
        Its own distance, from the contexts of the architecture's runs, is among the answers.
    asked : mapping of str to ndarray
        Any of compute (FLOPs), params and tokens, of one shape.

    Returns
    -------
    dict of str to ndarray
        The same names and context, each of that shape.
    """
    shape = np.shape(next(iter(asked.values())))
    both = {**asked, "context": np.full(shape, float(context_length))}
    return {
        name: decades_outside(
            np.asarray(values, dtype=float),
            nearest_runs(runs, COLUMNS[name], architecture, context_length),
        )
        for name, values in both.items()
    }


def refuse_too_far(runs: Runs, flops: np.ndarray, extrapolate: bool) -> None:
    """Refuse compute more than `TOO_FAR` decades outside all fitted runs, unless that is wanted.

    Raises
    ------
    BudgetError
        It names the compute, the runs and what to do.
    """
    known = runs.frame[COLUMNS["compute"]].to_numpy(dtype=float)
    finite = flops[np.isfinite(flops)]
    if extrapolate or not finite.size:
        return
    decades = decades_outside(finite, known)
    if decades.max() > TOO_FAR:
        asked = f"compute {finite[decades.argmax()]:.3g} FLOPs lies {decades.max():.1f} decades outside"
        raise BudgetError(
            f"{asked} the fitted runs ({known.min():.2g} to {known.max():.2g} FLOPs), where no law was ever "
            f"tested: is the unit right? Ask within {TOO_FAR:g} decades, or for a number all the same give "
            "extrapolate=True (--extrapolate)"
        )


def reach_columns(decades: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Columns of a table: extrapolation_decades, the farthest; then ``compute_extrapolation_decades`` etc."""
    named = {column_of(name): np.asarray(decades[name]).ravel() for name in COLUMNS if name in decades}
    return {FARTHEST: np.fmax.reduce(list(named.values())), **named}


def group_columns(
    runs: Runs, architecture: str, context_length: int, asked: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """`decades_from_group` as columns of a table, and ``group_runs``, how many runs the group has."""
    far = reach_columns(decades_from_group(runs, architecture, context_length, asked))
    size = group_size(runs, architecture, context_length)
    return far | {"group_runs": np.full(len(far[FARTHEST]), size)}


def column_of(name: str) -> str:
    """The column of a table that holds the distance in compute, params, tokens or context."""
    return f"{name}_{FARTHEST}"
