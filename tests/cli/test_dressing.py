"""What all commands share: widths, intervals, names, groups, completion, a sign of life."""

from __future__ import annotations

import io
import re
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

import bayes_scaling as bs
from bayes_scaling.cli import app, dressing, waiting
from bayes_scaling.errors import BayesScalingError
from bayes_scaling.printing.numbers import count
from tests.helpers.command_line import assert_refused, records, run
from tests.helpers.fits import small_fit

QUESTIONS = {
    "summary": (),
    "frontier": ("--compute", "1e20,1e21"),
    "compare": ("--compute", "1e20,1e21"),
    "context": ("--compute", "1e20"),
    "iso-loss": ("--loss", "2.6"),
    "optimal-params": ("--params", "1e9"),
    "decide": ("--compute", "1e20"),
    "design": ("--compute", "1e21", "--context-length", "8192", "--next", "1"),
    "map": ("--compute", "1e20,1e21"),
    "lifetime": ("--loss", "2.6", "--served-tokens", "1e12"),
}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return small_fit().save(tmp_path_factory.mktemp("fits") / "fit.nc")


def widest(command, file, *more, **environment: str) -> int:
    arguments = [command, str(file), *QUESTIONS[command], *more]
    found = CliRunner().invoke(app, arguments, env=environment or {"COLUMNS": ""})
    assert found.exit_code == 0, found.output
    lines = [line for line in found.stdout.splitlines() if str(file) not in line]
    return max(map(len, lines))


@pytest.mark.parametrize("command", QUESTIONS)
def test_tables_fit_100_columns_and_wide_ones_need_more(command, file) -> None:
    assert widest(command, file) <= 100
    assert widest(command, file, "--wide") > (100 if command != "map" else 60)


def test_columns_is_heard_in_a_pipe(file) -> None:
    assert widest("frontier", file, COLUMNS="130") > 100 >= widest("frontier", file, COLUMNS="98")


def test_intervals_of_another_level(file) -> None:
    asked = ("frontier", file, "--compute", "1e20", "--context-length", 8192, "--architecture", "xlstm")
    (row,) = records(*asked)
    told = run(*asked, "--interval", 0.8).stdout
    assert "80% interval" in told and "90% interval" not in told
    assert f"{count(row['params_q10'])} to {count(row['params_q90'])}" in told
    assert f"{count(row['params_q05'])} to {count(row['params_q95'])}" in run(*asked).stdout
    assert_refused(run(*asked, "--interval", 0.7), "choose one of 0.5, 0.8, 0.9, 0.95")


def test_old_spellings_still_work() -> None:
    command = typer.main.get_command(app)
    spelt = {name: {o for p in c.params for o in p.opts} for name, c in command.commands.items()}
    assert {"--next", "--runs"} <= spelt["design"]
    assert {"--backtest", "--folder", "--figure", "--output", "-o"} <= spelt["backtest"]
    assert {"--figure", "--output", "-o"} <= spelt["sbc"]
    for name in ("predict", "frontier", "compare", "context", "iso-loss", "optimal-params", "decide", "map"):
        assert "--figure" in spelt[name]
    costs = {p.default for name, c in command.commands.items() for p in c.params if p.name == "cost"}
    assert costs == {"6ND", "accounted"}  # of the context's effect alone
    told = {name for name, c in command.commands.items() for p in c.params if p.default == "accounted"}
    assert told == {"context"}


def test_help_is_in_groups_of_whole_sentences() -> None:
    told = run("--help").stdout
    places = [
        told.index(f"{group}:") for group in ("Start", "Ask a fit", "Decide", "Test", "Latency and sweeps")
    ]
    assert places == sorted(places)
    assert told.count("...") == 1 and "--install-completion" in told  # that of the usage line


def test_choices_stand_in_the_help_and_can_be_completed() -> None:
    told = run("fit", "--help").stdout
    assert "[numpyro|pymc]" in told and "[partial|none|complete]" in told
    for python in ("<str>", "<int", "list[", "int range"):
        assert python not in told.split("Options:")[1]
    command = typer.main.get_command(app).commands["fit"]
    (law,) = (parameter for parameter in command.params if parameter.name == "law")
    complete = law._custom_shell_complete
    assert complete is not None


def test_figures_of_answers(file, tmp_path) -> None:
    path = tmp_path / "frontier.pdf"
    assert run("frontier", file, "--compute", "1e20,1e21", "--figure", path).exit_code == 0
    assert path.read_bytes().startswith(b"%PDF")
    one = run("frontier", file, "--compute", "1e20", "--figure", tmp_path / "one.png")
    assert_refused(one, "two budgets")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_sign_of_life_appears_after_a_while_and_goes(monkeypatch) -> None:
    monkeypatch.setattr(waiting, "SILENT", 0.0)
    monkeypatch.setattr(sys, "stderr", Terminal())
    with waiting.steps("Working") as told:
        told("hard")
        time.sleep(0.3)
        shown = sys.stderr.getvalue()
        waiting.hush()
        left = sys.stderr.getvalue()
        time.sleep(0.2)
        assert sys.stderr.getvalue() == left  # an answer may follow
    assert "Working hard" in shown


def test_an_answer_goes_to_standard_output_while_a_terminal_waits(monkeypatch, capsys) -> None:
    monkeypatch.setattr(waiting, "SILENT", 0.0)
    monkeypatch.setattr(sys, "stderr", Terminal())
    with waiting.steps("Working"):
        time.sleep(0.2)
        print("the answer")
    assert capsys.readouterr().out == "the answer\n"
    assert "the answer" not in sys.stderr.getvalue() and "Working" in sys.stderr.getvalue()


def test_a_pipe_and_a_quick_answer_see_no_sign_of_life(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with waiting.steps("Working"):
        time.sleep(0.01)
    assert sys.stderr.getvalue() == ""
    monkeypatch.setattr(sys, "stderr", Terminal())
    with waiting.steps("Working"):
        pass
    assert "Working" not in sys.stderr.getvalue()


def test_python_tables_have_the_levels_too() -> None:
    table = bs.frontier(small_fit(), 1e20).table(full=True)
    assert (table["params_q05"] <= table["params_q10"]).all() and (
        table["loss_q90"] <= table["loss_q95"]
    ).all()


def commands(group: Any, name: str = "") -> dict[str, Any]:
    """Every command by its name, those of groups too."""
    found = {}
    for part, command in group.commands.items():
        whole = f"{name} {part}".strip()
        found |= commands(command, whole) if hasattr(command, "commands") else {whole: command}
    return found


def fragment(text: str | None) -> bool:
    """Whether a help text is missing, or begins as the rest of a sentence."""
    return re.match(r"(Of|That|Such|For|By|Wanted)\b|$", text or "") is not None


def test_every_option_has_a_help_that_is_no_fragment() -> None:
    known = commands(typer.main.get_command(app))
    assert len(known) > 35
    helps = {(name, part.name): part.help for name, command in known.items() for part in command.params}
    assert [where for where, text in helps.items() if fragment(text)] == []
    assert fragment("Of the sampler.") and fragment(None) and not fragment("Seed of the sampler.")


WAIT = ("judge", "summary", "latency predict", "latency summary")
QUICK = ("datasets", "latency stages")  # the second has bars of its own


@pytest.mark.parametrize("name", [*WAIT, *QUICK])
def test_what_takes_seconds_shows_a_sign_of_life(monkeypatch, name) -> None:
    asked = []

    def steps(what: str) -> Any:
        asked.append(what)
        raise BayesScalingError("enough")

    monkeypatch.setattr(dressing.waiting, "steps", steps)
    monkeypatch.setattr(dressing, "sys", SimpleNamespace(stderr=Terminal()))
    command = commands(typer.main.get_command(app))[name]
    files = [f"no{part.name}.nc" for part in command.params if part.param_type_name == "argument"]
    run(*name.split(), *files, *(("--bench", "no.csv") if "stages" in name else ()))
    assert asked == (["Working"] if name in WAIT else [])
