"""Which runs are fitted and which are predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bayes_scaling.errors import RunsError
from bayes_scaling.runs.table import Runs

CUTS = {"compute": (3.0, 10.0, 30.0), "params": (2.0, 4.0), "tokens_per_param": (3.0, 10.0)}
KINDS = (*CUTS, "group", "architecture", "context")
FITTED = 20  # runs at least, for a cut chosen here
PREDICTED = 5  # likewise
SLACK = 1.06  # of a cut: the runs of a budget miss it by some per cent


@dataclass(frozen=True, eq=False)
class Split:
    """One question: fit these, predict those.

    Attributes
    ----------
    by : str
        One of `KINDS`.
    name : str
        Such as ``compute <= 1e+20`` or ``without llama, 8192``.
    fitted, predicted : ndarray of int
        Rows of the runs.
    """

    by: str
    name: str
    fitted: np.ndarray
    predicted: np.ndarray


def chosen_runs(runs: Runs, rows: np.ndarray) -> Runs:
    """The runs of some rows, in their order; their losses keep their unit.

    Parameters
    ----------
    runs : Runs
    rows : ndarray of int
        One side of a `Split`.
    """
    return runs.subset(np.isin(np.arange(len(runs)), rows))


def make_splits(runs: Runs, by: str, cuts: Sequence[float] | None = None) -> list[Split]:
    """Past and future of each cut, or each group left out.

    Parameters
    ----------
    runs : Runs
    by : {"compute", "params", "tokens_per_param", "group", "architecture", "context"}
    cuts : sequence of float, optional
        FLOPs, params or tokens per param: runs up to a cut (and 6% more) are fitted. Default: the largest
        of the runs over 3, 10 and 30 (params: 2 and 4; tokens per param: 3 and 10), where enough runs lie
        on either side.

    Raises
    ------
    RunsError
        An unknown ``by``; cuts for groups; a cut with no run on one side; nothing left to leave out.
    """
    if by not in KINDS:
        raise RunsError(f"by {by!r}: choose one of {', '.join(KINDS)}")
    if by in CUTS:
        return _past_and_future(runs, by, cuts)
    if cuts is not None:
        raise RunsError(f"cuts go with {', '.join(CUTS)}, not with by={by!r}")
    return _left_out(runs, by)


def _past_and_future(runs: Runs, by: str, cuts: Sequence[float] | None) -> list[Split]:
    frame = runs.frame
    values = {
        "compute": frame["flops"],
        "params": frame["params"],
        "tokens_per_param": frame["tokens"] / frame["params"],
    }[by].to_numpy(dtype=float)
    found = []
    for cut in _default_cuts(values, CUTS[by]) if cuts is None else cuts:
        past = values <= SLACK * cut
        if past.all() or not past.any():
            raise RunsError(
                f"cut {cut:g}: all or no runs have {by} up to it. Remedy: a cut between "
                f"{values.min():.3g} and {values.max():.3g}."
            )
        found.append(Split(by, f"{by} <= {cut:g}", np.flatnonzero(past), np.flatnonzero(~past)))
    if not found:
        raise RunsError(f"no cut by {by} leaves {FITTED} runs to fit and {PREDICTED} to predict: give cuts")
    return found


def _default_cuts(values: np.ndarray, factors: Sequence[float]) -> list[float]:
    cuts = [float(f"{values.max() / factor:.2g}") for factor in sorted(factors, reverse=True)]
    past = [int((values <= SLACK * cut).sum()) for cut in cuts]
    enough = [FITTED <= n <= len(values) - PREDICTED for n in past]
    return [cut for cut, good in zip(cuts, enough, strict=True) if good]


def _left_out(runs: Runs, by: str) -> list[Split]:
    frame = runs.frame
    columns = {"group": ["architecture", "context_length"], "architecture": ["architecture"]}
    keys = frame[columns.get(by, ["context_length"])].astype(str).agg(", ".join, axis=1).to_numpy()
    names = list(dict.fromkeys(keys))
    if len(names) < 2:
        raise RunsError(f"by {by}: there is only {names[0]}, so nothing is left to fit")
    return [
        Split(by, f"without {name}", np.flatnonzero(keys != name), np.flatnonzero(keys == name))
        for name in names
    ]
