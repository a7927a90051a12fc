"""How far a model size may lie from what other sizes say: learnt by leaving sizes out.

Each size of each table is predicted at the mode of a fit of the others, and of a fit of the smallest alone.
The median of its ln errors is one draw of the shift of a new size; its likelihood under the walk of
`models/size_spread.py` gives the standard deviation amid the fitted sizes and its growth with distance.

    python benchmarks/latency_sizes.py inference_timings.csv
"""

from __future__ import annotations

import argparse
from importlib.resources import files
from pathlib import Path

import numpy as np
from scipy import optimize

from bayes_scaling.latency import LatencySettings, Timings, load_timings
from bayes_scaling.latency.design import build_design
from bayes_scaling.models.latency_density import log_time
from bayes_scaling.models.latency_design import LatencyDesign, TimeBlock
from bayes_scaling.models.latency_mode import find_whitening
from bayes_scaling.models.size_spread import size_conditional
from bayes_scaling.roofline.devices import get_device
from benchmarks.latency_study import STUDY

H200 = Path(str(files("bayes_scaling.data").joinpath("timings_h200.csv")))


Shift = tuple[float, np.ndarray, np.ndarray, float]


def shifts(timings: Timings, settings: LatencySettings) -> list[Shift]:
    """Of each size left out: params, the fitted sizes, their shifts at the mode, and its median ln error."""
    frame = timings.frame
    found = []
    for name in timings.architectures:
        own = frame["architecture"] == name
        sizes = np.unique(frame.loc[own, "params"])
        plans = [(size, own & (frame["params"] != size)) for size in sizes]
        plans += [(size, own & (frame["params"] == sizes[0])) for size in sizes[1:]]
        for size, chosen in plans:
            train = build_design(timings.subset(chosen.to_numpy()), settings)
            test = build_design(timings.subset((own & (frame["params"] == size)).to_numpy()), settings)
            targets = {block.phase: block for block in test.blocks if isinstance(block, TimeBlock)}
            for alone in train.alone():
                block = alone.blocks[0]
                if isinstance(block, TimeBlock) and block.phase in targets:
                    found.append((float(size), *_shift(alone, targets[block.phase])))
    return found


def _shift(alone: LatencyDesign, target: TimeBlock) -> tuple[np.ndarray, np.ndarray, float]:
    block = alone.blocks[0]
    mode = find_whitening(alone).center
    plain = len(block.plain_names)
    error = target.log_time - log_time(np, target, mode[:plain], alone.device)
    return np.array(block.sizes, dtype=float), mode[plain:], float(np.median(error))


def likelihood(found: list[Shift], size_sd: float, growth: float) -> float:
    """Log likelihood of the shifts that were left out."""
    total = 0.0
    for size, sizes, fitted, shift in found:
        weight, sd = size_conditional(np.array([size]), sizes, growth)
        scale = size_sd * float(sd[0])
        total -= 0.5 * ((shift - float(fitted @ weight[0])) / scale) ** 2 + np.log(scale)
    return total


def learnt(found: list[Shift]) -> np.ndarray:
    """The standard deviation and the growth that make the shifts most likely."""
    start = np.log([0.03, 1.0])
    best = optimize.minimize(lambda x: -likelihood(found, *np.exp(x)), start, method="Nelder-Mead")
    return np.asarray(np.exp(best.x))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("timings")
    h200 = LatencySettings(get_device("H200-SXM"))
    seen = {
        "study": shifts(load_timings(parser.parse_args().timings), STUDY),
        "H200": shifts(load_timings(H200), h200),
    }
    seen["both"] = seen["study"] + seen["H200"]
    for name, rows in seen.items():
        size_sd, growth = learnt(rows)
        print(f"{name}: {len(rows)} shifts, standard deviation {size_sd:.4f}, growth {growth:.2f}")
