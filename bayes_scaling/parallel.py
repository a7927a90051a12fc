"""Where independent fits run: processes of our own, or whatever executor the user hands over."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager

from bayes_scaling.errors import BayesScalingError


@contextmanager
def workers(executor: Executor | None, cores_each: int = 1) -> Iterator[Executor]:
    """The user's executor, left open; or processes, new ones since JAX's threads do not fork.

    Parameters
    ----------
    executor : concurrent.futures.Executor or None
    cores_each : int
        How many cores one of our own processes keeps busy.

    Raises
    ------
    BayesScalingError
        The executor forks this process, in which JAX is loaded: its threads would never answer in the copies.
    """
    if executor is not None:
        _require_no_fork(executor)
        yield executor
        return
    count = max((os.cpu_count() or 1) // cores_each, 1)
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as own:
        yield own


def _require_no_fork(executor: Executor) -> None:
    """Refuse processes that would be copies of one with JAX's threads, without the threads."""
    context = getattr(executor, "_mp_context", None)
    if context is None or not isinstance(executor, ProcessPoolExecutor):
        return
    if context.get_start_method() == "fork" and "jax" in sys.modules:
        raise BayesScalingError(
            "the executor forks a process in which JAX runs, and a fork of it never ends. Remedy: "
            "ProcessPoolExecutor(mp_context=multiprocessing.get_context('spawn'))"
        )
