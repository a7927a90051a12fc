"""How often the default fit passes its convergence gate: one row a fit, over tables easy and hard.

    python benchmarks/convergence.py KEPT [--tables measured,xlstm] [--backends numpyro,pymc] [--seeds 8]
        [--page docs/convergence.md] [--workers 2]

Rows are kept in the file KEPT (CSV) as they come; what is there is not fitted again. The public tables are
read from the folder BAYES_SCALING_REFERENCE_DATA, or ../shared/data beside the clone, the hard cases from
cases/ beside that folder; a table that is not there is left out with a word. Fits run in processes of their
own, and compiled code is kept, so that the first fit of a table takes longer than the others.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[1]
FOLDER = Path(os.environ.get("BAYES_SCALING_REFERENCE_DATA") or ROOT.parent / "shared" / "data")
CASES = FOLDER.parent / "cases"
TRUTH = {"E": 1.75, "A": 420.0, "B": 1400.0, "alpha": 0.34, "beta": 0.32, "gamma": 1.0}
SPREAD = {"E": 0.02, "A": 0.05, "B": 0.05}  # standard deviations between groups, of logs
NOISE = 0.003
MANY, FEW = 20, 8  # seeds of the table that ships, and of every other
KEYS = ["table", "backend", "seed"]


def main() -> None:
    arguments = _arguments()
    kept = _kept(arguments.kept)
    wanted = list(_wanted(arguments))
    missing = [key for key in wanted if key not in set(map(tuple, kept[KEYS].to_numpy()))]
    print(f"{len(wanted)} fits wanted, {len(missing)} of them to do", file=sys.stderr)
    for row in _rows(missing, arguments.workers):
        kept = pd.concat([kept, pd.DataFrame([row])], ignore_index=True)
        kept.to_csv(arguments.kept, index=False)
        print({name: row[name] for name in (*KEYS, "passed", "r_hat", "ess", "cpu_s")}, flush=True)
    text = page(kept)
    print(text)
    if arguments.page:
        arguments.page.write_text(text, encoding="utf-8")


def tables() -> dict[str, tuple[Callable[[], Any], dict[str, Any]]]:
    """By name: what reads or makes the table, and the options of its fit."""
    chinchilla, skewed = {"law": "chinchilla"}, {"errors": "skewed"}
    return {
        "measured": (lambda: "measured", {}),
        "xlstm": (lambda: FOLDER / "xlstm_runs.csv", {}),
        "gadre": (_gadre, {}),
        "marin": (_marin, {}),
        "epoch": (_epoch, {}),
        "15 runs": (lambda: simulated(1, 1, 15), {}),
        "40 runs": (lambda: simulated(1, 1, 40), {}),
        "8 x 2 groups of 12": (lambda: simulated(8, 2, 12), {}),
        "30 groups of 10": (lambda: simulated(30, 1, 10), {}),
        "20 x 3 groups of 8": (lambda: simulated(20, 3, 8), {}),
        "groups of one run": (lambda: CASES / "f07_one_run_groups.csv", {}),
        "one ratio": (lambda: CASES / "f08_one_ratio.csv", {}),
        "one ratio by chinchilla": (lambda: CASES / "f08_one_ratio.csv", chinchilla),
        "420 runs by skewed errors": (lambda: CASES / "f04_lr_bs_sweep.csv", skewed),
    }


def simulated(architectures: int, contexts: int, runs: int, seed: int = 0) -> pd.DataFrame:
    """Runs of groups that differ a little, over two decades of compute."""
    from bayes_scaling.laws.law import GAMMA_LAW

    rng = np.random.default_rng([seed, architectures, contexts, runs])
    compute = np.geomspace(3e18, 3e20, runs)
    frames = []
    for architecture in range(architectures):
        for context in range(contexts):
            own = {name: TRUTH[name] * np.exp(sd * rng.standard_normal()) for name, sd in SPREAD.items()}
            params = np.sqrt(compute / 120) * np.exp(rng.uniform(-1.3, 1.3, runs))
            tokens = compute / 6 / params
            loss = GAMMA_LAW.loss(np, params, tokens, TRUTH | own)
            frame = pd.DataFrame({"params": params, "tokens": tokens, "flops": compute})
            frame["loss"] = loss * np.exp(NOISE * rng.standard_t(6, runs))
            frame["architecture"] = f"arch{architecture:02d}"
            frame["context_length"] = 2048 * 4**context
            frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _gadre() -> pd.DataFrame:
    frame = pd.read_csv(FOLDER / "gadre.csv")
    return frame.assign(architecture=frame["train_set"])


def _marin() -> pd.DataFrame:
    frame = pd.read_csv(FOLDER / "marin_isoflops.csv")
    frame = frame[~frame["outlier"].astype(bool)]
    return frame.assign(architecture=frame["dataset"])


def _epoch() -> pd.DataFrame:
    frame = pd.read_csv(FOLDER / "epoch_chinchilla.csv")
    return frame[~frame["excluded_by_epoch"].astype(bool)]


def _wanted(arguments: argparse.Namespace) -> Iterator[tuple[str, str, int]]:
    names = arguments.tables.split(",") if arguments.tables else list(tables())
    for name in names:
        source = tables()[name][0]
        try:
            found = source()
        except FileNotFoundError:
            found = None
        if found is None or (isinstance(found, Path) and not found.is_file()):
            print(f"{name} is left out: its file is not in {FOLDER.parent}", file=sys.stderr)
            continue
        seeds = arguments.seeds or (MANY if name == "measured" else FEW)
        for backend in arguments.backends.split(","):
            yield from ((name, backend, s) for s in range(seeds if backend == "numpyro" else seeds // 2))


def _rows(keys: list[tuple[str, str, int]], workers: int) -> Iterator[dict[str, Any]]:
    if workers == 1:
        yield from (fitted(*key) for key in keys)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for future in as_completed([pool.submit(fitted, *key) for key in keys]):
            yield future.result()


def fitted(table: str, backend: str, seed: int) -> dict[str, Any]:
    """One fit in figures."""
    import bayes_scaling as bs
    from bayes_scaling.posterior.criteria import convergence, sampler

    source, options = tables()[table]
    warnings.simplefilter("ignore")
    runs = bs.load_runs(source())
    begin, cpu = time.perf_counter(), time.process_time()
    fit = bs.fit(runs, backend=backend, seed=seed, progress=False, **options)
    spent = {"wall_s": time.perf_counter() - begin, "cpu_s": time.process_time() - cpu}
    account = json.loads(fit.idata.attrs["sampling"])
    gate = {row.name: row for row in (*convergence(fit), *sampler(fit))}
    ess = min(gate["ess_bulk"].value, gate["ess_tail"].value)
    steps = float(fit.idata["sample_stats"]["n_steps"].mean())
    return {
        "table": table,
        "backend": backend,
        "seed": seed,
        "passed": all(row.status != "FAIL" for row in gate.values()),
        "r_hat": gate["r_hat"].value,
        "ess": ess,
        "ess_bulk": gate["ess_bulk"].value,
        "divergences": gate["divergences"].value,
        "e_bfmi": gate["e_bfmi"].value,
        "worst": gate["r_hat"].advice,
        "steps": steps,
        "rounds": account["rounds"],
        "restarts": account["restarts"],
        "draws": account["draws"],
        **spent,
        "sampling_s": account["seconds"],
    }


def page(kept: pd.DataFrame) -> str:
    """The rows as a page: one line a table and back end."""
    lines = [
        "# Does the default fit converge?",
        "",
        "Made by `python benchmarks/convergence.py`: the default fit of tables easy and hard, one seed after",
        "the other. It passes where R-hat is at most 1.01, bulk and tail effective sample sizes are at least",
        "400, no transition diverged and E-BFMI is at least 0.3, for every quantity of the summary. ESS/s is",
        "the smallest bulk ESS over the seconds from the first pilot to the last round, one core a fit.",
        "CPU seconds are of the whole fit; the first of a table compiles. Columns give the median and, in",
        "brackets, the worst.",
        "",
        f"**{int(kept['passed'].sum())} of {len(kept)} fits pass.**",
        "",
        _summary(kept).to_markdown(index=False),
        "",
    ]
    failed = kept[~kept["passed"].astype(bool)]
    if len(failed):
        columns = ["table", "backend", "seed", "r_hat", "ess", "divergences", "e_bfmi", "worst"]
        lines += ["Those that fail:", "", failed[columns].to_markdown(index=False, floatfmt=".4g"), ""]
    return "\n".join(lines)


def _summary(kept: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for (table, backend), part in kept.groupby(["table", "backend"], sort=False):
        rate = part["ess_bulk"] / part["sampling_s"]
        rows.append(
            {
                "table": table,
                "back end": backend,
                "pass": f"{int(part['passed'].sum())} of {len(part)}",
                "CPU s": f"{part['cpu_s'].median():.1f} ({part['cpu_s'].max():.1f})",
                "rounds": f"{part['rounds'].median():.0f} ({part['rounds'].max()})",
                "restarts": int(part["restarts"].max()),
                "draws a chain": f"{part['draws'].median():.0f} ({part['draws'].max()})",
                "steps a draw": f"{part['steps'].median():.0f} ({part['steps'].max():.0f})",
                "min ESS": f"{part['ess'].median():.0f} ({part['ess'].min():.0f})",
                "R-hat": f"{part['r_hat'].median():.4f} ({part['r_hat'].max():.4f})",
                "ESS/s": f"{rate.median():.0f} ({rate.min():.0f})",
            }
        )
    return pd.DataFrame(rows)


def _kept(path: Path) -> pd.DataFrame:
    return pd.read_csv(path) if path.is_file() else pd.DataFrame(columns=KEYS)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kept", type=Path)
    parser.add_argument("--tables", help="names, with commas between them; all by default")
    parser.add_argument("--backends", default="numpyro,pymc")
    parser.add_argument("--seeds", type=int, help="of NumPyro; PyMC has half as many")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--page", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
