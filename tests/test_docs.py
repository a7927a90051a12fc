"""The documentation names everything public, and its site knows every page."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import typer.main

import bayes_scaling
from bayes_scaling.accounting import AccountingError, forget_architecture
from bayes_scaling.calibration.sbc import sbc
from bayes_scaling.cli import app
from bayes_scaling.latency import LatencySettings, prior_fit
from bayes_scaling.laws.law import LAWS, forget_law
from tests.helpers.examples import laplace
from tests.helpers.public import PUBLIC

ROOT = Path(__file__).parents[1]
PAGES = sorted(path.name for path in (ROOT / "docs").glob("*.md"))


def test_reference_has_every_public_name():
    named = re.findall(
        r"^::: bayes_scaling\.(\S+)\.(\w+)$", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE
    )
    assert {name: f"{module}.{name}" for module, name in named} == {
        name.rpartition(".")[2]: home for name, home in PUBLIC.items()
    }
    assert len(named) == len(PUBLIC)


def test_site_has_every_page():
    listed = re.findall(r": (\w+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(listed) == PAGES


def not_shown(names: Iterable[str], text: str) -> list[str]:
    """Functions that draw a figure and have no row in a page."""
    return [name for name in names if name.startswith("plot_") and f"| `{name}` |" not in text]


def test_every_figure_stands_on_the_page_of_plots():
    text = (ROOT / "docs" / "plots.md").read_text()
    assert not_shown(bayes_scaling.plots.__all__, text) == []
    assert not_shown(["plot_nothing", "save_figure"], text) == ["plot_nothing"]


def test_every_picture_of_the_gallery_is_on_its_page():
    text = (ROOT / "docs" / "gallery.md").read_text()
    pictures = sorted(path.name for path in (ROOT / "docs" / "images" / "gallery").iterdir())
    assert len(pictures) > 10
    assert [name for name in [*pictures, "x.png"] if f"(images/gallery/{name})" not in text] == ["x.png"]


def too_wide(text: str) -> list[str]:
    """Lines of printed blocks that no narrow window holds."""
    printed = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    return [line for block in printed for line in block.splitlines() if len(line) > 100]


def test_the_readme_is_short_and_what_it_prints_is_narrow():
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 150
    assert too_wide(text) == [] == too_wide((ROOT / "docs" / "decide.md").read_text())
    assert too_wide(text.replace("```text\n", "```text\n" + 101 * "x" + "\n", 1)) == [101 * "x"]


@pytest.mark.parametrize("page", [*PAGES, "../README.md"])
def test_links_lead_somewhere(page):
    path = ROOT / "docs" / page
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []


HOW_TO = [*(page for page in PAGES if page.startswith("howto_")), "covariates.md"]
REGISTERED = ("linear-mixer", "measured", "mixed-experts")


def tiny_study(runs: Any, spec: Any = None, **given: Any) -> Any:
    """Two replicates on some of the runs."""
    few = runs.subset((runs.frame["context_length"] == 8192).to_numpy())
    return sbc(few, spec, **{**given, "replicates": 2, "draws": 20, "tune": 20})


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """A reader with runs and little time: every fit is a tiny one, and what was registered is forgotten."""
    shutil.copy(ROOT / "data" / "simulated_runs.csv", tmp_path / "runs.csv")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bayes_scaling.posterior.fitting._sample", laplace)
    monkeypatch.setattr(bayes_scaling, "sbc", tiny_study)
    monkeypatch.setattr(
        bayes_scaling.latency,
        "fit_latency",
        lambda timings, device: prior_fit(timings, LatencySettings(device)),
    )
    before = set(LAWS)
    yield
    for name in set(LAWS) - before:
        forget_law(name)
    for name in REGISTERED:
        try:
            forget_architecture(name)
        except AccountingError:  # of another page
            continue


@pytest.mark.filterwarnings("ignore::bayes_scaling.errors.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::bayes_scaling.errors.RunsWarning")
@pytest.mark.filterwarnings("ignore::bayes_scaling.errors.TimingsWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("page", HOW_TO)
def test_code_of_how_to_pages_runs(page, reader, capsys):
    text = (ROOT / "docs" / page).read_text()
    names: dict[str, Any] = {}
    shown = 0
    for code, told in re.findall(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", text, re.DOTALL):
        exec(compile(code, page, "exec"), names)
        out = capsys.readouterr().out
        assert len(out.splitlines()) == len(told.splitlines()), out
        shown += bool(told)
    assert shown > 0


def commands() -> list[str]:
    """Every call of the command line that a page shows."""
    found = []
    for page in [*PAGES, "../README.md"]:
        text = (ROOT / "docs" / page).read_text()
        joined = re.sub(r"\\\n\s*", " ", text)
        found += re.findall(r"^(?: {4}|\$ )(bayes-scaling [a-z].*)$", joined, re.MULTILINE)
    return sorted({line.split(" #")[0].strip() for line in found})


@pytest.mark.parametrize("line", commands())
def test_commands_have_the_options_that_pages_show(line):
    command: Any = typer.main.get_command(app)
    words = line.split()[1:]
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    used = {word.split("=")[0] for word in words if re.fullmatch(r"--?[a-z][\w-]*(=.*)?", word)}
    assert used <= known


def test_the_page_of_data_and_the_catalogue_tell_the_same_sizes():
    pattern = r"adder of Transformers of (\S+ to \S+) params"
    page = (ROOT / "docs" / "data.md").read_text()
    told = [re.findall(pattern, text) for text in (page, (ROOT / "data" / "catalog.toml").read_text())]
    assert told[0] == told[1] != []
    assert re.findall(pattern, page.replace("1.3B", "13B")) != told[1]
