"""Large inputs: seconds and peak memory of reading, fitting and asking; prints a Markdown table.

    python benchmarks/limits.py [--only NAME,...] [--seconds 600]

Each case runs in a process of its own, which is stopped after so many seconds. Tables are simulated.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

CASES = {
    "describe, CSV of 100,000 rows": ("many 100_000", "bs.load_runs(path).describe()"),
    "load_runs, CSV of 1,000,000 rows": ("many 1_000_000", "bs.load_runs(path)"),
    "fit, 20,000 runs, 2 groups, 2 chains of 250": (
        "many 20_000",
        "bs.fit(bs.load_runs(path), draws=250, tune=250, chains=2, max_draws=250)",
    ),
    "fit, 200 groups of 10 runs, 2 chains of 100": (
        "groups 200",
        "bs.fit(bs.load_runs(path), draws=100, tune=100, chains=2, max_draws=100)",
    ),
    "frontier, 1,000 budgets, 4,000 draws, 6 groups": (
        "fit",
        "bs.load_fit(path).frontier(np.geomspace(1e18, 1e22, 1000), extrapolate=True).table(full=True)",
    ),
    "frontier, 10,000 budgets, the same": (
        "fit",
        "bs.load_fit(path).frontier(np.geomspace(1e18, 1e22, 10_000), extrapolate=True).table(full=True)",
    ),
    "predict_table, 10,000 rows": ("fit", "bs.predict_table(bs.load_fit(path), rows(10_000))"),
    "predict_table, 1,000,000 rows": ("fit", "bs.predict_table(bs.load_fit(path), rows(1_000_000))"),
}
HEAD = """
import sys, warnings
warnings.simplefilter("ignore")
import numpy as np
import bayes_scaling as bs
from benchmarks.limits import rows
path = sys.argv[1]
"""
TAIL = """
import resource
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def table(count: int, groups: int) -> pd.DataFrame:
    """Runs of a Chinchilla law, noise 0.5%, over groups of architectures and three context lengths."""
    rng = np.random.default_rng(0)
    params = np.exp(rng.uniform(np.log(1e7), np.log(3e9), count))
    tokens = params * np.exp(rng.uniform(np.log(5), np.log(200), count))
    loss = 1.7 + 400 * params**-0.34 + 1100 * tokens**-0.31
    group = np.arange(count) % groups
    return pd.DataFrame(
        {
            "architecture": [f"architecture-{g // 3}" for g in group],
            "context_length": np.array([2048, 8192, 16384])[group % 3],
            "params": params.round(),
            "tokens": tokens.round(),
            "loss": loss * np.exp(0.005 * rng.standard_normal(count)),
        }
    )


def rows(count: int) -> pd.DataFrame:
    """Planned runs."""
    return table(count, 6).drop(columns="loss")


def prepared(kind: str, folder: Path) -> Path:
    """The file of a case, made where it is not there."""
    path = folder / f"{kind.replace(' ', '-')}.{'nc' if kind == 'fit' else 'csv'}"
    if path.exists():
        return path
    if kind == "fit":
        import bayes_scaling as bs

        bs.fit(table(300, 6), progress=False).save(path)
    else:
        word, number = kind.split()
        count = int(number)
        made = table(count, 2) if word == "many" else table(10 * count, count)
        made.to_csv(path, index=False)
    return path


def measured(code: str, path: Path, seconds: float) -> tuple[str, str]:
    """Seconds and peak memory of a case in words."""
    before = time.perf_counter()
    command = [sys.executable, "-c", HEAD + code + TAIL, str(path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, cwd=Path(__file__).parents[1], **pipes)
    try:
        printed, error = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return f"not done in {seconds:.0f} s", ""
    spent = time.perf_counter() - before
    if process.returncode:
        last = error.decode().strip().splitlines()[-1]
        return f"failed: {last[:80]}", ""
    peak = float(printed.split()[-1]) / 1e6
    return f"{spent:.1f} s", f"{peak:.1f} GB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=float, default=600)
    arguments = parser.parse_args()
    print("| what | time | peak |\n|:--|--:|--:|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, (kind, code) in CASES.items():
            if arguments.only and not any(part in name for part in arguments.only.split(",")):
                continue
            spent, peak = measured(code, prepared(kind, Path(folder)), arguments.seconds)
            print(f"| {name} | {spent} | {peak} |", flush=True)


if __name__ == "__main__":
    main()
