"""What is told while sampling goes on: lines, a bar on a terminal, or nothing; and what the gate says."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from bayes_scaling.errors import ConvergenceWarning
from bayes_scaling.models.design import build_design
from bayes_scaling.models.draws import RawDraws
from bayes_scaling.models.misfit_precisions import settle
from bayes_scaling.models.progress import sampling_progress
from bayes_scaling.posterior.fitting import fit
from bayes_scaling.posterior.gate import ConvergenceGate
from tests.helpers.fits import SAMPLING, small_fit, small_simulation


def test_lines_name_each_stage_where_there_is_no_terminal(capsys) -> None:
    with sampling_progress(True) as progress:
        progress.stage("pilot 1", 4000)
        progress.advance(2000)
        progress.stage("round 2 (R-hat 1.012, smallest ESS 350)", 500)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["pilot 1: 4,000 transitions", "round 2 (R-hat 1.012, smallest ESS 350): 500 transitions"]


def test_a_terminal_has_one_bar(monkeypatch) -> None:
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=100)
    monkeypatch.setattr("bayes_scaling.models.progress.Console", lambda **_: terminal)
    with sampling_progress(True) as progress:
        progress.stage("round 1", 4000)
        progress.advance(1000)
    shown = screen.getvalue()
    assert "round 1" in shown and "1000/4000" in shown and shown.endswith("\x1b[2K")  # it is wiped


def test_nothing_is_said_when_nobody_asks(capsys) -> None:
    with sampling_progress(False) as progress:
        progress.stage("pilot 1", 100)
        progress.advance(50)
    assert capsys.readouterr().err == ""


def test_a_fit_tells_its_stages_in_order(capsys) -> None:
    with pytest.warns(ConvergenceWarning):
        fit(small_simulation().runs, seed=1, **(SAMPLING | {"progress": True}))
    told = [line.split(":")[0] for line in capsys.readouterr().err.splitlines()]
    assert told == ["pilot 1", "pilot 2", "round 1"]


def test_the_gate_judges_what_the_user_sees(rng) -> None:
    """Its rows are the checks of a fit of the same draws; chains apart fail it."""
    runs = small_simulation().runs
    design, whitening = settle(build_design(runs, small_fit().spec))
    shape = (4, 500)
    stats = {
        "diverging": np.zeros(shape, dtype=bool),
        "energy": rng.standard_normal(shape),
        "n_steps": np.full(shape, 7),
        "tree_depth": np.full(shape, 3),
    }
    points = 0.3 * rng.standard_normal((*shape, design.size))
    gate = ConvergenceGate(design, runs, seed=0)
    verdict = gate(RawDraws(points, stats), whitening)
    assert verdict.passed and "R-hat 1.00" in verdict.note and "smallest ESS" in verdict.note
    assert {row.name for row in gate.rows} >= {"r_hat", "ess_bulk", "ess_tail", "divergences", "e_bfmi"}
    apart = points + 0.3 * np.arange(4)[:, None, None]
    assert not gate(RawDraws(apart, stats), whitening).passed
