"""Where independent fits run: processes of our own, or whatever executor the user hands over.

Processes of our own import the package alone. Python would also run the user's script in each of them, which
is well only where the script guards what it runs by ``if __name__ == "__main__":``.
"""

from __future__ import annotations

import ast
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.reduction import ForkingPickler
from types import FrameType, ModuleType
from typing import Any

from bayes_scaling.errors import BayesScalingError

MAIN = "__main__"
GUARD = 'put what the script runs under `if __name__ == "__main__":`'


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
        A process of our own ended by itself; or a script that does not guard what it runs hands over
        functions of its own, which such a process cannot find.
    """
    if executor is not None:
        _require_no_fork(executor)
        yield executor
        return
    count = max((os.cpu_count() or 1) // cores_each, 1)
    unguarded = _unguarded()
    context = _AloneContext() if unguarded else multiprocessing.get_context("spawn")
    kind = _AlonePool if unguarded else ProcessPoolExecutor
    try:
        with kind(count, mp_context=context) as own:
            yield own
    except BrokenProcessPool as error:
        raise BayesScalingError(
            f"a process of our own ended by itself. Remedy: {GUARD}; if it is there, memory may have run "
            "out: give an executor of fewer processes"
        ) from error


class _AloneProcess(SpawnProcess):
    """A new process that does not run the script of this one."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802, the name that multiprocessing calls
        with _main_hidden():
            return SpawnProcess._Popen(process_obj)


class _AloneContext(SpawnContext):
    """Spawned processes that do not run the script of this one."""

    Process = _AloneProcess


class _AlonePool(ProcessPoolExecutor):
    """Processes that know nothing of the script: work that refers to it is refused before it is sent."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As the executor's own."""
        if MAIN.encode() in bytes(ForkingPickler.dumps((fn, args, kwargs))):
            raise BayesScalingError(
                f"the script hands over functions or classes of its own to other processes. Remedy: {GUARD}, "
                "or define them in a module"
            )
        return super().submit(fn, *args, **kwargs)


@contextmanager
def _main_hidden() -> Iterator[None]:
    """While a process is started, nothing tells it which script to run."""
    main = sys.modules[MAIN]
    sys.modules[MAIN] = ModuleType(MAIN)
    try:
        yield
    finally:
        sys.modules[MAIN] = main


def _unguarded() -> bool:
    """Whether the script is at work outside of its guard, so that a new process would do it all again."""
    frame = _script_frame()
    if frame is None:
        return False
    try:
        with open(frame.f_code.co_filename, encoding="utf-8") as file:
            statements = ast.parse(file.read()).body
    except (OSError, SyntaxError, ValueError):  # standard input, or no file: there is nothing to run again
        return True
    line = frame.f_lineno
    running = [one for one in statements if one.lineno <= line <= (one.end_lineno or one.lineno)]
    return not any(isinstance(one, ast.If) and "__name__" in ast.dump(one.test) for one in running)


def _script_frame() -> FrameType | None:
    """The frame of the main module that led here, if one did."""
    names = vars(sys.modules[MAIN])
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_globals is names and frame.f_code.co_name == "<module>":
            return frame
        frame = frame.f_back
    return None


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
