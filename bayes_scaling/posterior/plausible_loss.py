"""Are the losses that a fit predicts possible: above its own floor, and not below every run of a size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_scaling.posterior.group_optima import TIMES, group_optima
from bayes_scaling.posterior.posterior import Posterior

SHARE = 0.5  # of the draws: the median lies there
SAME_SIZE = 0.01  # of ln params
FEWEST = 3  # runs of a size
TAIL = 0.995  # of one run's loss at a design


@dataclass(frozen=True)
class Floor:
    """How often a loss is predicted below the draw's own E.

    Attributes
    ----------
    share : float
        Of the draws.
    where : str
    loss, floor : float
        Medians there.
    """

    share: float
    where: str
    loss: float
    floor: float


def below_the_floor(fit: Posterior) -> tuple[Floor, ...]:
    """For each of `TIMES` the worst group: the share of draws whose optimum has a loss below their own E.

    E is what no run of any size can go below. A drift that carries the loss below it follows something that
    is no law of size and data: the last part of a training, or another recipe for the largest runs.
    """
    found: list[list[Floor]] = [[] for _ in TIMES]
    for group in group_optima(fit, fit):
        floor = np.broadcast_to(group.surface.values["E"], np.shape(group.surface.values["alpha"]))
        if not np.all(floor > 0):  # Kaplan's law has none, nor have its draws in a mixture
            continue
        for at, floors in enumerate(found):
            loss = group.loss[..., at]
            share = float((loss < floor[..., 0]).mean())
            floors.append(Floor(share, group.where[at], float(np.median(loss)), float(np.median(floor))))
    return tuple(max(floors, key=lambda floor: floor.share) for floors in found if floors)


def below_every_run(fit: Posterior) -> list[str]:
    """Sizes whose runs all lie above what the fit predicts for each of them: three runs or more of a size.

    Inside the runs, so that no extrapolation excuses it.
    """
    frame = fit.runs.frame.reset_index(drop=True)
    drawn = fit.idata["posterior_predictive"].to_dataset()["loss"].transpose("chain", "draw", "run")
    high = np.quantile(drawn.to_numpy(), TAIL, axis=(0, 1))
    above = frame["loss"].to_numpy(dtype=float) > high
    size = np.round(np.log(frame["params"].to_numpy(dtype=float)) / SAME_SIZE)
    table = pd.DataFrame({"size": size, "above": above, "params": frame["params"].to_numpy(dtype=float)})
    for name in ("architecture", "context_length"):
        table[name] = frame[name].astype(str).to_numpy()
    found = []
    for (architecture, context, _), part in table.groupby(["architecture", "context_length", "size"]):
        if len(part) >= FEWEST and part["above"].all():
            found.append(f"{architecture}, {context} at {part['params'].iloc[0]:.3g} params")
    return found
