"""Every notebook runs from its first cell to its last, with few draws, and is an article."""

from __future__ import annotations

import ast
import re
from functools import partial
from pathlib import Path
from typing import Any

import jupytext
import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

import bayes_scaling as bs
from bayes_scaling.plots import Picture
from tests.helpers.fits import small_fit

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.py"))

pytestmark = pytest.mark.filterwarnings(
    "ignore::bayes_scaling.errors.ConvergenceWarning",  # few draws on purpose
    "ignore::bayes_scaling.errors.RunsWarning",
)


def cells(path: Path, kind: str) -> list[str]:
    return [cell["source"] for cell in jupytext.read(path)["cells"] if cell["cell_type"] == kind]


def execute(sources: list[str]) -> list[Any]:
    """Run cells one after another as a notebook does; what their last lines show."""
    names: dict[str, Any] = {"__name__": "__main__"}
    shown = []
    for number, source in enumerate(sources):
        tree = ast.parse(source, f"cell {number}")
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, f"cell {number}", "exec"), names)
        if isinstance(last, ast.Expr):
            shown.append(eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names))
    return shown


QUICK = {"draws": 120, "tune": 150, "chains": 2, "max_draws": 120}


def make_quick(monkeypatch) -> None:
    """Few draws and few resamples, which a reader does not see in the text."""
    monkeypatch.setattr(bs, "fit", partial(bs.fit, **QUICK))
    monkeypatch.setattr(bs.latency, "fit_latency", partial(bs.latency.fit_latency, **QUICK))
    for name in ("isoflop_fit", "huber_fit"):
        whole = getattr(bs.classical, name)
        monkeypatch.setattr(bs.classical, name, partial(few_resamples, whole))


def few_resamples(whole: Any, runs: Any, resamples: int) -> Any:
    return whole(runs, resamples=min(resamples, 20))


def test_there_are_at_most_four():
    assert len(NOTEBOOKS) == 4
    assert [path.name[:2] for path in NOTEBOOKS] == [f"{i:02d}" for i in range(1, len(NOTEBOOKS) + 1)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    make_quick(monkeypatch)
    if not path.name.startswith("01"):
        small_fit().save("large.nc" if path.name.startswith("04") else "fit.nc")
    shown = execute(cells(path, "code"))
    figures = [value for value in shown if isinstance(value, Figure)]
    assert len(figures) >= 3
    for figure in figures:
        assert isinstance(figure, Picture)  # which Jupyter shows without pyplot
        figure.draw_without_rendering()
    assert not plt.get_fignums()  # else the end of a cell shows it again


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_an_article(path):
    text = "\n".join(cells(path, "markdown"))
    titles = re.findall(r"^(#+) (.*)$", text, re.MULTILINE)
    assert [title for mark, title in titles if mark == "#"] == [titles[0][1]]
    assert titles[-1] == ("##", "Exercises")
    assert len(re.findall(r"^\d\. ", text.split("## Exercises")[1], re.MULTILINE)) >= 3
    assert len(text.split()) > 250


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_has_no_scaffolding(path):
    for word in ("environ", "SHORT", "filterwarnings"):
        assert word not in path.read_text()


def test_a_broken_cell_is_seen():
    assert execute(["x = 1", "x + 1"]) == [2]
    with pytest.raises(NameError):
        execute(["x = 1", "y"])
