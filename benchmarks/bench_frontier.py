"""Speed of frontiers under true FLOPs, beside a SciPy search for each draw and budget.

    python benchmarks/bench_frontier.py FIT [--loop 200]

FIT is a saved fit of architectures with an accounting.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings

import numpy as np
import pandas as pd
from scipy import optimize

import bayes_scaling as bs
from bayes_scaling.posterior.coefficients import coefficients
from bayes_scaling.posterior.groups import group_coefficients
from bayes_scaling.questions.query import resolve_cost

BUDGETS = np.geomspace(1e18, 1e24, 100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fit")
    parser.add_argument("--loop", type=int, default=200, help="searches of the plain loop")
    arguments = parser.parse_args()
    fit = bs.load_fit(arguments.fit)
    size = fit.posterior.sizes
    draws, groups = size["chain"] * size["draw"], size["architecture"] * size["context_length"]
    bs.frontier(fit, BUDGETS[:2], cost="accounted")  # imports
    rows = [
        (f"frontier, {cost}", _timed(lambda cost=cost: bs.frontier(fit, BUDGETS, cost=cost)))
        for cost in ("6ND", "accounted")
    ]
    rows.append(("its table", _timed(bs.frontier(fit, BUDGETS, cost="accounted").table)))
    rows.append(("compare, 1 budget, accounted", _timed(lambda: bs.compare(fit, 1e21, cost="accounted"))))
    loop = _timed(lambda: _plain_loop(fit, arguments.loop))
    whole = loop * draws * groups * len(BUDGETS) / arguments.loop
    rows.append((f"plain SciPy search, {arguments.loop} of them", loop))
    rows.append(("plain SciPy search, all at that pace", whole))
    print(f"{draws} draws x {len(BUDGETS)} budgets x {groups} groups, {os.cpu_count()} cores\n")
    print(pd.DataFrame(rows, columns=["what", "seconds"]).to_markdown(index=False, floatfmt=".2f"))


def _plain_loop(fit: bs.Fit, searches: int) -> None:
    name, length = fit.architectures[0], fit.context_lengths[-1]
    curve = resolve_cost(fit, "accounted").curve(float(length), name)
    values = group_coefficients(fit, coefficients(fit, name, length), name, length)
    flat = {
        key: np.ravel(np.broadcast_to(value, (*fit.posterior["E"].shape[:2], 1)))
        for key, value in values.items()
    }
    for i in range(searches):
        theta = {key: value[i] for key, value in flat.items()}

        def loss(x: float, theta=theta) -> float:
            return float(fit.law.loss(np, np.exp(x), np.exp(np.log(1e21) - curve.value(np, x)), theta))

        optimize.minimize_scalar(loss, bounds=(15, 27), method="bounded", options={"xatol": 1e-8})


def _timed(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
