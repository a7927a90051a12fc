"""Train the planned runs in processes of one core each; what is finished is kept, whatever happens."""

from __future__ import annotations

import multiprocessing
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

from bayes_scaling.bench.host_backend import cpu_field
from bayes_scaling.errors import SweepError
from bayes_scaling.files.locking import only_writer
from bayes_scaling.sweep.planning import run_flops
from bayes_scaling.sweep.protocol import load_protocol, shape_of
from bayes_scaling.sweep.results import append_row, result_row, resume_results
from bayes_scaling.sweep.specs import RunSpec
from bayes_scaling.sweep.training.corpus import Corpus, load_corpus

ONE_CORE = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def run_sweep(
    specs: Sequence[RunSpec],
    output: str | Path,
    workers: int | None = None,
    note: Callable[[str], None] = lambda line: None,
) -> int:
    """Train the runs that the file does not hold yet and add a row for each as it ends.

    Parameters
    ----------
    specs : sequence of RunSpec
        See `bayes_scaling.sweep.planned_runs`.
    output : str or Path
        A CSV; made where there is none, gone on with where there is one.
    workers : int, optional
        Processes; default one a core.
    note : callable
        Takes a line for every finished run.

    Returns
    -------
    int
        How many runs were trained.

    Raises
    ------
    SweepError
        The file is of another kind or protocol, or in use; optax is missing; the corpus cannot be fetched; a
        process died (rows already written stay: call again to go on).

    Examples
    --------
    >>> run_sweep(planned_runs("fitted"), "runs.csv", note=print)  # doctest: +SKIP
    """
    path = Path(output)
    path.parent.mkdir(parents=True, exist_ok=True)
    with only_writer(path, error=SweepError):
        done = resume_results(path)
        left = sorted((spec for spec in specs if spec.run_id not in done), key=run_flops, reverse=True)
        if not left:
            return 0
        _require_optax()
        load_corpus()  # fetched once, before processes ask for it
        for number, row in enumerate(_rows(left, workers or os.cpu_count() or 1), start=1):
            append_row(path, row)
            result = f"loss {float(row['loss']):.4f}, {float(row['training_s']):.0f} s, {row['status']}"
            note(f"{number}/{len(left)} {row['run_id']}: {result}")
        return len(left)


def _require_optax() -> None:
    if find_spec("optax") is None:
        raise SweepError("training needs optax. Remedy: pip install 'bayes-scaling[sweep]'.")


def train_row(spec: RunSpec) -> dict[str, Any]:
    """Train one run in this process and give its row."""
    from bayes_scaling.sweep.training.train import train

    trained = train(spec, shape_of(spec.architecture, spec.shape), load_protocol(), _corpus())
    return result_row(spec, trained, machine())


@cache
def _corpus() -> Corpus:
    """Read and checked once a process, not for every run."""
    return load_corpus()


def machine() -> str:
    """The processor's name, and that a run has one core of it."""
    return f"one core of {cpu_field('model name') or platform.processor() or platform.machine()}"


def _rows(specs: Sequence[RunSpec], workers: int) -> Iterator[dict[str, Any]]:
    """Rows as they come."""
    context = multiprocessing.get_context("spawn")
    cores = context.Queue()
    for number in range(workers):
        cores.put(number)
    pool = ProcessPoolExecutor(min(workers, len(specs)), context, _take_core, (cores,))
    try:
        for future in as_completed([pool.submit(train_row, spec) for spec in specs]):
            yield future.result()
    except BrokenProcessPool:
        raise SweepError("a training process died (killed, or out of memory); finished runs are in the file. "
                         "Remedy: run the command again, perhaps with fewer workers.") from None  # fmt: skip
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _take_core(cores: Any) -> None:
    """Keep this process to a core of its own, before JAX is imported, and let it end with its parent."""
    Thread(target=_follow_parent, daemon=True).start()
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {ONE_CORE}".strip()
    os.environ["JAX_PLATFORMS"] = "cpu"
    if hasattr(os, "sched_setaffinity"):
        usable = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {usable[cores.get() % len(usable)]})


def _follow_parent() -> None:
    """End when the sweep was killed: nobody would write what this process trains."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
