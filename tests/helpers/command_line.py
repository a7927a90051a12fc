"""Running the command line in tests."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner

from bayes_scaling.cli import app

HEADER = "architecture,context_length,params,tokens,loss\n"
GOOD_ROWS = "llama,2048,1e8,2e9,3.1\nllama,2048,2e8,4e9,2.9\n"
PLANNED = "architecture,context_length,params,tokens\nxlstm,8192,1e9,2e10\ntransformer,2048,3e8,6e9\n"


def run(*arguments: Any) -> Any:
    """The result of one command, its arguments made text; so wide that no sentence and no title is folded."""
    return CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "1000"})


def records(*arguments: Any) -> list[dict[str, Any]]:
    """The records of a command that must succeed and print nothing else."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)
    assert isinstance(rows, list) and rows
    assert all(not isinstance(value, list | dict) for row in rows for value in row.values())
    return rows


def assert_refused(result: Any, *parts: Any) -> None:
    """Exit code 2 and one message with these parts on standard error, nothing elsewhere."""
    assert result.exit_code == 2, (result.stdout, result.stderr, result.exception)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert lines[0].startswith("Error: ") and sum(line.startswith("Error: ") for line in lines) == 1
    assert "Traceback" not in result.stderr
    for part in parts:
        assert str(part) in result.stderr
