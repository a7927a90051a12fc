"""Where independent fits run: processes of our own, or whatever executor the user hands over."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager


@contextmanager
def workers(executor: Executor | None, cores_each: int = 1) -> Iterator[Executor]:
    """The user's executor, left open; or processes, new ones since JAX's threads do not fork.

    Parameters
    ----------
    executor : concurrent.futures.Executor or None
    cores_each : int
        How many cores one of our own processes keeps busy.
    """
    if executor is not None:
        yield executor
        return
    count = max((os.cpu_count() or 1) // cores_each, 1)
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as own:
        yield own
