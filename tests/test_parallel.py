"""Where independent fits run."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

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


WORK = """
import math
import bayes_scaling as bs
from bayes_scaling.parallel import workers

print("the script runs")

def mine(value):
    return value + 1

def main(call):
    try:
        with workers(None) as pool:
            print(list(pool.map(call, [4.0, 9.0])))
    except bs.BayesScalingError as error:
        print("refused:", error)
"""
GUARDED = '\nif __name__ == "__main__":\n    '


def _output(tmp_path, text: str, by_file: bool = True) -> str:
    """What a script prints, which must not speak of a traceback."""
    script = tmp_path / "script.py"
    script.write_text(text)
    command = [sys.executable, str(script) if by_file else "-"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    with script.open() as file:
        done = subprocess.run(
            command, capture_output=True, text=True, stdin=file, env=environment, cwd=tmp_path, check=True
        )
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.mark.parametrize("by_file", [True, False], ids=["file", "standard input"])
def test_a_script_without_a_guard_works_and_runs_once(tmp_path, by_file) -> None:
    shown = _output(tmp_path, WORK + "main(math.sqrt)\n", by_file)
    assert shown.splitlines() == ["the script runs", "[2.0, 3.0]"]


def test_functions_of_a_script_without_a_guard_are_refused(tmp_path) -> None:
    shown = _output(tmp_path, WORK + "main(mine)\n")
    assert shown.splitlines().count("the script runs") == 1
    assert "refused: the script hands over functions" in shown and "if __name__" in shown


def test_functions_of_a_guarded_script_work(tmp_path) -> None:
    """The negative control: here the new processes read the script, as Python does it."""
    shown = _output(tmp_path, WORK + GUARDED + "main(mine)\n")
    assert "[5.0, 10.0]" in shown and "refused" not in shown


def test_a_process_that_ends_is_an_error_of_the_package(tmp_path) -> None:
    text = WORK.replace("math.sqrt", "os._exit").replace("import math", "import os") + "main(os._exit)\n"
    assert "refused: a process of our own ended by itself" in _output(
        tmp_path, text.replace("[4.0, 9.0]", "[1, 1]")
    )
