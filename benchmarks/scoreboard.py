"""A scoreboard: the package's laws beside point fits on the tasks of public benchmarks of scaling laws.

    python benchmarks/scoreboard.py FOLDER [--output FILE]
    python benchmarks/scoreboard.py --public FOLDER [--test-share 0.2]
    python benchmarks/scoreboard.py --table RUNS.csv --law overfitting

FOLDER holds a folder a task with ``train-*.parquet`` and ``test-*.parquet``, as SLDBench (arXiv:2507.21184,
Hugging Face pkuHaowei/sldbench) and ScaleBench (arXiv:2604.22753, Hugging Face sijieli/scalebench) do;
`benchmarks.scoreboard_tasks` has the columns of each task and where they are known from. ``--public`` reads
xlstm_runs.csv, epoch_chinchilla.csv, gadre.csv and marin_isoflops.csv, and ``--table`` any table that
`load_runs` reads: there the runs of the most compute are the test split.

A row a task and forecaster: the law of the package with drift (predictive draws), least squares of the
published form (points), `classical.huber_fit` with bootstrap where it knows the law, and the package
simple-scaling-laws where it is installed and the law is one of N and D. R2 and NMAE are SLDBench's, over all
test runs at once: 1 - MSE / variance, and MAE over the mean absolute deviation. The CRPS of a point is its
MAE. A task that no law expresses stands below the table with the reason.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.calibration import forecasters
from bayes_scaling.calibration.forecasters import Settings
from bayes_scaling.calibration.scores import score
from bayes_scaling.calibration.splits import chosen_runs, make_splits
from bayes_scaling.classical.huber import LAWS as HUBER_LAWS
from bayes_scaling.errors import BayesScalingError, RunsError

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that the file runs as a script too

from benchmarks.scoreboard_forms import CHINCHILLA, Form, least_squares_forecast
from benchmarks.scoreboard_tasks import TASKS, Task, task_of
from benchmarks.simple_scaling_laws_forecast import available, simple_scaling_laws_forecast
from benchmarks.try_discrepancies import load

PUBLIC = ("xlstm", "epoch", "gadre", "marin")
GROUP = ("architecture", "context_length")
SCORES = ("R2", "NMAE", "CRPS", "in 50%", "in 90%", "90% width")
FORMATS = dict(
    zip((*SCORES, "s"), ("{:.3f}", "{:.3f}", "{:.4f}", "{:.0%}", "{:.0%}", "{:.4f}", "{:.1f}"), strict=True)
)


@dataclass(frozen=True)
class Question:
    """Runs to fit, runs to predict, and by what."""

    name: str
    law: str
    form: Form
    past: bs.Runs
    future: bs.Runs


def questions(folder: Path) -> Iterator[Question | str]:
    """Each task of a folder, or a line that tells why the package does not answer it.

    Raises
    ------
    RunsError
        No task in the folder, a split without files, or a column that is missing.
    """
    places = sorted(place for place in folder.iterdir() if place.is_dir() and any(place.glob("*.parquet")))
    if not places:
        raise RunsError(
            f"{folder}: no folder in it holds parquet files. Remedy: give the folder with one folder a task, "
            f"such as {TASKS[0].name}/train-00000-of-00001.parquet."
        )
    for place in places:
        task = task_of(place.name)
        if task.law is None or task.form is None:
            yield f"{place.name}: {task.reason}"
        elif task.law not in bs.laws.LAWS:
            yield f"{place.name}: law {task.law!r} is not known in this version"
        else:
            past, future = (_split(place, task, name) for name in ("train", "test"))
            yield Question(place.name, task.law, task.form, past, future)


def _split(place: Path, task: Task, name: str) -> bs.Runs:
    files = sorted(place.glob(f"{name}*.parquet"))
    if not files:
        raise RunsError(
            f"{place}: no {name}*.parquet. Remedy: a file of each split, {name}-00000-of-00001.parquet."
        )
    table = pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
    return task.runs(table, ", ".join(str(file) for file in files))


def of_table(name: str, runs: bs.Runs, law: str, test_share: float) -> Question:
    """The runs of the most compute are to be predicted; `make_splits` keeps the runs of a budget together.

    Raises
    ------
    RunsError
        A share that is not between 0 and 1, or that leaves no run on one side.
    """
    if not 0 < test_share < 1:
        raise RunsError(f"test share {test_share:g}: give one between 0 and 1, such as 0.2")
    cut = float(np.quantile(runs.frame["flops"].to_numpy(dtype=float), 1 - test_share))
    split = make_splits(runs, "compute", [cut])[0]
    past = chosen_runs(runs, split.fitted)
    return Question(name, law, CHINCHILLA, past, chosen_runs(runs, split.predicted))


def rows(question: Question, settings: Settings) -> Iterator[dict[str, Any]]:
    """A row for each forecaster: scores of the test runs that it predicts."""
    past = question.past
    future = question.future
    start = time.perf_counter()
    draws, converged = forecasters.posterior(past, future, settings)
    about = {"task": question.name, "fitted": len(past), "converged": converged}
    yield about | {"forecast by": f"`{question.law}`"} | _scored(draws, future, start)
    start = time.perf_counter()
    points = least_squares_forecast(question.form, past.frame, future.frame, GROUP, settings.seed)
    about |= {"converged": True}
    yield (
        about | {"forecast by": f"least squares, {question.form.name}"} | _scored(points[None], future, start)
    )
    if question.law in HUBER_LAWS:
        start = time.perf_counter()
        draws, _ = forecasters.huber(past, future, settings)
        yield about | {"forecast by": f"Huber fit, {question.law}"} | _scored(draws, future, start)
    if available() and not bs.laws.LAWS[question.law].columns:
        start = time.perf_counter()
        draws = simple_scaling_laws_forecast(past.frame, future.frame, GROUP, settings.seed)
        yield about | {"forecast by": "simple-scaling-laws"} | _scored(draws, future, start)


def _scored(draws: np.ndarray, future: bs.Runs, start: float) -> dict[str, Any]:
    """Scores of draws (draw, run), one draw for a point, on the runs that have a forecast."""
    seconds = time.perf_counter() - start
    known = np.isfinite(draws).all(axis=0)
    loss = future.frame["loss"].to_numpy(dtype=float)
    row = {"predicted": f"{known.sum()} of {len(loss)}"} | dict.fromkeys(SCORES, np.nan)
    if known.any():
        row |= point_scores(np.median(draws[:, known], axis=0), loss[known])
        row |= _interval_scores(draws[:, known], loss[known])
    return row | {"s": seconds}


def point_scores(predicted: np.ndarray, loss: np.ndarray) -> dict[str, float]:
    """R2 and NMAE (run,), NaN where the losses are all one."""
    error = predicted - loss
    around = loss - loss.mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = 1 - np.square(error).sum() / np.square(around).sum()
        nmae = np.abs(error).sum() / np.abs(around).sum()
    return {"R2": float(r2), "NMAE": float(nmae)}


def _interval_scores(draws: np.ndarray, loss: np.ndarray) -> dict[str, float]:
    if len(draws) == 1:
        return {"CRPS": float(np.abs(draws[0] - loss).mean())}
    found = score(draws, loss)
    return {
        "CRPS": float(found["crps"].mean()),
        "in 50%": float(found["in_50"].mean()),
        "in 90%": float(found["in_90"].mean()),
        "90% width": float(np.median(found["width_90"])),
    }


def report(found: list[dict[str, Any]], left: list[str]) -> str:
    """The table, what did not converge, and the tasks that no law expresses."""
    parts = []
    if found:
        table = pd.DataFrame(found)
        stopped = table.loc[~table.pop("converged"), "task"]
        for name, shown in FORMATS.items():
            table[name] = ["" if np.isnan(value) else shown.format(value) for value in table[name]]
        align = ["left" if name in ("task", "forecast by") else "right" for name in table]
        parts += [str(table.to_markdown(index=False, colalign=align, disable_numparse=True))]
        parts += [f"Chains that did not pass the convergence gate: {', '.join(stopped) or 'none'}."]
    if left:
        parts += ["Not expressed:", "\n".join(f"- {line}" for line in left)]
    return "\n\n".join(parts) + "\n"


def asked(arguments: argparse.Namespace) -> Iterator[Question | str]:
    """The questions of the command line."""
    if arguments.folder:
        yield from questions(arguments.folder)
    tables = [(name, arguments.public) for name in PUBLIC] if arguments.public else []
    for name, folder in tables:
        yield of_table(name, load(folder, name), arguments.law, arguments.test_share)
    for file in arguments.table:
        yield of_table(file.stem, bs.load_runs(file), arguments.law, arguments.test_share)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--public", type=Path, help="folder of the four public tables")
    parser.add_argument("--table", type=Path, action="append", default=[], help="a table of runs; may repeat")
    parser.add_argument("--law", default="gamma", choices=list(bs.laws.LAWS), help="of tables")
    parser.add_argument("--test-share", type=float, default=0.2, help="of a table's runs")
    parser.add_argument("--chains", type=int, default=4)
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    if not (arguments.folder or arguments.public or arguments.table):
        parser.error("give a folder of tasks, --public or --table")
    found: list[dict[str, Any]] = []
    left: list[str] = []
    try:
        for question in list(asked(arguments)):  # what cannot be read is told before the first fit
            if isinstance(question, str):
                left.append(question)
                continue
            print(f"{question.name}: {len(question.past)} runs are fitted", file=sys.stderr, flush=True)
            spec = bs.ModelSpec(law=question.law)
            sampling = {name: getattr(arguments, name) for name in ("draws", "chains", "seed")}
            found += rows(question, Settings(spec, **sampling))
    except (BayesScalingError, OSError) as error:
        parser.error(str(error))
    text = report(found, left)
    print(text)
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
