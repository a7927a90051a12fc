"""Simulation-based calibration of the default model in both back ends; prints rows for docs/calibration.md.

    python benchmarks/sbc_study.py [--replicates 1000] [--backend numpyro] [--figure FILE] [--kept FOLDER]

The design is 96 simulated runs of two architectures at two context lengths. Each replicate draws a truth from
the prior, simulates losses, fits them with two chains of 500 draws, in rounds, and ranks the truth among the
draws. Ranks are kept in FOLDER as CSV.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import bayes_scaling as bs
from bayes_scaling.data.simulation import simulate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--backend", default="numpyro")
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--kept", type=Path)
    arguments = parser.parse_args()
    runs = simulate(
        seed=5, context_lengths=(2048, 8192), budgets=(6e18, 6e19), token_param_ratios=(22, 110)
    ).runs
    start = time.perf_counter()
    found = bs.sbc(runs, replicates=arguments.replicates, seed=0, backend=arguments.backend)
    minutes = (time.perf_counter() - start) / 60
    table = found.table()
    print(
        f"{arguments.backend}: {arguments.replicates} replicates of {len(runs.frame)} runs in {minutes:.0f} "
        f"minutes; of {len(table)} quantities {int(table['outside'].sum())} outside their own band "
        f"({', '.join(table['quantity'][table['outside']]) or 'none'}), "
        f"{int(table['outside_family'].sum())} outside the band of all; "
        f"{found.not_converged} replicates not converged"
    )
    if arguments.kept is not None:
        arguments.kept.mkdir(exist_ok=True, parents=True)
        found.ranks.to_csv(arguments.kept / f"ranks_{arguments.backend}.csv", index=False)
    if arguments.figure is not None:
        found.plot().savefig(arguments.figure, dpi=130)


if __name__ == "__main__":
    main()
