"""Which runs the sweep has: isoFLOP grids, lines of tokens per parameter, repeated seeds, runs for later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from bayes_scaling.accounting import get_architecture
from bayes_scaling.accounting.shapes import SIZE_NAMES
from bayes_scaling.errors import SweepError
from bayes_scaling.sweep.protocol import load_protocol, recipe, shape_names, shape_of
from bayes_scaling.sweep.specs import RunSpec

ARCHITECTURES = ("transformer", "xlstm")
FITTED, PREREGISTERED = "fitted", "preregistered"


def planned_runs(part: str | None = None) -> list[RunSpec]:
    """The runs of the sweep, each once.

    Parameters
    ----------
    part : {"fitted", "preregistered"}, optional
        Those that the predictions are fitted to, or those that they are about; default all.

    Raises
    ------
    SweepError
        No such part.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> bs.sweep.planned_runs("preregistered")[0].run_id
    'transformer-32-w56x3-12066-s0'
    """
    if part not in (None, FITTED, PREREGISTERED):
        raise SweepError(f"no part {part!r} of the sweep. Remedy: choose {FITTED} or {PREREGISTERED}.")
    grid = recipe()["grid"]
    specs: list[RunSpec] = []
    for architecture in ARCHITECTURES:
        for length in grid["context_lengths"]:
            if part != PREREGISTERED:
                specs += _isoflop(architecture, length, grid["isoflop"], "isoflop")
                specs += _lines(architecture, length, grid["token_param"])
                specs += _seeds(architecture, length, grid["seed"])
            if part != FITTED:
                specs += _isoflop(architecture, length, grid["preregistered"], PREREGISTERED)
    return list({spec.run_id: spec for spec in reversed(specs)}.values())[::-1]


def run_flops(spec: RunSpec) -> float:
    """Training FLOPs by the package's accounting."""
    count = get_architecture(spec.architecture).training_flops
    shape = shape_of(spec.architecture, spec.shape)
    return float(count(shape, run_tokens(spec), spec.context_length))


def run_tokens(spec: RunSpec) -> int:
    """Training tokens."""
    return spec.steps * load_protocol().batch_tokens


def run_params(spec: RunSpec) -> int:
    """Parameters by the package's accounting, both embedding tables included."""
    return int(get_architecture(spec.architecture).params(shape_of(spec.architecture, spec.shape)))


def planned_frame(specs: Sequence[RunSpec]) -> pd.DataFrame:
    """One row a planned run: run_id, design, sizes, steps, tokens and FLOPs."""
    return pd.DataFrame(
        {
            "run_id": spec.run_id,
            "architecture": spec.architecture,
            "context_length": spec.context_length,
            "params": run_params(spec),
            "tokens": run_tokens(spec),
            "flops": run_flops(spec),
            "design": spec.design,
            "budget": spec.budget,
            "steps": spec.steps,
            **{name: int(getattr(shape_of(spec.architecture, spec.shape), name)) for name in SIZE_NAMES},
        }
        for spec in specs
    )


def plan_table(specs: Sequence[RunSpec]) -> pd.DataFrame:
    """One row for each architecture, context length and design.

    Columns: architecture, context_length, design, runs; ``_min`` and ``_max`` of params, tokens and flops;
    flops_sum.
    """
    keys = ["architecture", "context_length", "design"]
    ranges = {
        f"{name}_{end}": (name, end) for name in ("params", "tokens", "flops") for end in ("min", "max")
    }
    groups = planned_frame(specs).groupby(keys, sort=False)
    return groups.agg(runs=("params", "size"), flops_sum=("flops", "sum"), **ranges).reset_index()


def _isoflop(architecture: str, length: int, grid: dict[str, Any], design: str) -> Iterator[RunSpec]:
    """All shapes that get a number of tokens per parameter between the limits."""
    low, high = grid["tokens_per_param"]
    for budget in grid["budgets"]:
        for shape in shape_names():
            spec = _at_budget(architecture, length, shape, budget, design)
            if low <= run_tokens(spec) / run_params(spec) <= high:
                yield spec


def _at_budget(architecture: str, length: int, shape: str, budget: float, design: str) -> RunSpec:
    step = run_flops(RunSpec(architecture, length, shape, 1))
    return RunSpec(architecture, length, shape, max(1, round(budget / step)), 0, design, budget)


def _lines(architecture: str, length: int, lines: dict[str, Any]) -> Iterator[RunSpec]:
    for shape in lines["shapes"]:
        params = run_params(RunSpec(architecture, length, shape, 1))
        for ratio in lines["tokens_per_param"]:
            steps = round(ratio * params / load_protocol().batch_tokens)
            spec = RunSpec(architecture, length, shape, steps, 0, "token_param")
            if run_flops(spec) <= lines["largest"]:
                yield spec


def _seeds(architecture: str, length: int, cells: dict[str, Any]) -> Iterator[RunSpec]:
    for shape, budget in cells["cells"]:
        first = _at_budget(architecture, length, shape, budget, "seed")
        for seed in cells["seeds"]:
            yield RunSpec(architecture, length, shape, first.steps, seed, "seed", budget)
