"""Every public name has an example in its docstring, and the examples run."""

from __future__ import annotations

import doctest
import inspect

import numpy as np
import pytest

import bayes_scaling as bs
from tests.helpers.examples import example_fit, example_latency, laplace, latency_laplace, write_files
from tests.helpers.public import PUBLIC, public_object

NAMES = sorted(set(PUBLIC) - {"laws.LAWS"})  # a mapping has no docstring of its own
ELSEWHERE = {  # examples that are shown and not run here
    "data.fetch": "needs a network",
    "sweep.run_sweep": "trains for an hour; has tests of its own",
    "best_epochs": "needs a fit of runs that repeat; has tests of its own",
    "preregister": "needs a fit that passed its checks; has tests of its own",
    "sweep.preregister_sweep": "needs runs that nobody has trained; has tests of its own",
    "data.import_xlstm_study": "needs a clone of the study",
    "data.import_mlflow": "needs MLflow; has tests of its own",
    "data.import_trackio": "needs trackio; has tests of its own",
    "data.import_wandb_project": "needs a Weights & Biases project; has tests of its own",
    "write_report": "draws for ten seconds; tests of the page write some",
    "sbc": "compiles a sampler; run by the page about clusters",
    "save_figures": "draws for half a minute; has a test of its own",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("examples")
    write_files(found)
    return found


def examples(name):
    found = doctest.DocTestFinder(recurse=False).find(public_object(name), name)
    return [test for test in found if test.examples]


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_has_an_example(name):
    assert inspect.getdoc(public_object(name))
    (test,) = examples(name)
    skipped = [example.options.get(doctest.SKIP, False) for example in test.examples]
    assert all(skipped) if name in ELSEWHERE else not any(skipped)


@pytest.mark.filterwarnings("ignore::bayes_scaling.errors.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::bayes_scaling.errors.RunsWarning")
@pytest.mark.filterwarnings("ignore::bayes_scaling.errors.TimingsWarning")
@pytest.mark.filterwarnings("ignore::UserWarning:arviz_stats")
@pytest.mark.parametrize("name", [name for name in NAMES if name not in ELSEWHERE])
def test_examples_run(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr("bayes_scaling.posterior.fitting._sample", laplace)
    monkeypatch.setattr("bayes_scaling.latency.fitting._sampled_parts", latency_laplace)
    names = {"bs": bs, "np": np, "fit": example_fit(), "latency_fit": example_latency()}
    names |= {"other": example_fit("chinchilla")} if name == "stack" else {}
    (test,) = examples(name)
    own = vars(inspect.getmodule(public_object(name)))
    test.globs = {**own, **names}
    failed: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=failed.append)
    assert not failed, "".join(failed)


def test_a_wrong_example_is_seen():
    wrong = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    failed: list[str] = []
    doctest.DocTestRunner().run(wrong, out=failed.append)
    assert failed
