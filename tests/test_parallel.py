"""Where independent fits run."""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.parallel import workers


def test_a_forked_pool_after_jax_is_refused(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "jax", object())
    fork = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork"))
    with pytest.raises(BayesScalingError, match="mp_context=multiprocessing.get_context"), workers(fork):
        pass
    fork.shutdown()


def test_other_pools_and_a_fork_before_jax_are_not(monkeypatch) -> None:
    """The negative control."""
    monkeypatch.setitem(sys.modules, "jax", object())
    spawn = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
    for executor in (spawn, ThreadPoolExecutor(1)):
        with workers(executor) as given:
            assert given is executor
        executor.shutdown()
    monkeypatch.delitem(sys.modules, "jax")
    fork = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork"))
    with workers(fork) as given:
        assert given is fork
    fork.shutdown()
