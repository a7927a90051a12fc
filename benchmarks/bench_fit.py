"""Speed of the joint fit: effective draws per second of both back ends, and of a plain model beside them.

    python benchmarks/bench_fit.py [RUNS] [--output docs/benchmarks.md] [--skip-plain] [--cold]

RUNS defaults to the reference runs (folder BAYES_SCALING_REFERENCE_DATA, or ../shared/data beside the
clone), else to the simulated set. The scoreboard at the end of the page stays.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

import bayes_scaling as bs
from bayes_scaling.models.coefficients import to_user
from bayes_scaling.models.density import log_terms, unpin
from bayes_scaling.models.design import Design, build_design
from bayes_scaling.models.draws import TARGET_ACCEPTANCE, Sampling
from bayes_scaling.models.misfit_precisions import settle
from bayes_scaling.models.plain_pymc import plain_model
from bayes_scaling.models.refit import engine_of
from bayes_scaling.models.rounds import Silence, sample_in_rounds
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.posterior.gate import ConvergenceGate

ROOT = Path(__file__).parents[1]
SEED = 4
SCOREBOARD = "\n## Scoreboard\n"  # which another script made
COLUMNS = {
    "model": "model",
    "law": "law",
    "mode": "mode search, s",
    "compile": "compilation, s",
    "gradient": "gradient, us",
    "step": "core-us a step",
    "sampling": "sampling, s",
    "ess": "min bulk ESS",
    "rate": "ESS/s",
    "r_hat": "R-hat",
    "divergences": "divergences",
    "steps": "steps a draw",
    "draws": "chains x (tune + draws)",
}


SPECS = (ModelSpec(), ModelSpec(discrepancy="none"), ModelSpec("chinchilla", discrepancy="none"))


def main() -> None:
    arguments = _arguments()
    runs = bs.load_runs(arguments.runs or _default_runs())
    rows = []
    for spec in SPECS:
        rows += [_measured("NumPyro", spec, runs), _measured("PyMC (nutpie)", spec, runs)]
        if not arguments.skip_plain and spec.discrepancy == "none":
            rows.append(_plain(spec, runs))
        print(_markdown(rows), flush=True)
    text = _page(runs, rows, _commands(runs, arguments.runs or _default_runs(), arguments.cold))
    print(text)
    if arguments.output:
        page = Path(arguments.output)
        _, mark, rest = (page.read_text() if page.exists() else "").partition(SCOREBOARD)
        page.write_text(text + mark + rest)


def _measured(backend: str, spec: ModelSpec, runs: bs.Runs) -> dict:
    """One back end: the mode, the compilation and the sampling apart."""
    start = time.perf_counter()
    design, whitening = settle(build_design(runs, spec))
    mode = time.perf_counter() - start
    start = time.perf_counter()
    engine = engine_of(design, "numpyro" if backend == "NumPyro" else "pymc")
    compilation = time.perf_counter() - start
    gate = ConvergenceGate(design, runs, SEED)
    target = TARGET_ACCEPTANCE[spec.pooling]
    sampled = sample_in_rounds(engine, whitening, design.size, Sampling(seed=SEED), target, gate, Silence())
    raw = sampled.raw
    user = to_user(unpin(np, sampled.whitening.position(raw.whitened, design)), design)
    law = spec.law if spec.discrepancy == "none" else f"{spec.law} with drift"
    label = {"model": f"{backend}, this package", "law": law, "mode": mode, "compile": compilation}
    steps = raw.stats["n_steps"].sum() * (1 + Sampling().tune / raw.whitened.shape[1])
    busy = sampled.account["seconds"] * min(os.cpu_count() or 1, Sampling().chains)
    timed = {"step": 1e6 * busy / steps, "gradient": np.nan}
    if backend == "NumPyro":
        timed["gradient"] = _jax_gradient(design, sampled.whitening)
    size = f"4 x ({Sampling().tune} + {raw.whitened.shape[1]})"
    return label | timed | _figures(user, raw.stats, sampled.account["seconds"]) | {"draws": size}


def _jax_gradient(design, whitening, count: int = 5000) -> float:
    """Microseconds of one gradient by JAX, on one core."""
    import jax
    import jax.numpy as jnp
    from jax.scipy.special import gammaln

    def minus(point):
        terms = log_terms(jnp, whitening.position(point, design), design, gammaln)
        return -sum(term.sum() for term in terms.values())

    with jax.enable_x64(True):
        walk = jax.jit(lambda x, n: jax.lax.fori_loop(0, n, lambda _, y: y - 1e-9 * jax.grad(minus)(y), x))
        walk(jnp.zeros(design.size), 1).block_until_ready()
        start = time.perf_counter()
        walk(jnp.zeros(design.size), count).block_until_ready()
        return 1e6 * (time.perf_counter() - start) / count


def _plain(spec: ModelSpec, runs: bs.Runs, draws: int = 250, tune: int = 250) -> dict:
    """nutpie, PyMC's default sampler where it is installed, on the textbook form."""
    import nutpie

    start = time.perf_counter()
    compiled = nutpie.compile_pymc_model(plain_model(runs, spec))
    compilation = time.perf_counter() - start
    start = time.perf_counter()
    tree = nutpie.sample(compiled, draws=draws, tune=tune, chains=4, seed=SEED, progress_bar=False)
    sampling = time.perf_counter() - start
    design = build_design(runs, spec)
    user = _of_groups(tree["posterior"]["natural"], design)
    stats = {n: tree["sample_stats"][n].to_numpy() for n in ("diverging", "n_steps")}
    label = {"model": "PyMC default, textbook form", "law": spec.law, "mode": np.nan, "compile": compilation}
    label |= {"gradient": np.nan, "step": np.nan}
    row = label | _figures(user, stats, sampling)
    return row | {"draws": f"4 x ({tune} + {draws})"}


def _of_groups(natural: xr.DataArray, design: Design) -> dict:
    """Each coefficient (chain, draw, group) of the groups that have runs."""
    groups = design.groups
    architecture = xr.DataArray(list(groups.architecture), dims="group")
    context_length = xr.DataArray(list(groups.context_length), dims="group")
    cells = natural.sel(architecture=architecture, context_length=context_length)
    cells = cells.transpose("coefficient", "chain", "draw", "group")
    return {name: cells.sel(coefficient=name).to_numpy() for name in design.hierarchy.names}


def _figures(user: dict, stats: dict, sampling: float) -> dict:
    import arviz_stats as az

    draws = xr.Dataset({n: (("chain", "draw", "group"), v) for n, v in user.items()})
    ess = min(float(v.min()) for v in az.ess(draws).values())
    r_hat = max(float(v.max()) for v in az.rhat(draws).values())
    return {
        "sampling": sampling,
        "ess": ess,
        "rate": ess / sampling,
        "r_hat": r_hat,
        "divergences": int(np.sum(stats["diverging"])),
        "steps": float(np.mean(stats["n_steps"])),
    }


def _commands(runs: bs.Runs, source: str, cold: bool) -> list[dict]:
    """The whole `fit` command in a new process, caches warm and, if asked, cold."""
    rows = []
    for backend in ("numpyro", "pymc"):
        row = {"command": f"fit --backend {backend}"}
        if cold:
            row["cold caches, s"] = _command(source, backend, {})
        with tempfile.TemporaryDirectory() as folder:
            kept = _caches(Path(folder)) if cold else {}
            _command(source, backend, kept)
            row["warm caches, s"] = _command(source, backend, kept)
        rows.append(row)
    return rows


def _caches(folder: Path) -> dict[str, str]:
    return {"PYTENSOR_FLAGS": f"base_compiledir={folder}/pytensor", "XDG_CACHE_HOME": f"{folder}/cache"}


def _command(source: str, backend: str, kept: dict[str, str]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        place = kept or _caches(Path(folder))
        command = [sys.executable, "-m", "bayes_scaling.cli", "fit", str(source), "-o", f"{folder}/fit.nc"]
        start = time.perf_counter()
        subprocess.run(
            [*command, "--backend", backend, "--json"],
            env=os.environ | place,
            check=False,
            capture_output=True,
            cwd=ROOT,
        )
        return time.perf_counter() - start


def _page(runs: bs.Runs, rows: list[dict], commands: list[dict]) -> str:
    packages = ", ".join(f"{n} {version(n)}" for n in ("numpyro", "jax", "pymc", "nutpie", "numba", "numpy"))
    load = ", ".join(f"{x:.2f}" for x in os.getloadavg())
    return "\n".join(
        [
            "# Benchmarks",
            "",
            f"{len(runs)} runs in {len(runs.groups)} groups. Machine: {os.cpu_count()} cores, {_cpu()}, "
            f"Python {platform.python_version()}, {packages}; load at the end {load}.",
            "",
            "Sampling seconds include pilots, warm-up and the gate, not compilation; ESS is the smallest",
            "bulk ESS over all coefficients of all groups. A step's time is that of all cores, with every",
            "overhead; a gradient's is JAX's alone.",
            "Made by `python benchmarks/bench_fit.py --cold --output docs/benchmarks.md`.",
            "",
            _markdown(rows),
            "",
            "The whole command, in a new process, with imports, compilation, checks and saving:",
            "",
            pd.DataFrame(commands).to_markdown(index=False, floatfmt=".1f"),
            "",
        ]
    )


def _markdown(rows: list[dict]) -> str:
    table = pd.DataFrame(rows)[list(COLUMNS)].rename(columns=COLUMNS)
    formats = [
        ".0f" if name in ("min bulk ESS", "divergences") else ".3f" if name == "R-hat" else ".1f"
        for name in table
    ]
    return table.to_markdown(index=False, floatfmt=formats)


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"


def _default_runs() -> str:
    folder = Path(os.environ.get("BAYES_SCALING_REFERENCE_DATA") or ROOT.parent / "shared" / "data")
    path = folder / "xlstm_runs.csv"
    return str(path) if path.is_file() else "simulated"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="?")
    parser.add_argument("--output")
    parser.add_argument("--skip-plain", action="store_true")
    parser.add_argument("--cold", action="store_true", help="also time the commands with empty caches")
    return parser.parse_args()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
